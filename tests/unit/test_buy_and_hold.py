"""What a run's assets did by themselves, beside what was made of them."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.performance.holding import HeldThroughout
from backbus.performance.report import Report
from backbus.performance.summary import summary_lines
from backbus.strategy.builtins import BuyAndHold
from backbus.trading.numbers import instruments_of
from tests.unit.order_market import HOLE, bars

NAN = np.nan


def held(*closes: list[list[float]], **job: object) -> float | None:
    """Over rows that come in these cuts."""
    parsed = Job.parse({"strategy": {"use": "none"}, **job})
    found = HeldThroughout(instruments_of(parsed, ("A", "B")[: len(closes[0][0])]))
    for cut in closes:
        found.add(np.array(cut))
    return found.total_return()


def test_each_asset_counts_from_its_first_close_to_its_last_for_an_equal_part() -> None:
    whole = [[100.0, NAN], [NAN, 50.0], [110.0, 60.0], [120.0, NAN]]
    assert held(whole) == pytest.approx((0.2 + 0.2) / 2)
    for cut in range(1, 4):
        assert held(whole[:cut], whole[cut:]) == held(whole)
    assert held([[100.0, NAN], [80.0, NAN]]) == pytest.approx(-0.2)
    assert held([[NAN, NAN]]) is None


def test_where_prices_do_not_say_what_holding_brings_nothing_is_told() -> None:
    future = {"symbols": "B", "kind": "future", "margin": 5.0}
    assert held([[1.0, 1.0], [2.0, 2.0]], instruments=[future]) is None
    abroad = {"symbols": "B", "currency": "EUR"}
    assert held([[1.0, 1.0], [2.0, 2.0]], instruments=[abroad], portfolio={"rates": {"EUR": "A"}}) is None
    assert held([[1.0, 1.0], [2.0, 2.0]]) == 1.0


def report_of(**job: object) -> Report:
    first, last = (100.0, 101.0, 99.0, 100.0), (100.0, 131.0, 99.0, 130.0)
    return Engine(
        Job.parse({"strategy": {"use": "none"}, **job}), bars([first, HOLE], [last, last]), BuyAndHold()
    ).run()


def test_a_run_tells_it_unless_it_has_a_benchmark() -> None:
    report = report_of()
    assert report.buy_and_hold == pytest.approx(0.15)
    line = next(line for line in summary_lines(report) if line.label == "Buy and hold")
    assert (line.figure, line.sign) == ("15.00 %", 1)
    beside = report_of(performance={"benchmark": "A"})
    assert beside.buy_and_hold is None
    assert all(line.label != "Buy and hold" for line in summary_lines(beside))
