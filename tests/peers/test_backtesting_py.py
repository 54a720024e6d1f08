"""backtesting.py's own moving-average cross on its own data, trade by trade.

Daily GOOG, 2004-08-19 to 2013-03-01, comes with the package. All of the equity goes long when the 10-bar average
crosses above the 30-bar one and short when it crosses below, sized at the open that fills. The package's tests publish
66 trades, a final equity of 51 422.99 from 10 000, and a maximum drawdown of 47.98012705 %. It closes what is open at
the end at the last bar's open; here it stays open, valued at the last close.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.performance.tables import Piece
from backbus.strategy import Strategy

CASH = 10_000.0
JOB = Job.parse(
    {
        "strategy": {"use": "None"},
        "portfolio": {
            "cash": CASH,
            "sizing": {"model": "percent_of_equity", "percent": 100},
            "size_at": "open",
            "shorts": True,
        },
    }
)


class Cross(Strategy):
    """Long from a cross upwards to one downwards, short the other way."""

    def signals(self, bars: Any) -> Any:
        fast, slow = bars.sma(10), bars.sma(30)
        up, down = fast.crosses_above(slow), slow.crosses_above(fast)
        return self.enter_exit(up, False, down, False)


@pytest.fixture(scope="module")
def frame() -> Any:
    pytest.importorskip("backtesting")
    from backtesting.test import GOOG

    return GOOG


@pytest.fixture(scope="module")
def panel(frame: Any) -> Panel:
    columns = [np.ascontiguousarray(frame[name].to_numpy(np.float64)[:, None]) for name in frame.columns[:5]]
    days = frame.index.to_numpy().astype("datetime64[D]").astype(np.int64)
    for column in (*columns, days):
        column.flags.writeable = False
    return Panel(Layout(("GOOG",), len(days), 0, DAY_NS), Block(0, (days + 1) * DAY_NS, days, *columns))


@pytest.fixture(scope="module")
def theirs(frame: Any) -> Any:
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import SMA

    class SmaCross(Strategy):  # type: ignore[misc, name-defined]
        def init(self) -> None:
            self.fast = self.I(SMA, self.data.Close, 10)
            self.slow = self.I(SMA, self.data.Close, 30)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.position.close()
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()
                self.sell()

    return Backtest(frame, SmaCross, cash=CASH, finalize_trades=True).run()


def ours(panel: Panel) -> tuple[Any, dict[str, Any]]:
    pieces: list[Piece] = []
    report = Engine(JOB, panel, Cross(), pieces.extend).run()
    tables: dict[str, list[Any]] = {}
    for name, columns in pieces:
        tables.setdefault(name, []).append(columns)
    return report, {
        name: {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
        for name, parts in tables.items()
    }


def test_what_the_package_publishes_is_what_it_gives(theirs: Any) -> None:
    assert theirs["# Trades"] == 66
    assert theirs["Equity Final [$]"] == pytest.approx(51_422.99, abs=0.005)
    assert theirs["Max. Drawdown [%]"] == pytest.approx(-47.98012705, abs=1e-8)


def test_every_trade_has_the_same_bars_prices_and_size(panel: Panel, theirs: Any) -> None:
    _, tables = ours(panel)
    trades, their = tables["trades"], theirs["_trades"]
    assert len(trades["side"]) == len(their) == 66
    side = np.where(trades["side"] == 1, 1.0, -1.0)
    assert trades["entry_row"].tolist() == their["EntryBar"].tolist()
    assert (side * trades["quantity"]).tolist() == their["Size"].tolist()
    assert trades["entry_price"].tolist() == pytest.approx(their["EntryPrice"].tolist(), rel=1e-12)
    # The last one is still open here.
    assert trades["exit_row"].tolist()[:-1] == their["ExitBar"].tolist()[:-1]
    assert trades["exit_price"].tolist()[:-1] == pytest.approx(their["ExitPrice"].tolist()[:-1], rel=1e-12)
    assert trades["pnl"].tolist()[:-1] == pytest.approx(their["PnL"].tolist()[:-1], rel=1e-9)


def test_the_equity_of_every_day_and_the_deepest_fall_are_the_same(panel: Panel, theirs: Any) -> None:
    report, tables = ours(panel)
    equity = tables["equity"]["equity"]
    assert equity[:-1] == pytest.approx(theirs["_equity_curve"]["Equity"].to_numpy()[:-1], rel=1e-12)
    last = tables["trades"]
    side = 1.0 if last["side"][-1] == 1 else -1.0
    held = side * last["quantity"][-1]
    at_the_open = equity[-1] + held * (panel.block.open[-1, 0] - panel.block.close[-1, 0])
    assert at_the_open == pytest.approx(theirs["Equity Final [$]"], rel=1e-12)
    assert report.metrics.max_drawdown * 100 == pytest.approx(theirs["Max. Drawdown [%]"], rel=1e-12)


def test_handlers_fed_with_events_give_the_same_run(panel: Panel) -> None:
    assert run_handlers(JOB, panel, Cross()) == ours(panel)[0]
