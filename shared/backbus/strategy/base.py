"""What every strategy is: parameters, and one method that says what it wants.

Array style defines ``signals(self, bars)``, called once per block, and returns what one of ``hold_long``,
``hold_short``, ``hold``, ``enter_exit`` or ``target_weights`` gives. Event style defines ``on_bar(self, bar)`` or
``on_bar(self, bar, book)``, called for every bar of every asset, and says ``go_long``, ``go_short``, ``go_flat`` or
``target_weight``, or asks for orders with ``buy``, ``sell`` and ``order``. The second form reads the book, and
``on_fill(self, fill)`` is told of fills: both make the run keep step with the portfolio row by row.

Either style may define ``indicators(self, bars)``, which figures ask for what to draw beside prices (``overlays.py``).
"""

from __future__ import annotations

import inspect
import math
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.errors import PydanticUserError

from backbus.errors import StrategyError
from backbus.strategy.failure import users_code
from backbus.strategy.order_terms import entry_terms, exit_terms
from backbus.strategy.orders import Order
from backbus.strategy.parameters import StrategyClass, not_made, refuse_names_of_ours, wrong_parameter
from backbus.strategy.run import Run
from backbus.strategy.saying import holding
from backbus.trading.records import Records


class Strategy(BaseModel, metaclass=StrategyClass):
    """Base of all strategies. An instance is its parameters; a run works on a ``fresh`` copy of it.

    What a strategy remembers between bars goes into attributes that begin with an underscore, declared with their
    first value (``_count: int = 0``): parameters themselves never change.
    """

    __slots__ = ("_backbus_run",)
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    lookback: ClassVar[int] = 0
    """Rows put before each block in ``bars.raw``, or bars that ``bar.history`` reaches back to. May be a property."""
    style: ClassVar[Literal["none", "array", "event"]] = "none"
    """Which of the two methods the class defines; found out when it is defined."""
    reads_book: ClassVar[bool] = False
    """Whether the portfolio is to be heard row by row: ``on_bar`` takes the book, or there is an ``on_fill``."""
    takes_book: ClassVar[bool] = False
    """Whether ``on_bar`` takes the book. Both are found out when the class is defined."""

    def __init__(self, /, *positional: Any, **params: Any) -> None:
        if positional:
            first = next(iter(type(self).model_fields), None)
            hint = "it has none" if first is None else f"{type(self).__name__}({first}={positional[0]!r})"
            raise StrategyError(f"{type(self).__name__} takes its parameters by name: {hint}")
        try:
            super().__init__(**params)
        except ValidationError as error:
            raise wrong_parameter(type(self), error) from None
        except (PydanticUserError, TypeError) as error:  # a type that is not there; bounds that do not fit a type
            raise not_made(type(self).__name__, error) from error

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        refuse_names_of_ours(cls, Strategy)
        array, event = getattr(cls, "signals", None), getattr(cls, "on_bar", None)
        if array is not None and event is not None:
            raise StrategyError(f"{cls.__name__} defines both signals and on_bar; keep one of them")
        cls.style = "array" if array is not None else "event" if event is not None else "none"
        if array is not None and _positional(array) != 1:
            raise StrategyError(f"{cls.__name__}.signals takes one argument after self: signals(self, bars)")
        if getattr(cls, "on_fill", None) is not None and event is None:
            raise StrategyError(f"{cls.__name__} defines on_fill without on_bar; only event style is told of fills")
        if event is not None:
            count = _positional(event)
            if count not in (1, 2):
                raise StrategyError(f"{cls.__name__}.on_bar is on_bar(self, bar) or on_bar(self, bar, book)")
            cls.reads_book = count == 2 or getattr(cls, "on_fill", None) is not None
            cls.takes_book = count == 2

    def fresh(self) -> Self:
        """A copy with the same parameters that has not seen a bar."""
        if self.style == "none":
            raise StrategyError(f"{type(self).__name__} defines neither signals(self, bars) nor on_bar(self, bar)")
        with users_code(type(self).__name__):
            copy = type(self)(**{name: getattr(self, name) for name in type(self).model_fields})
        # pydantic finds private attributes by a slow path (1.5 µs); in the instance's own dict they are read at once.
        copy.__dict__.update(copy.__pydantic_private__ or {})
        return copy

    def reach(self) -> int:
        """``lookback`` as a checked number."""
        plain = type(self).lookback
        if type(plain) is int and plain >= 0:  # no property, whose code could fail
            return plain
        with users_code(f"{type(self).__name__}.lookback"):
            depth: Any = self.lookback
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
            raise StrategyError(f"{type(self).__name__}.lookback is a number of bars, not {depth!r}")
        return depth

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] == "_":
            object.__setattr__(self, name, value)
        elif name in type(self).model_fields:
            raise StrategyError(f"{name} is a parameter and cannot change; keep what changes in self._{name}")
        else:
            raise StrategyError(f"keep what the strategy remembers in self._{name}, with an underscore")

    @property
    def _run(self) -> Run:
        try:
            run: Run = object.__getattribute__(self, "_backbus_run")
        except AttributeError:
            raise StrategyError("signals can only be made while a backtest runs the strategy") from None
        return run

    def hold_long(self, condition: Any, **exits: float) -> Records:
        """Be long while ``condition`` [rows, assets] is true, and flat otherwise.

        ``exits`` come with every entry of a holding rule, as fractions of the price paid: ``take_profit_fraction``,
        ``stop_loss_fraction``, ``trailing_loss_fraction``, and of the last ``trailing_from_fraction`` and
        ``trailing_then_fraction``. What an exit has closed stays closed until the rule changes
        its mind."""
        return holding.with_exits(holding.hold_side(self._run, condition, 1.0), exits)

    def hold_short(self, condition: Any, **exits: float) -> Records:
        """Be short while ``condition`` [rows, assets] is true, and flat otherwise."""
        return holding.with_exits(holding.hold_side(self._run, condition, -1.0), exits)

    def hold(self, direction: Any, **exits: float) -> Records:
        """Be on the side that the sign of ``direction`` [rows, assets] says; 0 and NaN are flat.

        Its size, at most 1, is the strength of the entry. Only a change of side speaks: to resize, use weights.
        """
        return holding.with_exits(holding.hold_direction(self._run, direction), exits)

    def enter_exit(
        self, enter: Any, exit: Any, enter_short: Any = None, exit_short: Any = None, **exits: float
    ) -> Records:
        """Be long from ``enter`` to ``exit`` and, where given, short from ``enter_short`` to ``exit_short``.

        An exit beats an entry of its own side in the same row, an entry of the other side reverses the position, and
        both entries at once say nothing. Without ``exit_short``, a short ends only by a long entry.
        """
        return holding.with_exits(holding.enter_exit(self._run, enter, exit, enter_short, exit_short), exits)

    def target_weights(self, weights: Any, **exits: float) -> Records:
        """Trade to these fractions of equity [rows, assets] wherever they are not NaN; negative is short."""
        return holding.with_exits(holding.target_weights(self._run, weights), exits)

    def go_long(self, strength: float = 1.0, symbol: str | None = None, **terms: Any) -> None:
        """Want to be long, in the current bar's asset or in ``symbol``; strength is in (0, 1].

        ``terms`` are those of ``order``: how it enters, and its exits."""
        self._run.emission.direction(1.0, strength, symbol, terms)

    def go_short(self, strength: float = 1.0, symbol: str | None = None, **terms: Any) -> None:
        """Want to be short, in the current bar's asset or in ``symbol``; strength is in (0, 1]."""
        self._run.emission.direction(-1.0, strength, symbol, terms)

    def go_flat(self, symbol: str | None = None, **terms: Any) -> None:
        """Want no position, in the current bar's asset or in ``symbol``."""
        self._run.emission.direction(0.0, 1.0, symbol, terms)

    def target_weight(self, weight: float, symbol: str | None = None, **terms: Any) -> None:
        """Trade to this fraction of equity, negative for short, in the current bar's asset or in ``symbol``."""
        self._run.emission.weight(weight, symbol, terms)

    def order(self, quantity: float, symbol: str | None = None, **terms: Any) -> Order:
        """Ask for an order of ``quantity`` units, negative to sell, whatever the signals say. It works from the next
        row on, after the account's risk let it pass.

        Without terms it is a market order. ``limit``, ``stop`` or both: a limit, stop or stop-limit order. ``trail``
        (price units) or ``trail_fraction``: a trailing stop, which with ``trail_from`` sleeps until that price is
        reached, or, with ``trail_then`` or ``trail_then_fraction`` beside it, trails by that from there on.
        ``at="open"`` or ``at="close"``: only at the next open or close. ``time_in_force``: "gtc" (as long as it takes),
        "day", "ioc" (at once, the rest is cancelled) or "fok" (at once and whole, or not at all); ``until``: a date, or
        an instant with its zone. ``take_profit``, ``stop_loss``, ``trailing_loss`` (prices; the last a distance), or
        with ``_fraction`` behind the name fractions of the entry's price: exits that come alive with its fills and end
        one another; ``trailing_from`` (a price; or ``trailing_from_fraction``, a profit) and ``trailing_then`` are to a
        trailing loss what ``trail_from`` and ``trail_then`` are to ``trail``. ``group``: an earlier order; one fill
        ends the others. ``reduce_only``: never beyond flat. Raises StrategyError for what cannot be an order.
        """
        return self._run.emission.order(quantity, symbol, terms)

    def buy(self, quantity: float, symbol: str | None = None, **terms: Any) -> Order:
        """``order`` for ``quantity`` > 0 units."""
        return self._run.emission.order(_positive(quantity), symbol, terms)

    def sell(self, quantity: float, symbol: str | None = None, **terms: Any) -> Order:
        """``order`` to sell ``quantity`` > 0 units."""
        return self._run.emission.order(-_positive(quantity), symbol, terms)

    def cancel(self, order: Order) -> None:
        """Take an order back; nothing happens if it works no more."""
        self._run.emission.cancel(order)

    def replace(self, order: Order, quantity: float | None = None, **terms: Any) -> Order:
        """Take an order back and ask for another in its place, with ``quantity`` units from now on and its terms but
        for those given. What takes the place of a signal's entry brings the exits that this had, the job's own too;
        None removes one. What takes an exit's place belongs to the same entry: ``replace(order, stop=96.0)`` moves a
        stop loss, ``limit`` a take profit, ``trail`` a trailing one. If the first works no more by then, the second is
        refused; if that is known already, nothing is asked for."""
        if not order.works:
            return order
        asked = {**order.terms, **terms}
        if order.role == "entry":
            exits = [(one.role, one.terms) for one in self._run.emission.blotter.working if one.parent == order.id]
            asked = {**entry_terms(exits, asked), **asked}
        terms = {name: value for name, value in asked.items() if value is not None}
        terms = exit_terms(order.role, order.terms, terms) if order.role != "entry" else terms
        wanted = (
            order.quantity - order.filled if quantity is None else math.copysign(_positive(quantity), order.quantity)
        )
        return self._run.emission.order(wanted, order.symbol, terms, order)


def _positive(quantity: Any) -> float:
    if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not quantity > 0.0:
        raise StrategyError(f"a quantity to buy or to sell must be above 0, not {quantity!r}")
    return quantity


def _positional(method: Any) -> int:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in kinds for p in inspect.signature(method).parameters.values()) - 1
