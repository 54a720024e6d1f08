"""What a strategy's parameters choose, found out by watching it: where they do nothing but choose indicators of the
panel that are compared, other points follow without a run of its code.

A strategy is run once more with parameters that tell who looks at them. ``bars.sma(self.fast)`` only passes one on;
``if self.fast > 20`` looks, and then each point is run, as it is where anything but a comparison of two kept streams
comes back. What was found is tried against the strategy itself before it is believed, and only whole numbers are
watched: points that differ in anything else have recipes of their own. A point whose parameters are refused never gets
here: its checks are run first, always.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from backbus.market.panel import Block
from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.context import Context
from backbus.strategy.saying import edges
from backbus.strategy.saying.unwritten import Signals, Unwritten
from backbus.strategy.sharing import Shared
from backbus.strategy.streams import Stream

TRIALS = 3
"""Points for which both ways are gone before a recipe is believed."""
MOST = 64
"""Recipes that are known at once: strategies that differ in each point have none for long."""
_KEPT = (edges.ABOVE, edges.ABOVE_OR_EQUAL)

Chain = tuple[Any, ...]
"""How a stream is found: the key under which runs share it, with parameters in place of numbers."""


class _Parameter(NamedTuple):
    """What stands for a parameter in a chain."""

    name: str


class Looked(BaseException):
    """Somebody looked at a parameter. No error of Python's, so that no strategy handles it."""


def _look(told: Any, *_: Any) -> NoReturn:
    object.__getattribute__(told, "book").looked = True
    raise Looked


