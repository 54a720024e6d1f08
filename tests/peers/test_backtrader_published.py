"""A run that backtrader publishes in its own tests, trade by trade: see README.md in the folder of peers' figures.

Buy one unit when the close crosses above its 15-bar average while flat, sell it when it crosses below while long; fills
at the next open; a stock without commission.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus.data import load_panel
from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.tables import Piece
from backbus.strategy import Strategy

FOLDER = Path(os.environ.get("BACKBUS_PEERS", Path(__file__).parents[3] / "shared" / "peers"))
DATA = FOLDER / "2006-day-001.csv"

BUYS = [3643.35, 3801.03, 3872.37, 3863.57, 3845.32, 3656.43, 3542.65, 3639.65, 3799.86, 3840.20, 4047.63, 4052.55]
SELLS = [3763.95, 3811.85, 3822.35, 3822.57, 3829.82, 3598.58, 3545.92, 3766.80, 3782.15, 3979.73, 4045.05]
VALUE, CASH = 10284.10, 6164.16
FUTURE_VALUE, FUTURE_CASH = 12795.00, 11795.00


class CrossOfCloseAndAverage(Strategy):
    """A cross is a strict change of side; a close equal to the average keeps the last side."""

    _side: float = 0.0
    _closes: list[float] = []  # noqa: RUF012  (pydantic copies it for each instance)

    def on_bar(self, bar: Any, book: Any) -> None:
        self._closes.append(bar.close)
        if len(self._closes) < 15:
            return
        distance = bar.close - sum(self._closes[-15:]) / 15
        side = float(np.sign(distance))
        if side > 0 > self._side and not book.position():
            self.go_long()
        elif side < 0 < self._side and book.position():
            self.go_flat()
        self._side = side or self._side


JOB = Job.parse(
    {
        "data": {"files": [DATA.name]},
        "strategy": {"use": "None"},
        "portfolio": {"cash": 10_000, "sizing": {"model": "fixed_quantity", "quantity": 1}},
    }
)


@pytest.fixture(scope="module")
def panel() -> Panel:
    if not DATA.exists():
        pytest.skip(f"skipped because absent: {DATA.name} (BACKBUS_PEERS names the folder of peers' figures)")
    return load_panel(JOB.data, {DATA.name: DATA})


def test_every_fill_and_the_final_account_are_those_that_backtrader_publishes(panel: Panel) -> None:
    pieces: list[Piece] = []
    report = Engine(JOB, panel, CrossOfCloseAndAverage(), pieces.extend).run()
    fills = next(columns for name, columns in pieces if name == "fills")
    equity = next(columns for name, columns in pieces if name == "equity")
    assert set(fills["quantity"]) == {1.0, -1.0}
    assert fills["price"][fills["quantity"] > 0].tolist() == pytest.approx(BUYS, abs=0.005)
    assert fills["price"][fills["quantity"] < 0].tolist() == pytest.approx(SELLS, abs=0.005)
    assert equity["equity"][-1] == pytest.approx(VALUE, abs=0.005)
    assert equity["cash"][-1] == pytest.approx(CASH, abs=0.005)
    assert report.final_equity == pytest.approx(VALUE, abs=0.005)


def test_the_same_trades_in_a_future_with_commission_end_with_what_backtrader_publishes(panel: Panel) -> None:
    """Multiplier 10, margin 1000 and commission 2 for each contract. Cash there is without the margin that is
    locked."""
    symbol = panel.symbols[0]
    plain = JOB.plain() | {
        "instruments": [{"symbols": symbol, "kind": "future", "multiplier": 10, "margin": 1000}],
        "execution": {"commission": {"model": "per_share", "fee": 2}},
    }
    pieces: list[Piece] = []
    job = Job.parse(plain)
    report = Engine(job, panel, CrossOfCloseAndAverage(), pieces.extend).run()
    fills = next(columns for name, columns in pieces if name == "fills")
    equity = next(columns for name, columns in pieces if name == "equity")
    assert fills["price"][fills["quantity"] > 0].tolist() == pytest.approx(BUYS, abs=0.005)
    assert fills["price"][fills["quantity"] < 0].tolist() == pytest.approx(SELLS, abs=0.005)
    assert equity["equity"][-1] == pytest.approx(FUTURE_VALUE, abs=0.005)
    assert equity["cash"][-1] - 1000.0 == pytest.approx(FUTURE_CASH, abs=0.005)
    trades = [columns for name, columns in pieces if name == "trades"]
    earned = sum(float(columns["pnl"].sum()) for columns in trades)
    assert earned == pytest.approx(FUTURE_VALUE - 10_000, abs=0.01)
    assert run_handlers(job, panel, CrossOfCloseAndAverage()) == report


def test_handlers_fed_with_events_give_the_same_run(panel: Panel) -> None:
    strategy = CrossOfCloseAndAverage()
    assert run_handlers(JOB, panel, strategy) == Engine(JOB, panel, strategy).run()
