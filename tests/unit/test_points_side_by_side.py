"""Points of one asset that are traded from signal to signal and counted eight at a time: the bytes that each has by the
loop of all runs; and whatever this way cannot go, goes the other."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from backbus.engine import straight
from backbus.engine.batch import Outcome, Point, PointsEngine, terms_of
from backbus.engine.one_asset import carried, fits, least_of, next_bars, spoken_plainly
from backbus.engine.straight import wide_registers
from backbus.jit.decorators import JIT_DISABLED
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel
from backbus.market.ticks import CLOSE_SIGNAL, PHASES
from backbus.strategy import PanelRunner, Strategy
from backbus.strategy.builtins import DonchianBreakout, RsiReversion, SmaCross
from backbus.strategy.saying.unwritten import Unwritten
from backbus.trading.numbers import rules_of
from backbus.trading.records import SIGNAL
from tests.simulation.cases import some_job
from tests.unit.doc_pages import ROOT

DAY = 86_400_000_000_000
SEEDS = int(os.environ.get("BACKBUS_SEEDS", "300"))
BATCH = 50


def some_market(dice: random.Random, rows: int | None = None) -> Panel:
    """One asset, with holes or without: a row or hundreds, calm or wild, with sessions of one bar or of several."""
    rows = rows or dice.choice([1, 2, 3, 20, 100, 700])
    draw = np.random.default_rng(dice.getrandbits(60))
    swing = dice.choice([0.01, 0.05, 0.3])
    close = dice.choice([1.0, 50.0, 3000.0]) * np.exp(np.cumsum(draw.normal(0.0, swing, (rows, 1)), axis=0))
    open_ = close * np.exp(draw.normal(0.0, swing, close.shape))
    if dice.random() < 0.4:
        holes = draw.random((rows, 1)) < dice.choice([0.02, 0.3, 0.9])
        open_[holes], close[holes] = np.nan, np.nan
    return market(open_, close, dice.choice([0, 0, dice.randrange(rows)]), dice.choice([1, 5]))


def market(open_: Any, close: Any, warmup: int = 0, bars_a_session: int = 1) -> Panel:
    columns = [open_, np.fmax(open_, close), np.fmin(open_, close), close, close * 0.0 + 100.0]
    for column in columns:
        column.flags.writeable = False
    days = np.arange(len(close), dtype=np.int64)
    layout = Layout(("A",), len(close), warmup, DAY)
    return Panel(layout, Block(0, (days + 1) * DAY, days // bars_a_session, *columns))


def some_terms(dice: random.Random, panel: Panel) -> Job:
    """A job that may do whatever goes this way, and some that does not."""
    plain = some_job(dice, panel, 5).plain()
    plain["instruments"] = []
    plain["portfolio"] |= {"exits": {}, "limits": {}, "margin": None, "interest": {}, "rates": {}}
    plain["execution"] |= {"volume_cap": None}
    if dice.random() < 0.8:
        plain["portfolio"]["size_at"], plain["execution"]["fill"] = "close", "open"
    plain["performance"] = {"benchmark": dice.choice([None, "A"]), "risk_free": dice.choice([0.0, 0.03])}
    return Job.parse(plain)


def some_points(dice: random.Random, job: Job, panel: Panel) -> list[Point]:
    terms = terms_of(job, panel.layout, panel.block.session[panel.layout.warmup :])
    runner = PanelRunner(panel, unwritten=dice.random() < 0.7)
    found = []
    for _ in range(dice.choice([1, 3, 8, 11])):
        fast = dice.randint(1, 5)
        strategy: Any = dice.choice(
            [
                SmaCross(fast=fast, slow=fast + dice.randint(1, 9), short=dice.random() < 0.5),
                DonchianBreakout(entry=dice.randint(1, 6), exit=dice.randint(1, 6), short=dice.random() < 0.5),
                RsiReversion(period=dice.randint(2, 5), low=45.0),
                Plainly(n=fast, how=dice.choice(["long", "equal", "short", "numbers", "weights", "both"])),
            ]
        )
        found.append(Point(terms, runner.signals(strategy)))
    return found


class Plainly(Strategy):
    """One of the ways in which a strategy may speak."""

    n: int
    how: str

    def signals(self, bars: Any) -> Any:
        mean, numbers = bars.sma(self.n), np.asarray(bars.close)[:, 0]
        above = numbers > np.roll(numbers, 1)
        if self.how == "both":
            both = np.concatenate((self.hold_long(bars.close > mean), self.hold_short(bars.close < mean)))
            return both[np.unique(both["tick"], return_index=True)[1]]
        if self.how == "numbers":
            found = self.hold_long(above)
            above[:] = False  # its memory is its own
            return found
        if self.how == "weights":
            return self.target_weights(np.where(above, 0.5, np.nan))
        if self.how == "short":
            return self.hold_short(bars.close < mean)
        return self.hold_long(bars.close >= mean if self.how == "equal" else bars.close > mean)


def both_ways(panel: Panel, points: list[Point], benchmark: str | None = None) -> tuple[Outcome, Outcome]:
    """The points as they are run, and by the loop that goes from row to row."""
    from_row_to_row = PointsEngine(panel, benchmark)
    from_row_to_row._least_price = 0.0
    return PointsEngine(panel, benchmark).run(points), from_row_to_row.run(points)


def assert_same(found: Outcome, wanted: Outcome) -> None:
    assert wanted.lanes is None
    assert found.fingerprints == wanted.fingerprints
    for name, values in wanted.figures.items():
        assert np.asarray(found.figures[name]).tobytes() == np.asarray(values).tobytes(), name
    assert (found.returned == wanted.returned).all()
    assert found.returns[found.returned].tobytes() == wanted.returns[wanted.returned].tobytes()


@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_both_ways_give_the_same_bytes(first: int) -> None:
    went = 0
    for seed in range(first, first + BATCH):
        dice = random.Random(f"side by side {seed}")
        panel = some_market(dice)
        job = some_terms(dice, panel)
        try:
            found, wanted = both_ways(panel, some_points(dice, job, panel), job.performance.benchmark)
            assert_same(found, wanted)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        went += found.lanes is not None
    assert went > BATCH // 20


def test_a_point_whose_money_is_gone_is_counted_by_itself() -> None:
    """What eight side by side assume does not hold of one of them: its line is that of its own run, and the others'
    are theirs."""
    close = np.array([100.0, 10.0, 400.0, 100.0, 4000.0, 50.0, 60.0, 70.0, 80.0])[:, None]
    panel = market(close.copy(), close)
    job = Job.parse({"strategy": {"use": "none"}, "portfolio": {"cash": 1000.0, "shorts": True, "leverage": 3.0}})
    terms = terms_of(job, panel.layout, panel.block.session)

    def said(*sides: float) -> Any:
        ticks = [PHASES * row + CLOSE_SIGNAL for row in range(len(sides))]
        return np.array([(tick, 0, 0, side) for tick, side in zip(ticks, sides, strict=True)], dtype=SIGNAL)

    points = [Point(terms, said(1.0, 0.0)), Point(terms, said(0.0, -1.0)), Point(terms, said(1.0, -1.0, 1.0))]
    found, wanted = both_ways(panel, points)
    assert_same(found, wanted)
    assert found.lanes is not None
    assert not found.returned.all() and found.returned.any()


REFUSED: dict[str, dict[str, Any]] = {
    "filled at the close": {"execution": {"fill": "close"}},
    "sized at the open": {"portfolio": {"size_at": "open"}},
    "exits": {"portfolio": {"exits": {"stop_loss": 0.1}}},
    "limits": {"portfolio": {"limits": {"gross": 0.5}}},
    "margin": {"portfolio": {"leverage": 2.0, "margin": {"maintenance": 0.3}}},
    "interest": {"portfolio": {"interest": {"cash": 0.05}}},
    "volatility": {"portfolio": {"sizing": {"model": "volatility_target", "target": 0.1}}},
    "a share of the volume": {"execution": {"volume_cap": 0.1}},
    "impact": {"execution": {"slippage": {"model": "square_root", "impact": 0.1}}},
    "makers": {"execution": {"commission": {"model": "maker_taker", "maker": 1.0, "taker": 2.0}}},
    "tiers": {"execution": {"commission": {"model": "bps", "bps": 5.0, "tiers": [{"volume": 1e6, "bps": 2.0}]}}},
    "a future": {"instruments": [{"symbols": "A", "kind": "future", "margin": 10.0, "multiplier": 2}]},
    "not traded": {"instruments": [{"symbols": "A", "traded": False}]},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_and_goes_the_other_way(name: str) -> None:
    close = 100.0 + np.random.default_rng(len(name)).normal(0.0, 5.0, (60, 1))
    panel = market(close.copy(), close)
    job = Job.parse({"strategy": {"use": "none"}} | REFUSED[name])
    assert not fits(rules_of(job, panel.layout))
    terms = terms_of(job, panel.layout, panel.block.session)
    said = PanelRunner(panel).signals(SmaCross(fast=2, slow=5))
    points = [Point(terms, PanelRunner(panel, unwritten=True).signals(SmaCross(fast=2, slow=5)))]
    found, wanted = both_ways(panel, points)
    assert found.lanes is None
    assert_same(found, wanted)
    assert_same(PointsEngine(panel).run([Point(terms, said)]), found)
    assert len(said) > 0


def test_signals_that_are_not_written_are_the_records_to_whoever_looks() -> None:
    panel = some_market(random.Random(8), rows=60)
    for strategy in (
        SmaCross(fast=2, slow=5, short=True),
        DonchianBreakout(entry=3, exit=2),
        Plainly(n=3, how="weights"),
    ):
        written = PanelRunner(panel).signals(strategy.fresh())
        found = PanelRunner(panel, unwritten=True).signals(strategy.fresh())
        assert isinstance(found, Unwritten) and isinstance(written, np.ndarray)
        assert len(found) == len(written) > 0 and found.dtype == written.dtype and found.size == written.size
        assert np.asarray(found).tobytes() == found.copy().tobytes() == written.tobytes()
        assert (found["tick"] == written["tick"]).all() and repr(found) == repr(written)
        assert (found == written).tolist() == [True] * len(written) and not (found != written).any()


def test_prices_that_do_not_fit_and_loud_signals_are_refused() -> None:
    close = np.array([[1.0], [2.0], [np.nan]])
    assert least_of(close[:2], close[:2]) == 1.0
    assert least_of(close, close) == 1.0
    assert least_of(close[:2], close[1:]) == least_of(-close[:2], close[:2]) == least_of(close[2:], close[2:]) == 0.0
    assert next_bars(np.array([[np.nan], [1.0], [np.nan], [2.0], [np.nan]])).tolist() == [1, 3, 3, 5, 5]
    assert carried(np.array([[np.nan], [1.0], [np.nan], [2.0], [np.nan]])).tolist() == [1.0, 1.0, 1.0, 2.0, 2.0]
    at = PHASES * np.arange(3) + CLOSE_SIGNAL
    plain = np.array([(tick, 0, 0, 1.0) for tick in at], dtype=SIGNAL)
    none = np.array([0, 3])
    here, hole = np.ones((3, 1)), np.array([[1.0], [np.nan], [1.0]])
    assert spoken_plainly(plain, none, 0, here)
    assert spoken_plainly(np.concatenate((plain, plain)), np.array([0, 3, 6]), 0, here)
    assert spoken_plainly(np.concatenate((plain, plain)), np.array([0, 0, 3, 3, 6, 6]), 0, here)
    assert not spoken_plainly(np.concatenate((plain, plain)), np.array([0, 6]), 0, here)
    assert not spoken_plainly(plain, none, 1, here)
    assert not spoken_plainly(plain, none, 0, hole)
    for field, value in (("kind", 2), ("kind", -1), ("tick", 1), ("asset", 1), ("value", np.nan), ("value", np.inf)):
        other = plain.copy()
        other[field][1] = value
        assert not spoken_plainly(other, none, 0, here)


def test_what_a_strategy_says_by_hand_before_trading_begins_goes_the_other_way() -> None:
    panel = market(np.full((9, 1), 10.0), np.full((9, 1), 10.0), warmup=4)
    job = Job.parse({"strategy": {"use": "none"}})
    terms = terms_of(job, panel.layout, panel.block.session[4:])
    said = np.array([(PHASES * row + CLOSE_SIGNAL, 0, 0, 1.0) for row in (1, 5)], dtype=SIGNAL)
    found, wanted = both_ways(panel, [Point(terms, said)])
    assert found.lanes is None
    assert_same(found, wanted)


def test_points_of_other_costs_and_accounts_are_put_side_by_side() -> None:
    """A sweep over settings: each point has terms of its own, with the same rates."""
    dice = random.Random(5)
    panel = some_market(dice, rows=300)
    signals = PanelRunner(panel).signals(SmaCross(fast=2, slow=5))
    points = []
    for number in range(11):
        job = Job.parse(
            {
                "strategy": {"use": "none"},
                "portfolio": {"cash": 1000.0 * (1 + number), "lot": number % 3, "shorts": number % 2 == 0},
                "execution": {"commission": {"model": "bps", "bps": float(number)}},
                "instruments": [{"symbols": "A", "multiplier": 1 + number % 4, "kind": "crypto"}],
            }
        )
        points.append(Point(terms_of(job, panel.layout, panel.block.session[panel.layout.warmup :]), signals))
    found, wanted = both_ways(panel, points)
    assert found.lanes is not None
    assert len(set(found.fingerprints)) > 5
    assert_same(found, wanted)


def test_points_whose_rates_differ_are_not_put_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    panel = some_market(random.Random(3), rows=60)
    signals = PanelRunner(panel).signals(SmaCross(fast=2, slow=5))
    points = []
    for rate in (0.0, 0.05):
        job = Job.parse({"strategy": {"use": "none"}, "performance": {"risk_free": rate}})
        points.append(Point(terms_of(job, panel.layout, panel.block.session), signals))
    found, wanted = both_ways(panel, points)
    assert found.lanes is None
    assert_same(found, wanted)


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
@pytest.mark.parametrize("processor", ["", "haswell"])
def test_eight_runs_are_counted_by_vectors(processor: str) -> None:
    """Without vectors this is slower than one after the other: the compiler has to find them, for this machine and for
    the least that is counted so."""
    if not wide_registers():
        pytest.skip("this machine counts one after the other")
    named = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""} if processor else {}
    command = [sys.executable, "-m", "tests.unit.vectors_of_lanes"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **named}, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # What a fall that is over does is of one run, so that loop has operations on single numbers as well.
    wanted = {
        "mark_tile": (5, 0),
        "digest_tile": (20, 0),
        "fall_tile": (5, 30),
        "sum_lanes": (30, 12),
        "see_lanes": (20, 12),
    }
    assert set(found) == set(wanted)
    for name, (vectors, alone) in wanted.items():
        assert found[name][0] >= vectors, f"{name} was compiled without vectors: {found[name]}"
        assert found[name][1] <= alone, f"{name} was compiled to operations on single numbers: {found[name]}"


def test_a_machine_without_wide_registers_counts_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(straight, "wide_registers", lambda: False)
    dice = random.Random(1)
    panel = some_market(dice, rows=60)
    job = Job.parse({"strategy": {"use": "none"}})
    assert both_ways(panel, some_points(dice, job, panel))[0].lanes is None
