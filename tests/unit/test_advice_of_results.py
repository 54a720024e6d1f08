"""What a result advises: the rule of what is too good to be true, and what tables tell beside the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus import run
from backbus.performance.report import Report
from backbus.performance.summary import Particulars, costs_in_words, named_values, summary_lines
from backbus.runs.advice import advice_of
from backbus.runs.particulars import particulars_of
from tests.unit.order_market import bars, flat, job_of, scripted


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One whose figures are changed by tests."""
    market = bars(*[flat(100)] * 5)
    return run(job_of({}, {}), market, strategy=scripted({1: lambda s, bar, book: s.order(1.0)}), tables=False).summary


def changed(report: Report, sessions: int = 300, **metrics: Any) -> Report:
    counts = report.counts.model_copy(update={"refused_because": {}, "cut": 0})
    told = report.metrics.model_copy(update={"sharpe": 0.5, "annual_return": 0.1, "total_return": 0.1, **metrics})
    return report.model_copy(update={"sessions": sessions, "year": 252.0, "metrics": told, "counts": counts})


@pytest.mark.parametrize(
    ("sessions", "metrics", "told"),
    [
        (300, {"sharpe": 4.01}, "a Sharpe ratio of 4.01"),
        (300, {"annual_return": 6.9362}, "a return of 693.62 % a year"),
        (300, {"sharpe": 6.61, "annual_return": 3.5}, "a Sharpe ratio of 6.61 and a return of 350.00 % a year"),
        (20, {"total_return": 3.2}, "a return of 320.00 %"),
        (300, {"sharpe": 3.9, "annual_return": 2.9}, None),
        (20, {"sharpe": 9.0, "annual_return": 50.0, "total_return": 0.5}, None),
        (300, {"sharpe": None, "annual_return": None}, None),
    ],
)
def test_what_is_too_good_to_be_true_leads_to_a_check(
    report: Report, sessions: int, metrics: dict[str, Any], told: str | None
) -> None:
    found = advice_of(changed(report, sessions, **metrics))
    if told is None:
        assert found == ()
    else:
        assert len(found) == 1 and found[0].startswith(f"{told}: ") and "backbus check" in found[0]


def test_reasons_come_with_their_count_the_most_frequent_first(report: Report) -> None:
    because = {"less than one lot": 1, "not enough buying power": 387, "the asset is not in the universe": 500}
    counts = report.counts.model_copy(update={"refused_because": because, "cut": 13})
    first, second, third = advice_of(changed(report).model_copy(update={"counts": counts}))
    assert first == "387 orders were refused: not enough buying power"
    assert second == "1 order was refused: less than one lot"
    assert third.startswith("13 orders were cut to less than was wanted")


def test_few_refusals_ask_for_no_other_setting(report: Report) -> None:
    settings = job_of({"sizing": {"model": "target_weight", "weight": 2.0}}, {}).plain()
    for refused, asks in ((300, True), (5, False)):
        because = {"not enough buying power": refused}
        counts = {"orders": 5000, "refused": refused, "refused_because": because, "cut": 0}
        counts = report.counts.model_copy(update=counts)
        (told,) = advice_of(changed(report).model_copy(update={"counts": counts}), settings)
        assert told.startswith(f"{refused} orders were refused: not enough buying power")
        assert ("set portfolio.sizing.weight" in told) == asks


def test_a_strategy_that_never_spoke_is_told(report: Report) -> None:
    silent = changed(report).model_copy(update={"counts": report.counts.model_copy(update={"signals": 0})})
    assert advice_of(silent, {"strategy": {"use": "SmaCross", "slow": 4}}) == (
        "the strategy gave no signal in 5 rows: what it waits for did not happen",
    )
    (told,) = advice_of(silent, {"strategy": {"use": "SmaCross", "slow": 30}})
    assert told.startswith("the strategy gave no signal: there are 5 rows, and slow = 30 needs more")


def test_advice_is_in_the_result_and_its_json_and_in_no_report(tmp_path: Path) -> None:
    market = bars(*[flat(100)] * 3)
    result = run(job_of({}, {}), market, strategy=scripted({}), folder=tmp_path)
    assert result.advice and result.plain()["advice"] == list(result.advice)
    assert not set(result.advice) & set(json.loads((tmp_path / "report.json").read_text())["notes"])


def particulars(folder: Path, prices: list[float], buy: int = 0, sell: int | None = None) -> Particulars | None:
    orders = {buy: lambda s, bar, book: s.order(500.0)}
    if sell is not None:
        orders[sell] = lambda s, bar, book: s.order(-500.0)
    job = job_of({"cash": 100_000.0}, {})
    result = run(job, bars(*map(flat, prices)), strategy=scripted(orders), folder=folder)
    return particulars_of(result, 100_000.0)


def test_the_deepest_drawdown_has_dates_and_whether_it_was_made_good(tmp_path: Path) -> None:
    down = [100, 100, 120, 110, 130, 90, 95, 130, 131]
    assert particulars(tmp_path / "a", down) == ("1970-01-05", "1970-01-06", "1970-01-08", None, None)
    assert particulars(tmp_path / "b", down[:7]) == ("1970-01-05", "1970-01-06", None, None, None)
    assert particulars(tmp_path / "c", [100, 100, 100, 101]) == (None, None, None, None, None)
    assert particulars(tmp_path / "d", [100, 100, 90, 95]) == ("1970-01-02", "1970-01-03", None, None, None)


def test_drawdowns_are_those_that_the_figures_are_of(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    for number in range(5):
        prices = np.round(100 * np.exp(np.cumsum(dice.normal(0, 0.03, 60))), 2).tolist()
        folder = tmp_path / str(number)
        found = particulars(folder, prices)
        assert found is not None and found.fell_from is not None
        metrics = json.loads((folder / "report.json").read_text())["metrics"]
        first = np.datetime64(found.fell_from)
        last = np.datetime64(found.recovered) if found.recovered else np.datetime64("1970-01-01") + 59
        assert (last - first).astype(int) == metrics["max_drawdown_sessions"]


def test_holding_times_are_means_of_the_trades_that_closed(tmp_path: Path) -> None:
    found = particulars(tmp_path, [100, 100, 101, 102, 103, 104], buy=0, sell=3)
    assert found is not None and (found.held_bars, found.held_days) == (3.0, 3.0)


def test_the_summary_tells_strategy_costs_and_start(tmp_path: Path) -> None:
    costs = {"slippage": {"model": "bps", "bps": 2}, "commission": {"model": "per_order", "fee": 7.0}}
    job = job_of({"cash": 5000.0}, costs)
    result = run(job, bars(*[flat(100)] * 3), strategy=scripted({}), folder=tmp_path)
    lines = {line.label: line for line in summary_lines(result.summary, job.plain(), Particulars("a", "b", None, 2, 3))}
    assert lines["Costs"].words == "slippage bps, bps 2; commission per_order, fee 7"
    assert lines["Start capital"].figure == "5,000.00"
    assert lines["Strategy"].words.startswith(job.strategy.use)
    assert lines["Max drawdown"].words.startswith("a to b, not recovered by the end")
    assert lines["Holding time"][1:3] == ("2.0", "bars in the mean, 3.0 days")
    own = [{"symbols": "A*", "slippage": {"model": "none"}, "commission": None}, {"symbols": "B", "slippage": None}]
    assert costs_in_words({**job.plain(), "instruments": own}).endswith("; of their own: A*")
    assert (
        named_values({"use": "Mine", "n": 5, "x": None, "on": False, "y": 0.25}, "use") == "Mine, n 5, on False, y 0.25"
    )
