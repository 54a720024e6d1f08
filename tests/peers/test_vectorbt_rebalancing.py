"""Target weights of many assets with shared cash, beside vectorbt: order by order and day by day.

Both size all orders of a day at the same prices and sell before they buy. Fractions of shares are allowed, so that what
is compared is the arithmetic and not the rounding; where fees are paid, a part of the account stays in cash, because
the two engines choose differently which purchase is cut when cash runs out.
"""

from __future__ import annotations

from pathlib import Path
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
from tests.peers.paths import FIELDS, real

ROWS, ASSETS, EVERY, CASH = 300, 20, 21, 1_000_000.0


def market(seed: int) -> Panel:
    """Twenty random walks with gaps between the days."""
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0003, 0.02, (ROWS, ASSETS)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(draw.normal(0.0, 0.005, (ROWS, ASSETS)))
    columns = [open_, np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99, close, close * 0.0 + 1e6]
    days = np.arange(ROWS, dtype=np.int64)
    for column in (*columns, days):
        column.flags.writeable = False
    layout = Layout(tuple(f"S{asset:02}" for asset in range(ASSETS)), ROWS, 0, DAY_NS)
    return Panel(layout, Block(0, (days + 1) * DAY_NS, days, *columns))


def real_market(folder: Path) -> Panel:
    """AAPL, GOOG, IBM and MSFT as they were traded on the days on which all four were."""
    frames = real(folder)
    days = sorted(set.intersection(*(set(frame.index) for frame in frames.values())))
    columns = [np.stack([frame.loc[days, name] for frame in frames.values()], axis=1) for name in FIELDS]
    sessions = np.array([day.value // DAY_NS for day in days])
    ends = (sessions + 1) * DAY_NS
    for column in (*columns, sessions, ends):
        column.flags.writeable = False
    return Panel(Layout(tuple(frames), len(days), 0, DAY_NS), Block(0, ends, sessions, *columns))


def weights(seed: int, total: float, rows: int = ROWS, assets: int = ASSETS) -> Any:
    """[rows, assets] every 21 rows a few assets' shares, 0 for all others; NaN in between."""
    draw = np.random.default_rng(seed + 1_000)
    found = np.full((rows, assets), np.nan)
    for row in range(5, rows - 1, EVERY):
        share = draw.random(assets) * (draw.random(assets) < 0.5)
        found[row] = total * share / max(share.sum(), 1e-9)
    return found


def ours(panel: Panel, wanted: Any, execution: dict[str, Any], size_at: str) -> tuple[Any, Any]:
    """Fills as (row, asset): quantity and price, and the equity of each row."""

    class Rebalance(Strategy):
        def signals(self, bars: Any) -> Any:
            return self.target_weights(wanted[bars.first_row : bars.first_row + len(bars)])

    job = Job.parse(
        {
            "strategy": {"use": "None"},
            "portfolio": {"cash": CASH, "lot": 0, "size_at": size_at},
            "execution": execution,
        }
    )
    pieces: list[Piece] = []
    report = Engine(job, panel, Rebalance(), pieces.extend).run()
    assert run_handlers(job, panel, Rebalance(), block=50, window=200) == report
    fills: dict[tuple[int, int], tuple[float, float]] = {}
    equity: list[float] = []
    for name, table in pieces:
        if name == "fills":
            cells = zip(*(table[c].tolist() for c in ("row", "symbol", "quantity", "price")), strict=True)
            fills |= {(row, asset): (quantity, price) for row, asset, quantity, price in cells}
        elif name == "equity":
            equity += table["equity"].tolist()
    return fills, np.array(equity)


def theirs(panel: Panel, wanted: Any, price: Any, fees: float) -> tuple[Any, Any]:
    """The same in vectorbt."""
    vbt = pytest.importorskip("vectorbt")
    portfolio = vbt.Portfolio.from_orders(
        close=panel.block.close,
        size=wanted,
        size_type="targetpercent",
        price=price,
        val_price=price,
        fees=fees,
        init_cash=CASH,
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        freq="1D",
    )
    records = portfolio.orders.values
    sign = np.where(records["side"] == 0, 1.0, -1.0)
    cells = zip(records["idx"].tolist(), records["col"].tolist(), sign * records["size"], records["price"], strict=True)
    fills = {(row, asset): (float(size), float(paid)) for row, asset, size, paid in cells}
    return fills, np.asarray(portfolio.value()).reshape(-1)


def compare(one: tuple[Any, Any], other: tuple[Any, Any]) -> int:
    (fills, equity), (their_fills, their_equity) = one, other
    smallest = 1e-9  # vectorbt leaves out what is next to nothing
    for cell in fills.keys() | their_fills.keys():
        mine, their = fills.get(cell, (0.0, np.nan)), their_fills.get(cell, (0.0, np.nan))
        assert mine[0] == pytest.approx(their[0], rel=1e-9, abs=smallest), cell
        if abs(mine[0]) > smallest:
            assert mine[1] == pytest.approx(their[1], rel=1e-12), cell
    np.testing.assert_allclose(equity, their_equity, rtol=1e-11)
    return len(fills)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("fees", "total"), [(0.0, 1.0), (0.001, 0.9)])
def test_rebalancing_at_the_close_is_the_same_order_by_order(seed: int, fees: float, total: float) -> None:
    panel, wanted = market(seed), weights(seed, total)
    execution = {"fill": "close", "commission": {"model": "bps", "bps": fees * 10_000}}
    count = compare(ours(panel, wanted, execution, "close"), theirs(panel, wanted, panel.block.close, fees))
    assert count > 150


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("fees", "total"), [(0.0, 1.0), (0.001, 0.9)])
def test_rebalancing_at_the_next_open_is_the_same_order_by_order(seed: int, fees: float, total: float) -> None:
    panel, wanted = market(seed), weights(seed, total)
    later = np.vstack([np.full((1, ASSETS), np.nan), wanted[:-1]])
    execution = {"commission": {"model": "bps", "bps": fees * 10_000}}
    count = compare(ours(panel, wanted, execution, "open"), theirs(panel, later, panel.block.open, fees))
    assert count > 150


@pytest.mark.parametrize(("fees", "total"), [(0.0, 1.0), (0.001, 0.9)])
def test_real_prices_are_rebalanced_the_same_order_by_order(sample_data: Path, fees: float, total: float) -> None:
    panel = real_market(sample_data)
    wanted = weights(0, total, len(panel), len(panel.symbols))
    commission = {"commission": {"model": "bps", "bps": fees * 10_000}}
    at_close = ours(panel, wanted, {"fill": "close", **commission}, "close")
    assert compare(at_close, theirs(panel, wanted, panel.block.close, fees)) > 250
    later = np.vstack([np.full((1, len(panel.symbols)), np.nan), wanted[:-1]])
    assert compare(ours(panel, wanted, commission, "open"), theirs(panel, later, panel.block.open, fees)) > 250
