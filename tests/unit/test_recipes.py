"""Points that follow from what a strategy's parameters choose: the same signals as from the strategy's own code, and
whatever looks at a parameter is run each time."""

from __future__ import annotations

import contextlib
import operator
import random
from typing import Any, ClassVar

import numpy as np
import pytest

from backbus.strategy import PanelRunner, Strategy, param
from backbus.strategy.builtins import SmaCross
from backbus.strategy.recipes import TRIALS
from backbus.strategy.saying.unwritten import written
from tests.unit.test_points_side_by_side import market

RUNS: list[str] = []


class Chooses(Strategy):
    """Passes its parameters on, and nothing else."""

    fast: int = param(3, ge=1)
    slow: int = param(8, ge=1)
    short: bool = False

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        below = bars.ema(self.slow).sma(self.fast) < bars.close
        return self.hold_short(below) if self.short else self.hold_long(below)


class Branches(Chooses):
    """Looks at one."""

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        mean = bars.sma(self.slow) if self.fast > 4 else bars.ema(self.slow)
        return self.hold_long(bars.close > mean)


class LooksQuietly(Chooses):
    """Looks at one, and handles what it meets."""

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        n = self.slow
        try:
            n = 5 if isinstance(self.fast, int) and self.fast > 4 else n
        except Exception:
            n = 7
        return self.hold_long(bars.close > bars.sma(n))


class ByKind(Chooses):
    """Asks what a parameter is, which nobody hears of: only a trial tells."""

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        return self.hold_long(bars.close > (bars.sma(self.slow) if type(self.fast) is int else bars.ema(self.slow)))


class Derives(Chooses):
    """Has more than its parameters."""

    _half: int = 1

    def model_post_init(self, _: Any) -> None:
        self._half = self.slow // 2 + 1

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        return self.hold_long(bars.sma(self.fast) > bars.sma(self._half))


class Reaches(Chooses):
    """Says by a parameter how far it looks back."""

    lookback: ClassVar[Any] = property(lambda self: self.slow)

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        return self.hold_long(bars.sma(self.fast) > bars.close)


class Computes(Chooses):
    """Compares what no run shares."""

    def signals(self, bars: Any) -> Any:
        RUNS.append(type(self).__name__)
        return self.hold_long(bars.sma(self.fast) > bars.sma(self.slow) * 1.01)


def panel_of(rows: int = 90) -> Any:
    close = 100.0 + np.cumsum(np.random.default_rng(rows).normal(0.0, 1.0, (rows, 1)), axis=0)
    return market(close.copy(), close)


def both(kind: type[Strategy], points: list[dict[str, Any]]) -> int:
    """How often the strategy's own code ran for these points; what came is what it says when it is asked each time."""
    panel = panel_of()
    one, other = PanelRunner(panel, unwritten=True), PanelRunner(panel)
    told = [(one.signals(kind(**point)), one.cold) for point in points]
    runs = len(RUNS)
    RUNS.clear()
    for (said, cold), point in zip(told, points, strict=True):
        wanted = other.signals(kind(**point))
        assert written(said).tobytes() == written(wanted).tobytes()
        assert cold == other.cold
    RUNS.clear()
    return runs


def grid(**more: Any) -> list[dict[str, Any]]:
    points = [{"fast": fast, "slow": slow, **more} for fast in range(2, 8) for slow in range(3, 12)]
    random.Random(1).shuffle(points)
    return points


@pytest.fixture(autouse=True)
def none_ran() -> None:
    RUNS.clear()


def test_points_follow_once_a_strategy_was_watched() -> None:
    points = grid()
    # What one run of its code after the other leaves to share, the next ones find; each is run until all is there.
    runs = both(Chooses, [*points, *points])
    assert len(points) < runs <= len(points) + TRIALS + 2
    assert both(Chooses, [{"fast": 2, "slow": 3}] * (TRIALS + 20)) == TRIALS + 2


def test_each_side_has_a_recipe_of_its_own() -> None:
    points = [point | {"short": short} for point in grid() for short in (False, True)]
    assert both(Chooses, points) < 2 * len(grid()) + 2 * (TRIALS + 2)


@pytest.mark.parametrize("kind", [Branches, LooksQuietly, ByKind, Derives, Reaches, Computes])
def test_what_does_more_than_choose_is_run_each_time(kind: type[Strategy]) -> None:
    points = grid()
    assert both(kind, points + points) >= 2 * len(points)


def test_streams_that_two_ways_lead_to_are_told_apart_or_not_believed() -> None:
    both(Chooses, [{"fast": n, "slow": n} for n in range(2, 9)] + grid())
    both(SmaCross, [{"fast": fast, "slow": slow} for fast in range(2, 6) for slow in range(fast + 1, 9)] * 2)


@pytest.mark.parametrize("look", [bool, float, int, str, repr, hash, abs, operator.index, operator.neg, list, len])
def test_whoever_looks_is_noticed(look: Any) -> None:
    class Looks(Chooses):
        def signals(self, bars: Any) -> Any:
            RUNS.append("Looks")
            with contextlib.suppress(TypeError):
                look(self.fast)
            return self.hold_long(bars.close > bars.sma(self.slow))

    points = grid()
    assert both(Looks, points + points) >= 2 * len(points)
