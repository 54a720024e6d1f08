"""How a run ends: its positions kept or closed at the last close, and an account that is ruined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from backbus import Job, run, run_sweep
from tests.unit.order_market import CLOSE, HOLE, OPEN, QUIET, asks, bars, brackets, flat, job_of, play
from tests.unit.small_prices import write_prices

FLAT = {"at_end": "close"}


def test_what_is_open_is_closed_at_the_last_close_with_its_costs() -> None:
    job = job_of(FLAT, {"slippage": {"model": "bps", "bps": 100}, "commission": {"model": "per_share", "fee": 1}})
    told = play(bars(QUIET, QUIET, (100, 110, 100, 110)), {0: asks(10)}, job)
    assert told.fills == [(1, OPEN, "A", 10.0, 101.0), (2, CLOSE, "A", -10.0, pytest.approx(108.9))]
    assert told.cash[-1] == told.equity[-1] == pytest.approx(100_000 - 1010 + 1089 - 20)
    assert told.report.metrics.open_trades == 0 and told.report.metrics.trades == 1
    assert told.report.counts.forced == {"closing at the end": 1}
    kept = play(bars(QUIET, QUIET, (100, 110, 100, 110)), {0: asks(10)})
    assert kept.fills == [(1, OPEN, "A", 10.0, 100.0)] and kept.report.metrics.open_trades == 1


@pytest.mark.parametrize("fill", ["open", "close"])
def test_nothing_is_opened_in_the_last_row_and_what_works_is_taken_back(fill: str) -> None:
    script: dict[int, Any] = {0: brackets(take_profit=150.0, stop_loss=50.0), 2: asks(7)}
    told = play(
        bars(QUIET, QUIET, QUIET), script, job_of({**FLAT, "shorts": True}, {} if fill == "open" else {"fill": "close"})
    )
    assert [fill[3] for fill in told.fills] == [10.0, -10.0]
    assert told.gross[-1] == 0.0
    assert [reason for *_, kind, _, _, reason in told.decisions if kind == "refuse"] == ["closing at the end"]
    assert {reason for *_, kind, _, _, reason in told.decisions if kind == "cancel"} == {"closing at the end"}


def test_shorts_are_bought_back_and_holes_cannot_be_sold_in() -> None:
    two = [QUIET, QUIET]
    last = [HOLE, flat(90.0)]

    def both(strategy: Any, bar: Any, book: Any) -> None:
        strategy.buy(5, "A")
        strategy.sell(5, "B")

    told = play(bars(two, two, last), {0: both}, job_of(FLAT))
    assert told.fills[2:] == [(2, CLOSE, "B", 5.0, 90.0)]
    assert told.report.metrics.open_trades == 1


def test_a_point_of_a_sweep_ends_as_its_run(tmp_path: Path) -> None:
    write_prices(tmp_path, 120)
    fields: dict[str, Any] = {
        "data": {"files": "prices.csv"},
        "strategy": {"use": "SmaCross", "slow": 15},
        "portfolio": FLAT,
        "sweep": {"parameters": {"fast": [3, 5, 8]}, "resamples": 0},
    }
    job = Job.parse(fields)
    job.come_from(tmp_path)
    found = pq.read_table(run_sweep(job, workers=0, folder=tmp_path / "out").artifacts["table"])
    for fast, fingerprint, still_open in zip(
        *(found.column(name).to_pylist() for name in ("strategy.fast", "fingerprint", "open_trades")), strict=True
    ):
        plain = job.plain() | {"sweep": None, "strategy": {"use": "SmaCross", "slow": 15, "fast": fast}}
        one = Job.parse(plain)
        one.come_from(tmp_path)
        report = run(one, tables=False).summary
        assert report.fingerprint == fingerprint and still_open == report.metrics.open_trades == 0


def test_a_ruined_account_stops() -> None:
    rows = [flat(100), flat(100), flat(40), flat(30), flat(100), flat(100)]
    job = job_of({"cash": 1000.0, "leverage": 2.0, "limits": {"drawdown": 1.0}})
    told = play(bars(*rows), {0: asks(19), 4: asks(5)}, job)
    assert told.fills == [(1, OPEN, "A", 19.0, 100.0), (3, OPEN, "A", -19.0, 30.0)]
    assert told.equity[-1] == 1000.0 - 19 * 70.0
    assert "drawdown stop" in {reason for *_, kind, _, _, reason in told.decisions if kind == "refuse"}
