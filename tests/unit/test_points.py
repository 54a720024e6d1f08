"""A batch of points: each one's row is what its own run reports, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.engine.batch import Point, PointsEngine, terms_of
from backbus.engine.run import Engine
from backbus.engine.warm import small_panel
from backbus.job.job import Job
from backbus.market.panel import Layout, Panel
from backbus.performance.metrics import metrics_of
from backbus.strategy import Strategy, StrategyRunner, make_strategy, param
from backbus.strategy.bar import Bar
from backbus.strategy.book import Book
from backbus.strategy.builtins import BUILTINS
from backbus.sweep.space.space import point_job, split
from backbus.sweep.statistics import make_plan
from backbus.sweep.workers.chunk import RAISED, REFUSED, Chunks

FAST = {"fast": 2, "slow": 5}
JOBS: dict[str, dict[str, Any]] = {
    "plain": {},
    "costs": {"execution": {"slippage": {"model": "bps", "bps": 5}, "commission": {"model": "per_order", "fee": 1}}},
    "shorts": {"strategy": {"use": "SmaCross", **FAST, "short": True}, "portfolio": {"shorts": True, "leverage": 2}},
    "close": {"execution": {"fill": "close"}},
    "volatility": {"portfolio": {"sizing": {"model": "volatility_target", "target": 0.1, "lookback": 4}}},
    "at the open": {"portfolio": {"size_at": "open", "sizing": {"model": "equal_weight"}}},
    "benchmark": {"performance": {"benchmark": "S1", "risk_free": 0.02, "periods_per_year": 365}},
    "ruin": {"portfolio": {"cash": 10, "lot": 0}, "execution": {"commission": {"model": "per_order", "fee": 9}}},
    "silent": {"strategy": {"use": "SmaCross", "fast": 60, "slow": 63}},
}


def job_of(name: str) -> Job:
    return Job.parse({"strategy": {"use": "SmaCross", **FAST}, **JOBS[name]})


def panel_of(warmup: int, assets: int = 2) -> Panel:
    panel = small_panel(64, assets)
    layout = panel.layout
    return Panel(Layout(layout.symbols, layout.rows, warmup, layout.interval_ns), panel.block)


@pytest.mark.parametrize("assets", [2, 3])
@pytest.mark.parametrize("warmup", [0, 7])
@pytest.mark.parametrize("name", JOBS)
def test_a_point_is_its_own_run(name: str, warmup: int, assets: int) -> None:
    job, panel = job_of(name), panel_of(warmup, assets)
    strategy = make_strategy(BUILTINS["SmaCross"], job.strategy.params)
    slower = make_strategy(BUILTINS["SmaCross"], {"fast": 3, "slow": 9})
    points = [
        Point(terms_of(job, panel.layout, panel.block.session), StrategyRunner(one, panel.layout).on_block(panel.block))
        for one in (slower, strategy, slower, strategy)
    ]
    outcome = PointsEngine(panel, job.performance.benchmark).run(points)
    for place, one in enumerate((slower, strategy, slower, strategy)):
        engine = Engine(job, panel, one)
        report = engine.run()
        assert outcome.fingerprints[place] == report.fingerprint
        assert metrics_of(outcome.figures, place) == report.metrics
        returns = engine.returns()
        assert (returns is not None) == outcome.returned[place]
        assert returns is None or returns.tobytes() == outcome.returns[place].tobytes()


def test_points_of_different_terms_go_through_one_call() -> None:
    panel = panel_of(3)
    jobs = [job_of(name) for name in ("plain", "costs", "close", "at the open")]
    strategy = make_strategy(BUILTINS["SmaCross"], FAST)
    signals = StrategyRunner(strategy, panel.layout).on_block(panel.block)
    outcome = PointsEngine(panel).run(
        [Point(terms_of(job, panel.layout, panel.block.session), signals) for job in jobs]
    )
    assert outcome.fingerprints == [Engine(job, panel, strategy).run().fingerprint for job in jobs]


def chunks(panel: Panel, use: str = "SmaCross") -> Chunks:
    return Chunks(job_of("benchmark"), panel, BUILTINS[use], make_plan(61))


def test_any_part_of_the_job_may_differ_and_no_cut_shows() -> None:
    panel = panel_of(3)
    points: list[dict[str, Any]] = [
        {"strategy.fast": fast, "portfolio.sizing": sizing, "execution.slippage": slippage}
        for fast in (2, 3, 9)
        for sizing in ({"model": "equal_weight"}, {"model": "volatility_target", "target": 0.2, "lookback": 5})
        for slippage in ({"model": "none"}, {"model": "bps", "bps": 7.5})
    ]
    whole = chunks(panel).compute(points)
    assert whole.figures.shape[0] == 12
    assert {place: failure.kind for place, failure in whole.failures.items()} == dict.fromkeys(range(8, 12), REFUSED)
    assert "must be below slow" in whole.failures[8].message
    for cut in (1, 5):
        parts = [chunks(panel).compute(points[:cut]), chunks(panel).compute(points[cut:])]
        assert np.concatenate([part.figures for part in parts]).tobytes() == whole.figures.tobytes()
        assert np.concatenate([part.fingerprints for part in parts]).tobytes() == whole.fingerprints.tobytes()
        assert np.concatenate([part.observed for part in parts]).tobytes() == whole.observed.tobytes()
        assert np.maximum(parts[0].maxima, parts[1].maxima).tobytes() == whole.maxima.tobytes()
    job = point_job(job_of("benchmark"), split(points[3])[1])
    report = Engine(job, panel, make_strategy(BUILTINS["SmaCross"], FAST)).run()
    assert whole.fingerprints[3].tobytes().hex() == report.fingerprint


def test_fields_that_do_not_go_together_fail_their_point_alone() -> None:
    found = chunks(panel_of(3)).compute(
        [{"portfolio.size_at": "open", "execution.fill": "close"}, {"execution.fill": "close"}, {"strategy.fast": "x"}]
    )
    assert {place: failure.kind for place, failure in found.failures.items()} == {0: REFUSED, 2: REFUSED}
    assert np.isnan(found.figures[0]).all()
    assert not found.fingerprints[0].any()
    assert found.fingerprints[1].any()


class ByBook(Strategy):
    """Buys while it is flat and sells what has gained."""

    gain: float = param(0.01, gt=0.0)

    def on_bar(self, bar: Bar, book: Book) -> None:
        """One bar."""
        if bar.close > 118.0 and self.gain == 0.5:
            raise RuntimeError("too high")
        if book.position(bar.symbol) == 0.0:
            self.go_long()
        elif bar.close > (1.0 + self.gain) * book.average_cost(bar.symbol):
            self.go_flat()


def test_readers_of_the_book_and_those_who_raise_are_points_like_others() -> None:
    panel, job = panel_of(3), Job.parse({"strategy": {"use": "by_book.py:ByBook"}})
    found = Chunks(job, panel, ByBook, make_plan(61)).compute(
        [{"strategy.gain": gain} for gain in (0.02, 0.5, 0.05, -1.0)]
    )
    assert {place: failure.kind for place, failure in found.failures.items()} == {1: RAISED, 3: REFUSED}
    assert "too high" in found.failures[1].message
    for place, gain in ((0, 0.02), (2, 0.05)):
        report = Engine(job, panel, ByBook(gain=gain)).run()
        assert found.fingerprints[place].tobytes().hex() == report.fingerprint
        assert report.counts.fills > 0
        assert found.observed[place]["sessions"] == 61
