"""A user's function as a model: compiled where the compiler can, plain Python where it cannot, called by address.

Both ways check each answer, ask twice now and then, and keep the first thing that goes wrong beside the function's
parameters, for whoever runs the loop to raise: a compiled loop cannot raise what a user wrote.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import time
import types
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from backbus.errors import StrategyError, lacks_memory
from backbus.jit.calls import COMPILES, PLAIN
from backbus.models.answers import Function, answer, answers, probes, short, told
from backbus.models.compiled import (
    ALWAYS,
    ANSWER,
    CALLS,
    FAILED,
    NUMBERS,
    OTHER,
    PARAMETERS,
    SELDOM,
    Compiled,
    Failed,
    compiled,
    parameters_of,
)
from backbus.strategy.failure import RAISED, told_of, user_traceback
from backbus.strategy.lasting import Prints, changed, prints_of
from backbus.trading.own_models import KINDS, SEEN, Beforehand

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_double))
_KEYS = itertools.count(1)
_TIMED, _TIMED_S = 200, 0.05
"""Calls, and seconds, by which the cost of plain Python is measured."""
_REASON = 120
"""Characters of the compiler's reason that a note has room for."""


MOST_CALLS = 100_000
"""Of one check that are written down."""


def _pointer(numbers: NDArray[np.float64]) -> Any:
    return numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


class _Way(NamedTuple):
    """How a function is called as a model of some kind, with parameters of some names."""

    code: Compiled | None
    """None of plain Python."""
    made: Any
    """The class of its parameters."""
    why: str
    """Why it is plain Python."""


class OwnFunction:
    """One function of a user's file; ``place`` says which, in words."""

    def __init__(self, name: str, place: str, function: Function) -> None:
        self.name, self.place, self.function = name, place, function
        self._ways: dict[tuple[str, ...], _Way] = {}
        self._costs: dict[str, float] = {}

    def bound(self, kind: str, parameters: Mapping[str, float]) -> BoundFunction:
        """It with its parameters, as a model of this kind."""
        names = (kind, *parameters)
        if names not in self._ways:
            self._ways[names] = self._way(kind, parameters_of(parameters))
        return BoundFunction(self, kind, self._ways[names].made(**parameters), self._ways[names])

    def _way(self, kind: str, made: Any) -> _Way:
        if not COMPILES:
            return _Way(None, made, "")
        try:
            return _Way(compiled(kind, self.function, made), made, "")
        except NumbaError as error:
            return _Way(None, made, _first_line(str(error)))
        except Exception as error:
            if lacks_memory(error):
                raise
            return _Way(None, made, f"{type(error).__name__}: {_first_line(str(error))}")

    def ask(self, kind: str, *asked: Any) -> Any:
        """Call it, as plain Python."""
        return self.function(*asked)

    def cost_us(self, kind: str, parameters: Any) -> float:
        """Microseconds of a call of plain Python, measured once in each process."""
        if kind not in self._costs:
            given = KINDS[kind].given
            count = KINDS[kind].numbers
            asked = [(given(*n[:count]), Beforehand(*n[count:])) for n in probes(kind)]
            calls, took, began = 0, 0.0, time.perf_counter()
            while calls < _TIMED and took < _TIMED_S:
                first, seen = asked[calls % len(asked)]
                with contextlib.suppress(*RAISED):  # of numbers that were made up
                    self.function(first, seen, parameters)
                calls, took = calls + 1, time.perf_counter() - began
            self._costs[kind] = took / calls * 1e6 + _CROSSING_US
        return self._costs[kind]

    def prints(self) -> Prints:
        """What it holds: its defaults, its closure, and the globals that it and its neighbours read."""
        holder = types.ModuleType(self.function.__module__ or "own")
        known = self.function.__globals__
        read = {name: known[name] for name in self.function.__code__.co_names if name in known}
        vars(holder).update({**read, self.name: self.function})
        return {name: value for name, value in prints_of([holder]).items() if name.endswith(holder.__name__)}


_CROSSING_US = 1.0
"""What a call from compiled code to Python costs besides; 0.8 µs were measured with a function of one line."""


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if not line.startswith(("Failed in", "[1m", "During", "-"))), "")
    plain = "".join(character for character in told if character.isprintable())
    return plain if len(plain) <= _REASON else plain[: _REASON - 1] + "…"