class _Told:
    """A parameter that is passed on and not looked at."""

    __slots__ = ("book", "name", "number")

    def __init__(self, name: str, number: int, book: _Book) -> None:
        self.name, self.number, self.book = name, number, book

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Asked for by isinstance."""
        _look(self)


_LOOKS = (
    "abs", "add", "and", "bool", "bytes", "call", "ceil", "complex", "contains", "delitem", "divmod", "eq",
    "float", "floor", "floordiv", "format", "ge", "getattr", "getitem", "gt", "hash", "index", "int", "invert",
    "iter", "le", "len", "lshift", "lt", "matmul", "mod", "mul", "ne", "neg", "next", "or", "pos", "pow",
    "radd", "rand", "rdivmod", "reduce", "reduce_ex", "repr", "rfloordiv", "rlshift", "rmatmul", "rmod", "rmul",
    "ror", "round", "rpow", "rrshift", "rshift", "rsub", "rtruediv", "rxor", "setitem", "sizeof", "str", "sub",
    "truediv", "trunc", "xor",
)  # fmt: skip
for _name in _LOOKS:
    setattr(_Told, f"__{_name}__", _look)


class _Book:
    """What a run with such parameters has asked for."""

    def __init__(self) -> None:
        self.looked = False
        self.chains: dict[int, set[Chain]] = {}
        """By where the stream lies."""
        self.asked: list[Chain] = []


class _ToldStream(Stream):
    """A stream of such a run."""

    __slots__ = ("_book", "_chain")
    _book: _Book
    _chain: Chain

    @staticmethod
    def of(stream: Stream, chain: Chain, book: _Book) -> _ToldStream:
        """The same values, and how they are found."""
        found = _ToldStream(stream._context, stream.values, stream._key)
        found._cold, found._address = stream._cold, stream._kept_at()
        found._chain, found._book = chain, book
        book.chains.setdefault(found._address, set()).add(chain)
        return found

    def _named(self, name: str, n: Any, compute: Any) -> Stream:
        told = type(n) is _Told
        made = super()._named(name, n.number if told else n, compute)
        if not told and type(n) is not int:
            return made
        chain = (*self._chain, name, _Parameter(n.name) if told else n)
        self._book.asked.append(chain)
        return _ToldStream.of(made, chain, self._book)


class _ToldBars(Bars):
    """The bars of such a run."""

    def __init__(self, context: Context, book: _Book) -> None:
        super().__init__(context)
        self._book = book

    def _field(self, name: str, values: Any) -> Stream:
        stream = super()._field(name, values)
        return _ToldStream.of(stream, stream._key or (), self._book)


class Recipe(NamedTuple):
    """What comes back from a strategy, by its parameters."""

    how: int
    side: float
    above: Chain
    below: Chain
    asked: tuple[Chain, ...]
    """All streams that it asks for."""


class Recipes:
    """Those of the strategies that are run over one panel."""

    def __init__(self, bars: Bars, shared: Shared[Stream], block: Block, warmup: int) -> None:
        self._bars, self._shared, self._block, self._warmup = bars, shared, block, warmup
        self._known: dict[Any, Recipe | None] = {}
        self._seen: dict[Any, int] = {}
        """How often a recipe was asked for, as long as it is tried."""

    def signals(self, strategy: Strategy) -> tuple[Signals, int] | None:
        """What a strategy says, and the rows before it could know all that it asks for; None where it is to be asked
        itself."""
        key = _key_of(strategy)
        if key is None or self._seen.get(key, 0) <= TRIALS:
            return None
        recipe = self._known[key]
        return None if recipe is None else self._made(recipe, strategy)

    def learn(self, strategy: Strategy, said: Signals, cold: int) -> None:
        """Take in what a strategy has said, and the rows before it knew all. It is watched where there is another like
        it."""
        key = _key_of(strategy)
        seen = self._seen.get(key, 0)
        if key is None or seen > TRIALS:
            return
        if seen == 0 and len(self._seen) >= MOST:
            self._seen.clear()
            self._known.clear()
        self._seen[key] = seen + 1
        if seen == 1:
            self._known[key] = self._watch(strategy) if _is_plain(said) else None
        if seen >= 1:
            recipe = self._known[key]
            made = None if recipe is None else self._made(recipe, strategy)
            if made is None or not _same(made, said, cold):
                self._known[key], self._seen[key] = None, TRIALS + 1

    def _made(self, recipe: Recipe, strategy: Strategy) -> tuple[Unwritten, int] | None:
        values, cold = strategy.__dict__, 0
        for chain in recipe.asked:
            stream = self._find(chain, values)
            if stream is None:
                return None
            if stream._cold < 0:
                stream._counted()
            cold = max(cold, stream._cold)
        above, below = self._find(recipe.above, values), self._find(recipe.below, values)
        if above is None or below is None:
            return None
        places = above._kept_at(), below._kept_at()
        arrays = above.values, below.values
        return Unwritten(recipe.how, arrays, recipe.side, self._block, self._warmup, places), cold

    def _find(self, chain: Chain, values: dict[str, Any]) -> Stream | None:
        if len(chain) == 1:
            name: str = chain[0]
            column: Stream = self._bars[name[1:]] if name.startswith("+") else getattr(self._bars, name)
            return column
        return self._shared.get(tuple([values[part.name] if type(part) is _Parameter else part for part in chain]))

    def _watch(self, strategy: Strategy) -> Recipe | None:
        """What its parameters choose; None where they do more."""
        book = _Book()
        run = self._bars.context.run
        try:
            watched = strategy.fresh()
            for name, value in list(watched.__dict__.items()):
                if type(value) is int:
                    watched.__dict__[name] = _Told(name, value, book)
            object.__setattr__(watched, "_backbus_run", run)
            run.restart()
            run.begin(self._block)
            said: Any = watched.signals(_ToldBars(self._bars.context, book))  # type: ignore[attr-defined]
            run.finish()
        except (Looked, Exception):
            return None
        finally:
            run.restart()
        if book.looked or not _is_plain(said):
            return None
        ways = [tuple(book.chains.get(place, ())) for place in said.places]
        if [len(way) for way in ways] != [1, 1]:
            return None  # two ways lead to one stream, by chance or always
        return Recipe(said.how, said.side, ways[0][0], ways[1][0], tuple(book.asked))


def _key_of(strategy: Strategy) -> Any:
    """What has a recipe of its own; None where a strategy has more than its parameters, or one that cannot be told."""
    values, kind = strategy.__dict__, type(strategy)
    if strategy.__pydantic_private__ or len(values) != len(kind.model_fields) or type(kind.lookback) is not int:
        return None
    try:
        rest = tuple([(name, value) for name, value in values.items() if type(value) is not int])
        hash(rest)
    except TypeError:
        return None
    return kind, rest


def _is_plain(said: Any) -> bool:
    return type(said) is Unwritten and said.how in _KEPT and said.places is not None


def _same(made: tuple[Unwritten, int], said: Signals, cold: int) -> bool:
    found, found_cold = made
    return isinstance(said, Unwritten) and (found.how, found.side, found.places, found_cold) == (
        said.how,
        said.side,
        said.places,
        cold,
    )
