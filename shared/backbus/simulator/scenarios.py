"""What befalls assets: each scenario changes their moves, their volume, or whether they trade at all.

A scenario is asked for strips of rows in order, of one asset at a time; what it remembers goes from row to row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backbus.errors import JobError
from backbus.jit.decorators import loop
from backbus.job import scenarios as sc
from backbus.market.panel import Floats, Ints, Panel
from backbus.simulator.history import MOVES, Moves, moves_of
from backbus.simulator.maths import exp_of, exps, log_of

_STEEPNESS = 3.0
"""Of a bubble: its last row rises e³ times as fast as its first."""


@dataclass
class Strip:
    """Some rows of one asset."""

    first_row: int
    session: Ints
    """[rows]"""
    changes: Floats
    """[1 + steps, rows] of the price's logarithm."""
    wander: Floats
    """[steps, rows] deviations of the moves within bars: 0 where a price takes no way of its own."""
    activity: Floats
    """[rows] its volume, before moves are counted."""
    absent: NDArray[np.bool_]
    """[rows] whether it does not trade."""

    def between(self, begin: int, stop: int) -> slice:
        """Where these rows of the market lie in the strip."""
        return slice(max(begin - self.first_row, 0), max(min(stop - self.first_row, len(self.activity)), 0))

    def rows(self, part: slice) -> Ints:
        """Numbers of the market's rows in a part of the strip."""
        return np.arange(part.start, max(part.start, part.stop), dtype=np.int64) + self.first_row

    def drift(self, part: slice, changes: Floats) -> None:
        """Add changes [rows of the part], in equal steps within each bar."""
        steps = len(self.changes) - 1
        self.changes[1:, part] += changes / steps


class Effect(ABC):
    """A scenario at work on one asset."""

    @abstractmethod
    def apply(self, strip: Strip) -> None:
        """Change the rows of the strip that it touches."""


class _Drifts(Effect):
    """Changes for some rows from ``row`` on, [rows]."""

    def __init__(self, row: int, changes: Floats) -> None:
        self._row, self._changes = row, changes

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._row + len(self._changes))
        rows = strip.rows(part)
        if len(rows):
            strip.drift(part, self._changes[rows - self._row])


class _Flash(Effect):
    def __init__(self, scenario: sc.FlashCrash) -> None:
        self._row, self._rows, self._fall = scenario.row, scenario.rows, log_of(1.0 - scenario.depth)

    def apply(self, strip: Strip) -> None:
        place = strip.between(self._row, self._row + 1)
        strip.changes[1, place] += self._fall
        if self._rows == 1:
            strip.changes[-1, place] -= self._fall
        else:
            back = strip.between(self._row + 1, self._row + self._rows)
            strip.drift(back, np.full(len(strip.rows(back)), -self._fall / (self._rows - 1)))


class _Scaled(Effect):
    """Moves times a factor, volume times another."""

    def __init__(self, scenario: sc.VolatilityShock | sc.Drought) -> None:
        self._row, self._stop = scenario.row, scenario.stop
        if isinstance(scenario, sc.Drought):
            self._moves, self._volume, self._fades = scenario.impact, scenario.factor, False
        else:
            self._moves, self._volume, self._fades = scenario.factor, 1.0, scenario.fades

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._stop)
        rows = strip.rows(part)
        if len(rows):
            left = (self._stop - rows) / (self._stop - self._row) if self._fades else 1.0
            factor = 1.0 + (self._moves - 1.0) * left
            strip.changes[:, part] *= factor
            strip.wander[:, part] *= factor
            strip.activity[part] *= self._volume


class _Gap(Effect):
    def __init__(self, scenario: sc.Gap) -> None:
        self._row, self._size = scenario.row, log_of(1.0 + scenario.size)

    def apply(self, strip: Strip) -> None:
        strip.changes[0, strip.between(self._row, self._row + 1)] += self._size


@loop
def fold(changes: Floats, begin: int, stop: int, low: float, high: float, place: Floats) -> None:
    """Moves thrown back from two walls: ``place`` is where they would be without, and where they are."""
    away, inside = place[0], place[1]
    span = high - low
    for row in range(begin, stop):
        for k in range(changes.shape[0]):
            away += changes[k, row]
            turn = (away - low) / (2.0 * span)
            turn = 2.0 * (turn - np.floor(turn))
            new = low + span * (turn if turn <= 1.0 else 2.0 - turn)
            changes[k, row] = new - inside
            inside = new
    place[0] = away
    place[1] = inside


class _Range(Effect):
    def __init__(self, scenario: sc.TradingRange) -> None:
        self._row, self._stop = scenario.row, scenario.stop
        self._low, self._high = log_of(1.0 - scenario.width), log_of(1.0 + scenario.width)
        self._place = np.zeros(2)

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._stop)
        if part.start < part.stop:
            strip.wander[:, part] = 0.0
            fold(strip.changes, part.start, part.stop, self._low, self._high, self._place)


