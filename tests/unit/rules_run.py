"""A tiny market, a list of signals, and what came of it as plain tuples: the words of the golden cases.

The engine gives the tables; the handlers, fed with decoded events, must give the same report, or ``play`` fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backbus.engine.rehearsal import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel
from backbus.market.ticks import CLOSE_SIGNAL, PHASE_NAMES, tick_of
from backbus.market.timeframes import DAY_NS
from backbus.performance.report import Report
from backbus.performance.tables import Columns, Piece
from backbus.strategy import Strategy
from backbus.trading import records as rec
from backbus.trading.codes import ORDER_KINDS, REASONS, SignalKind

HOLE = float("nan")

Signal = tuple[int, int, float] | tuple[int, int, float, str]
"""Row, asset, value; ``"weight"`` at its end makes it a target weight, otherwise it is a direction."""


@dataclass(frozen=True)
class Outcome:
    """What a run did, phase names and reasons in words; ids are (row, asset, ordinal)."""

    orders: list[tuple[int, str, tuple[int, int, int], str, float, float, str]]
    """Row, phase, id, kind, quantity, wanted, reason."""
    fills: list[tuple[int, str, tuple[int, int, int], float, float, float]]
    """Row, phase, id, quantity, price, fee."""
    rows: list[int]
    equity: list[float]
    cash: list[float]
    gross: list[float]
    trades: Columns
    report: Report


def panel(opens: Sequence[Any], closes: Sequence[Any], *, warmup: int = 0) -> Panel:
    """Rows of one price, or of one price per asset; high, low and volume follow."""
    open_, close = (np.array(prices, dtype=np.float64).reshape(len(prices), -1) for prices in (opens, closes))
    columns = [open_, np.maximum(open_, close), np.minimum(open_, close), close, close * 0.0 + 1000.0]
    return panel_of(columns, warmup=warmup)


def panel_of(columns: Sequence[Any], *, warmup: int = 0) -> Panel:
    """A panel of daily bars from open, high, low, close and volume, each [rows, assets]."""
    rows, assets = columns[0].shape
    days = np.arange(rows, dtype=np.int64)
    for column in columns:
        column.flags.writeable = False
    layout = Layout(tuple("ABCDEFGH"[:assets]), rows, warmup, DAY_NS)
    return Panel(layout, Block(0, (days + 1) * DAY_NS, days, *columns))


def scripted(signals: Sequence[Signal]) -> Strategy:
    """A strategy that says exactly these signals."""
    records = rec.empty(rec.SIGNAL, len(signals))
    for record, (row, asset, value, *kind) in zip(records, sorted(signals, key=lambda s: s[:2]), strict=True):
        record["tick"], record["asset"], record["value"] = tick_of(row, CLOSE_SIGNAL), asset, value
        record["kind"] = SignalKind.WEIGHT if kind else SignalKind.DIRECTION

    class Scripted(Strategy):
        def signals(self, bars: Any) -> rec.Records:
            begin, end = np.searchsorted(records["tick"], [6 * bars.first_row, 6 * (bars.first_row + len(bars))])
            return records[begin:end].copy()

    return Scripted()


def job_of(portfolio: dict[str, Any] | None = None, execution: dict[str, Any] | None = None, **run: Any) -> Job:
    """1000 in cash and ten shares per entry, without costs, unless said otherwise."""
    account = {"cash": 1000.0, "sizing": {"model": "fixed_quantity", "quantity": 10.0}, **(portfolio or {})}
    return Job.parse({"strategy": {"use": "None"}, "portfolio": account, "execution": execution or {}, "run": run})


def play(market: Panel, says: Sequence[Signal] | Strategy, job: Job | None = None, **portfolio: Any) -> Outcome:
    """Run the signals, or a strategy, over the market. ``portfolio`` are settings of the account."""
    strategy = says if isinstance(says, Strategy) else scripted(says)
    job = job or job_of(portfolio)
    pieces: list[Piece] = []
    report = Engine(job, market, strategy, pieces.extend).run()
    assert run_handlers(job, market, strategy, block=2, window=4) == report
    return outcome(pieces, report)


def outcome(pieces: list[Piece], report: Report) -> Outcome:
    """The tables of a run as tuples."""
    tables: dict[str, list[Columns]] = {}
    for name, columns in pieces:
        tables.setdefault(name, []).append(columns)
    joined = {name: {c: np.concatenate([p[c] for p in parts]) for c in parts[0]} for name, parts in tables.items()}

    def lines(table: str, *columns: str) -> list[tuple[Any, ...]]:
        found = joined[table]
        when = [(t // 6, PHASE_NAMES[t % 6], rec.order_parts(o)) for t, o in zip(*_ints(found), strict=True)]
        values = zip(*(found[column].tolist() for column in columns), strict=True)
        return [(*a, *b) for a, b in zip(when, values, strict=True)]

    orders: list[Any] = [
        (*line[:3], ORDER_KINDS[line[3]], *line[4:6], REASONS[line[6]])
        for line in lines("orders", "kind", "quantity", "wanted", "reason")
    ]
    fills: list[Any] = lines("fills", "quantity", "price", "fee")
    account = {name: joined["equity"][name].tolist() for name in ("row", "equity", "cash", "gross")}
    return Outcome(
        orders, fills, account["row"], account["equity"], account["cash"], account["gross"], joined["trades"], report
    )


def _ints(columns: Columns) -> tuple[list[int], list[int]]:
    return columns["tick"].tolist(), columns["order"].tolist()
