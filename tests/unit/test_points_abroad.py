"""Points of a sweep over futures and foreign assets: each one's row is its own run's, and some figures by hand."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.engine.batch import Outcome, Point, PointsEngine, terms_of
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.metrics import Metrics, metrics_of
from backbus.performance.report import Report
from backbus.strategy import Strategy, StrategyRunner
from tests.unit.order_market import HOLE, QUIET, bars, flat, job_of

EUROS = {"rates": {"EUR": "B"}}
TRADED_FOR_EUROS = {"symbols": "A", "currency": "EUR"}
FUTURE = {"kind": "future", "margin": 50.0}


class Deaf(Strategy):
    """Does what its script says at the bars of its rows, and reads no book."""

    script: dict[int, Any] = {}  # noqa: RUF012  (pydantic copies it for each instance)

    def on_bar(self, bar: Any) -> None:
        if bar.asset == 0 and bar.row in self.script:
            self.script[bar.row](self)


def holds(symbol: str, quantity: float) -> dict[int, Any]:
    """Buys in row 0 and sells again in row 2."""
    return {0: lambda s: s.order(quantity, symbol), 2: lambda s: s.order(-quantity, symbol)}


def points_and_runs(market: Panel, *runs: tuple[Job, dict[int, Any]]) -> tuple[Outcome, list[Report]]:
    """Runs as points of one call, and each by itself."""
    layout = market.layout
    strategies = [Deaf(script=script) for _, script in runs]
    outcome = PointsEngine(market).run(
        [
            Point(terms_of(job, layout, market.block.session), StrategyRunner(strategy, layout).on_block(market.block))
            for (job, _), strategy in zip(runs, strategies, strict=True)
        ]
    )
    reports = [Engine(job, market, strategy).run() for (job, _), strategy in zip(runs, strategies, strict=True)]
    return outcome, reports


def agreed(market: Panel, *runs: tuple[Job, dict[int, Any]]) -> list[Metrics]:
    """The figures of points that are, one by one, those of their runs."""
    outcome, reports = points_and_runs(market, *runs)
    for place, report in enumerate(reports):
        assert outcome.fingerprints[place] == report.fingerprint
        assert metrics_of(outcome.figures, place) == report.metrics
    return [report.metrics for report in reports]


def test_a_future_whose_currency_moves_while_it_is_held() -> None:
    market = bars([QUIET, flat(2.0)], [flat(101.0), flat(2.0)], [flat(103.0), flat(3.0)], [flat(104.0), flat(5.0)])
    job = job_of(EUROS, instruments=[TRADED_FOR_EUROS | FUTURE, {"symbols": "B", "traded": False}])
    share = job_of(EUROS, instruments=[TRADED_FOR_EUROS, {"symbols": "B", "traded": False}])
    future, equity, again = agreed(market, (job, holds("A", 10.0)), (share, holds("A", 10.0)), (job, holds("A", 10.0)))
    # bought at 101; 2 × 10 at 3 in row 2, and 1 × 10 at the open of row 3, when 3 is the rate that is known
    assert future.average_win == 60.0 + 30.0
    assert again == future
    # 10 × 101 × 2 are paid, and 10 × 104 × 3 come back
    assert equity.average_win == 3120.0 - 2020.0


@pytest.mark.parametrize("first", [True, False])
def test_nothing_is_bought_before_its_rate_is_known_whichever_asset_that_is(first: bool) -> None:
    """The rate is the first asset of the panel, or the second."""
    foreign, rate = ("B", "A") if first else ("A", "B")
    quotes: list[Any] = [HOLE, flat(2.0), flat(2.0), flat(2.0)]
    rows = [[quote, QUIET] if first else [QUIET, quote] for quote in quotes]
    job = job_of({"rates": {"EUR": rate}}, instruments=[{"symbols": foreign, "currency": "EUR"}])

    class Asks(Strategy):
        def on_bar(self, bar: Any) -> None:
            if bar.symbol == foreign:
                self.order(1.0 + bar.row)

    market, at_home = bars(*rows), job_of()
    signals = StrategyRunner(Asks(), market.layout).on_block(market.block)
    points = [
        Point(terms_of(one, market.layout, market.block.session), signals) for one in (at_home, job, at_home, job)
    ]
    outcome = PointsEngine(market).run(points)
    report, home = (Engine(one, market, Asks()).run() for one in (job, at_home))
    assert outcome.fingerprints == [home.fingerprint, report.fingerprint] * 2
    assert report.counts.refused_because == {"no rate of its currency yet": 1}
    assert (report.counts.fills, home.counts.fills) == (2, 3)
    assert [metrics_of(outcome.figures, place) for place in range(4)] == [home.metrics, report.metrics] * 2


def test_futures_at_home_are_settled_in_points_as_in_runs() -> None:
    market = bars(QUIET, flat(101.0), flat(99.0), flat(104.0))
    future = job_of(instruments=[{"symbols": "A", "multiplier": 50, **FUTURE}])
    share = job_of(instruments=[{"symbols": "A", "multiplier": 50}])
    first, second = agreed(market, (future, holds("A", 2.0)), (share, holds("A", 2.0)))
    assert first.average_win == second.average_win == 2 * 50 * 3.0


def test_a_point_that_is_short_of_room_is_run_again_with_more() -> None:
    market = bars(*[(*QUIET, 10)] * 160)
    job = job_of(execution={"volume_cap": 0.1})
    outcome, (report,) = points_and_runs(market, (job, {0: lambda s: s.order(1000.0)}))
    # a unit in each of 159 rows: more than is made room for at first
    assert report.counts.fills == 159
    assert outcome.fingerprints == [report.fingerprint]
    assert metrics_of(outcome.figures, 0) == report.metrics