@loop
def clip(changes: Floats, session: Ints, begin: int, stop: int, low: float, high: float, state: Floats) -> None:
    """Moves cut at two walls around the last close of the session before: ``state`` is how far from it the price is,
    and the session, −1 before the first row. Float64 holds days since 1970 exactly."""
    away, current = state[0], state[1]
    for row in range(begin, stop):
        if session[row] != current:
            current = float(session[row])
            away = 0.0
        for k in range(changes.shape[0]):
            new = min(max(away + changes[k, row], low), high)
            changes[k, row] = new - away
            away = new
    state[0] = away
    state[1] = current


class _Limits(Effect):
    """In the first rows of a session under way the last close before them stands for that of the session before."""

    def __init__(self, scenario: sc.PriceLimits) -> None:
        self._row, self._stop = scenario.row, scenario.stop
        self._low, self._high = log_of(1.0 - scenario.limit), log_of(1.0 + scenario.limit)
        self._state = np.array([0.0, -1.0])

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._stop)
        if part.start < part.stop:
            strip.wander[:, part] = 0.0
            clip(strip.changes, strip.session, part.start, part.stop, self._low, self._high, self._state)


class _Halt(Effect):
    def __init__(self, scenario: sc.Halt) -> None:
        self._row, self._stop, self._moved = scenario.row, scenario.stop, 0.0

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._stop)
        if part.start < part.stop:
            for row in range(part.start, part.stop):  # one after the other: the cut changes no sum
                for change in strip.changes[:, row].tolist():
                    self._moved += change
            strip.changes[:, part] = strip.wander[:, part] = 0.0
            strip.absent[part] = True
        strip.changes[0, strip.between(self._stop, self._stop + 1)] += self._moved


class _Delisting(Effect):
    def __init__(self, scenario: sc.Delisting) -> None:
        self._row, self._final = scenario.row, log_of(1.0 - scenario.final)

    def apply(self, strip: Strip) -> None:
        strip.changes[-1, strip.between(self._row - 1, self._row)] += self._final
        strip.absent[strip.between(self._row, strip.first_row + len(strip.activity))] = True


class _Replay(Effect):
    def __init__(self, scenario: sc.Replay, moves: Moves, begin: int) -> None:
        self._row, self._stop, self._moves, self._begin = scenario.row, scenario.stop, moves, begin

    def apply(self, strip: Strip) -> None:
        part = strip.between(self._row, self._stop)
        rows = strip.rows(part) - self._row + self._begin
        if len(rows):
            strip.changes[:, part] = strip.wander[:, part] = 0.0
            strip.changes[:MOVES, part] = self._moves.changes[:, rows]


def effect_of(scenario: sc.Scenario, number: int, history: Panel | None) -> Effect | None:
    """A scenario that has not begun; None where it is no matter of single assets."""
    match scenario:
        case sc.Crash():
            low = log_of(1.0 - scenario.depth)
            fall = np.full(scenario.rows, low / scenario.rows)
            back = log_of(1.0 - scenario.depth + scenario.depth * scenario.recovered) - low
            rise = np.full(scenario.recovery, back / max(scenario.recovery, 1))
            return _Drifts(scenario.row, np.concatenate((fall, rise)))
        case sc.Bubble():
            course = exps(_STEEPNESS * np.arange(scenario.rows + 1) / scenario.rows)
            rise = log_of(1.0 + scenario.height) * np.diff(course) / (exp_of(_STEEPNESS) - 1.0)
            end = log_of(1.0 + scenario.height * (1.0 - scenario.collapse)) - log_of(1.0 + scenario.height)
            return _Drifts(scenario.row, np.concatenate((rise, np.full(scenario.burst, end / scenario.burst))))
        case sc.Trend():
            return _Drifts(scenario.row, np.full(scenario.rows, log_of(1.0 + scenario.change) / scenario.rows))
        case sc.FlashCrash():
            return _Flash(scenario)
        case sc.VolatilityShock() | sc.Drought():
            return _Scaled(scenario)
        case sc.Gap():
            return _Gap(scenario)
        case sc.TradingRange():
            return _Range(scenario)
        case sc.PriceLimits():
            return _Limits(scenario)
        case sc.Halt():
            return _Halt(scenario)
        case sc.Delisting():
            return _Delisting(scenario)
        case sc.Replay():
            return _replay(scenario, f"simulator.scenarios.{number}", history)
    return None


def _replay(scenario: sc.Replay, field: str, history: Panel | None) -> Effect:
    assert history is not None
    moves = moves_of(history, scenario.of, (), field)
    since = np.datetime64(scenario.since, "D").astype(np.int64)
    begin = int(np.searchsorted(moves.session, since))
    if begin + scenario.rows > len(moves.volume):
        raise JobError(
            f"history has {len(moves.volume) - begin} bars of {scenario.of} from {scenario.since} on, and "
            f"{scenario.rows} are to be replayed",
            field=field,
        )
    return _Replay(scenario, moves, begin)