class Call(NamedTuple):
    """One call of a model, written down."""

    kind: str
    use: str
    """Which function, as the job names it."""
    asked: tuple[Any, ...]
    """Its three arguments."""
    said: Any


class Recording(OwnFunction):
    """A function, as plain Python, whose calls are written down."""

    def __init__(self, use: str, function: OwnFunction, calls: list[Call]) -> None:
        super().__init__(function.name, function.place, function.function)
        self._use, self._calls = use, calls

    def _way(self, kind: str, made: Any) -> _Way:
        return _Way(None, made, "")

    def ask(self, kind: str, *asked: Any) -> Any:
        """Call it."""
        said = super().ask(kind, *asked)
        if len(self._calls) < MOST_CALLS:
            self._calls.append(Call(kind, self._use, asked, said))
        return said


class BoundFunction:
    """A function with its parameters, as loops call it."""

    def __init__(self, function: OwnFunction, kind: str, parameters: Any, way: _Way) -> None:
        self._function, self.kind, self.parameters, self._way = function, kind, parameters, way
        self._numbers = np.zeros(PARAMETERS + len(parameters))
        self._numbers[PARAMETERS:] = parameters
        self._raised: BaseException | None = None
        self._given = KINDS[kind].given
        self._count = KINDS[kind].numbers
        self._before = function.prints() if way.code is None else {}
        self._callback: Any = None
        if way.code is not None:
            self._address = int(way.code.address)
        elif not COMPILES:
            self._address, self._callback = next(_KEYS), _Kept(self)
            PLAIN[self._address] = self._callback
        else:
            self._callback = _CALLBACK(self._called)
            self._address = int(ctypes.cast(self._callback, ctypes.c_void_p).value or 0)

    @property
    def address(self) -> int:
        """Where compiled code finds it."""
        return self._address

    @property
    def context(self) -> int:
        """Where its parameters lie, and what went wrong in it."""
        return int(self._numbers.ctypes.data)

    @property
    def title(self) -> str:
        """What it is, in words."""
        return f"{self.kind} {self._function.name} of {self._function.place}"

    @property
    def is_plain(self) -> bool:
        """Whether it is plain Python."""
        return self._way.code is None

    @property
    def notes(self) -> list[str]:
        """That it is plain Python, why, and what a call costs."""
        if not self.is_plain or not COMPILES:
            return []
        cost = self._function.cost_us(self.kind, self.parameters)
        return [f"{self.title} is plain Python: {cost:.2g} µs a call (it cannot be compiled: {self._way.why})"]

    def answers(self) -> list[str]:
        """What it says to numbers that are the same everywhere, with these numbers."""
        return answers(self.kind, self._function.function, self.parameters)

    @property
    def cost_us(self) -> float | None:
        """Microseconds of a call; None where it is compiled."""
        return self._function.cost_us(self.kind, self.parameters) if self.is_plain else None

    def differing(self, calls: Sequence[Call]) -> str | None:
        """The first call that is answered otherwise when all are made again, the last one first; in words."""
        for call in reversed(calls):
            try:
                again = self._function.ask(call.kind, *call.asked)
            except RAISED as error:
                again = type(error)
            before = answer(call.kind, call.said, call.asked[0][0])
            if answer(call.kind, again, call.asked[0][0]) != before:
                shown = ", ".join(map(short, call.asked))
                return f"{self.title} gives two answers, {call.said!r} and {again!r}, for {shown}"
        return None

    def rounding(self, calls: Sequence[Call]) -> str | None:
        """The first of these calls to which compiled code says something else than plain Python; in words."""
        if self._way.code is None:
            return None
        for call in calls:
            first, seen, _ = call.asked
            for keep in range(2 if self.kind == "margin" else 1):
                numbers = np.array([*first, *seen, float(keep)])
                found = self._way.code.ctypes(_pointer(numbers), _pointer(self._numbers))
                before = answer(call.kind, call.said, first[0])
                if before is not None and found != before[keep]:
                    shown = ", ".join(map(short, call.asked))
                    return f"compiled it says {found!r}, and as plain Python {before[keep]!r}, for {shown}"
        return None

    # --- calls -----------------------------------------------------------------------------------------------------

    def _called(self, numbers: Any, context: Any) -> float:
        """A call of plain Python, from compiled code or in its place; nothing is raised through the loop."""
        own = self._numbers
        if own[FAILED] != 0.0:
            return float("nan")
        try:
            asked = tuple(map(float, numbers[: self._count + SEEN + (self.kind == "margin")]))
            calls = own[CALLS]
            own[CALLS] = calls + 1.0
            said = self._ask(asked)
            right = answer(self.kind, said, asked[0])
            other = right
            if right is not None and (calls < ALWAYS or calls % SELDOM == 0.0):
                other = answer(self.kind, again := self._ask(asked), asked[0])
                if other != right:
                    return self._failed(Failed.TWO_ANSWERS, asked, said, again)
            if right is None:
                return self._failed(Failed.WRONG, asked, said, said)
            return right[1] if self.kind == "margin" and asked[-1] != 0.0 else right[0]
        except BaseException as error:
            self._raised = error
            return self._failed(Failed.RAISED, tuple(numbers[: self._count + SEEN]), None, None)

    def _ask(self, asked: tuple[float, ...]) -> Any:
        end = self._count + SEEN
        return self._function.ask(
            self.kind, self._given(*asked[: self._count]), Beforehand(*asked[self._count : end]), self.parameters
        )

    def _failed(self, how: int, asked: tuple[float, ...], said: Any, again: Any) -> float:
        self._numbers[FAILED] = how
        self._numbers[NUMBERS : NUMBERS + self._count + SEEN] = asked[: self._count + SEEN]
        self._said = said, again
        return float("nan")

    # --- what went wrong -------------------------------------------------------------------------------------------

    def look(self, *, over: bool = False) -> None:
        """Raise StrategyError where a call went wrong, or where the function remembers something of a run that is
        over."""
        how = int(self._numbers[FAILED])
        if how != Failed.NOTHING:
            raise self._trouble(how)
        if over and self.is_plain:
            kept = changed(self._before, self._function.prints())
            itself = f"{self._function.name} of "
            kept = [name for name in kept if not name.startswith(itself)] or kept
            if kept:
                raise StrategyError(
                    f"{self.title} remembers something from call to call ({', '.join(kept)} is not as it was): account "
                    "and market each call it at their own times, so that it must say the same of the same numbers; "
                    "let it depend on what it is given alone"
                )

    def overdrawn(self, cash: float) -> StrategyError:
        """What to raise where an account that may owe nothing has less than nothing."""
        return StrategyError(
            f"{self.title}: an order that could be paid took more than there was (cash {cash:.12g}): a part of an "
            "order must not cost more for each unit than the whole, nor a smaller order more than a larger one"
        )

    def _trouble(self, how: int) -> StrategyError:
        asked = tuple(self._numbers[NUMBERS : NUMBERS + self._count + SEEN].tolist())
        given = told(self.kind, asked, self.parameters)
        if how == Failed.RAISED:
            error = self._raised or self._raised_again(asked)
            if error is None:
                return StrategyError(f"{self.title} raised for {given}, where it is compiled, and not as plain Python")
            if not isinstance(error, RAISED):
                raise error
            memory = " (how much it may take: run.memory_mib on a stack, sweep.memory_mib in a sweep)"
            more = memory if lacks_memory(error) else ""
            return StrategyError(
                f"{self.title} raised {told_of(error)}{more}, for {given}",
                traceback=user_traceback(error),
            )
        said, again = self._shown()
        if how == Failed.TWO_ANSWERS:
            return StrategyError(
                f"{self.title} gives two answers, {said} and {again}, for {given}: a model must say the same of the "
                "same numbers, or account and market disagree"
            )
        return StrategyError(f"{self.title} gave {said} for {given}: {KINDS[self.kind].gives}")

    def _shown(self) -> tuple[str, str]:
        if self.is_plain:
            return repr(self._said[0]), repr(self._said[1])
        width = 2 if self.kind == "margin" else 1
        first, second = (self._numbers[at : at + width].tolist() for at in (ANSWER, OTHER))
        return (repr(tuple(first)), repr(tuple(second))) if width > 1 else (repr(first[0]), repr(second[0]))

    def _raised_again(self, asked: tuple[float, ...]) -> BaseException | None:
        """What compiled code raised, by asking plain Python the same."""
        try:
            self._ask(asked)
        except RAISED as error:
            return error
        return None


class _Kept:
    """A call that the registry of plain calls does not keep alive by itself."""

    def __init__(self, model: BoundFunction) -> None:
        self._call = model._called

    def __call__(self, numbers: tuple[float, ...], context: int) -> float:
        return self._call(numbers, context)
