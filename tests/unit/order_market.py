"""Tiny markets and scripted orders: what each row of a golden case asks for, and what came of it as plain tuples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backbus.engine.rehearsal import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel
from backbus.market.ticks import PHASE_NAMES
from backbus.market.timeframes import DAY_NS
from backbus.performance.report import Report
from backbus.performance.tables import Piece
from backbus.strategy import Strategy
from backbus.trading.codes import BOOKING_KINDS, FILL_RULES, ORDER_KINDS, ORDER_TYPES, REASONS

Bar = tuple[float, float, float, float] | tuple[float, float, float, float, float]
"""Open, high, low, close, and volume where it is not 1000."""
Says = Callable[[Any, Any, Any], None]
"""What a strategy does at a bar: called with the strategy, the bar and the book."""

HOLE: Bar = (np.nan, np.nan, np.nan, np.nan, np.nan)
QUIET = (100.0, 101.0, 99.0, 100.0)
OPEN, BAR, CLOSE = "OPEN_MATCH", "INTRABAR_MATCH", "CLOSE_MATCH"


def flat(price: float) -> tuple[float, float, float, float]:
    """A bar that does not move."""
    return (price, price, price, price)


def asks(quantity: float, symbol: str | None = None, **terms: Any) -> Any:
    """A script's line: one order."""
    return lambda strategy, bar, book: strategy.order(quantity, symbol, **terms)


def brackets(entry: dict[str, Any] | None = None, **exits: Any) -> Any:
    """A script's line: an order for ten with exits."""
    return asks(10, **(entry or {}), **exits)


def bars(*rows: Bar | Sequence[Bar], per_session: int = 1, **extra: Any) -> Panel:
    """Rows of one bar, or of one per asset; ``per_session`` rows a session, daily where it is 1. ``extra`` columns are
    {row: value} of the first asset."""
    cells = np.array([[_five(bar) for bar in (row if isinstance(row[0], tuple | list) else [row])] for row in rows])
    columns = [np.ascontiguousarray(cells[:, :, field], dtype=np.float64) for field in range(5)]
    for column in columns:
        column.flags.writeable = False
    count, assets = columns[0].shape
    step = DAY_NS // per_session
    number = np.arange(count, dtype=np.int64)
    layout = Layout(tuple("ABCDEFGH"[:assets]), count, 0, step, tuple(extra))
    further = {}
    for name, values in extra.items():
        column = further[name] = np.full((count, assets), np.nan)
        column[list(values), 0] = list(values.values())
        column.flags.writeable = False
    return Panel(layout, Block(0, (number + 1) * step, number // per_session, *columns, extra=further))


def _five(bar: Any) -> tuple[float, ...]:
    return tuple(bar) if len(bar) == 5 else (*bar, 1000.0)


@dataclass(frozen=True)
class Told:
    """What a run did."""

    orders: list[tuple[int, str, str, str, float, str]]
    """Row, asset, kind, type, quantity, reason."""
    fills: list[tuple[int, str, str, float, float]]
    """Row, phase, asset, quantity, price."""
    rules: list[str]
    """The rule of each fill."""
    ends: list[tuple[int, str, str]]
    """Row, asset, why an order ended."""
    fees: list[float]
    cash: list[float]
    equity: list[float]
    bookings: list[tuple[int, str, str, float]]
    """Row, asset ("" for none), kind and amount of what was no fill."""
    report: Report


def job_of(portfolio: dict[str, Any] | None = None, execution: dict[str, Any] | None = None, **more: Any) -> Job:
    """100 000 in cash, shorts allowed, no costs, unless said otherwise."""
    account = {"cash": 100_000.0, "shorts": True, **(portfolio or {})}
    return Job.parse({"strategy": {"use": "None"}, "portfolio": account, "execution": execution or {}, **more})


def play(market: Panel, says: dict[int, Says] | Strategy, job: Job | None = None, **execution: Any) -> Told:
    """Run a script, {row: what is done at the first asset's bar}, in the engine and in the handlers, cut in many
    ways."""
    strategy = says if isinstance(says, Strategy) else scripted(says)
    job = job or job_of(execution=execution)
    pieces: list[Piece] = []
    report = Engine(job, market, strategy, pieces.extend).run()
    for block, window in ((1, 2), (2, 4), (64, 256)):
        assert run_handlers(job, market, strategy, block=block, window=window) == report
        cut = job.model_copy(update={"run": job.run.model_copy(update={"block": block})})
        assert Engine(cut, market, strategy).run().fingerprint == report.fingerprint
    return told(pieces, report, market.symbols)


def scripted(says: dict[int, Says]) -> Strategy:
    """A strategy that does what the script says at the first asset's bar of each row."""

    class Scripted(Strategy):
        _kept: Any = None

        def on_bar(self, bar: Any, book: Any) -> None:
            if self._kept is None:
                self._kept = {}
            if bar.asset == 0 and bar.row in says:
                says[bar.row](self, bar, book)

    return Scripted()


def told(pieces: list[Piece], report: Report, symbols: tuple[str, ...]) -> Told:
    """The tables of a run as tuples."""
    tables: dict[str, list[Any]] = {}
    for name, columns in pieces:
        tables.setdefault(name, []).append(columns)
    joined = {name: {c: np.concatenate([p[c] for p in parts]) for c in parts[0]} for name, parts in tables.items()}
    orders, fills, ends, bookings = joined["orders"], joined["fills"], joined.get("ends"), joined.get("bookings")
    rows = [
        (int(t) // 6, PHASE_NAMES[int(t) % 6], symbols[s], float(q), float(p), int(r), float(f))
        for t, s, q, p, r, f in zip(
            *(fills[name] for name in ("tick", "symbol", "quantity", "price", "rule", "fee")), strict=True
        )
    ]
    return Told(
        [
            (int(t) // 6, symbols[s], ORDER_KINDS[k], ORDER_TYPES[y], float(q), REASONS[r])
            for t, s, k, y, q, r in zip(
                *(orders[name] for name in ("tick", "symbol", "kind", "type", "quantity", "reason")), strict=True
            )
        ],
        [row[:5] for row in rows],
        [FILL_RULES[row[5]] for row in rows],
        []
        if ends is None
        else [
            (int(r), symbols[s], FILL_RULES[why])
            for r, s, why in zip(*(ends[name] for name in ("row", "symbol", "reason")), strict=True)
        ],
        [row[6] for row in rows],
        joined["equity"]["cash"].tolist(),
        joined["equity"]["equity"].tolist(),
        []
        if bookings is None
        else [
            (int(r), symbols[s] if s >= 0 else "", BOOKING_KINDS[k], float(a))
            for r, s, k, a in zip(*(bookings[name] for name in ("row", "symbol", "kind", "amount")), strict=True)
        ],
        report,
    )
