"""One little language for playing orders: a tiny market, what each row of it asks for, and what came of it as plain
tuples.

The engine gives the tables; the handlers, fed with decoded events and cut in many ways, must give the same report, or
``play`` fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.market.ticks import CLOSE_SIGNAL, PHASE_NAMES, tick_of
from backbus.performance.report import Report
from backbus.performance.tables import Columns
from backbus.strategy import Strategy
from backbus.trading.codes import BOOKING_KINDS, FILL_RULES, ORDER_KINDS, ORDER_TYPES, REASONS, SignalKind
from backbus.trading.records import SIGNAL, Records, empty, order_parts
from tests.unit.panels import panel_of, tables_of
from tests.unit.records_of_runs import assert_same, said_by_engine, said_by_handlers

Bar = tuple[float, float, float, float] | tuple[float, float, float, float, float]
"""Open, high, low, close, and volume where it is not 1000."""
Does = Callable[[Any, Any, Any], None]
"""What a strategy does at a bar: called with the strategy, the bar and the book."""
Signal = tuple[int, int, float] | tuple[int, int, float, str]
"""Row, asset, value; ``"weight"`` at its end makes it a target weight, otherwise it is a direction."""
Script = Mapping[int, Does] | Sequence[Signal]
"""What is done at the first asset's bar of each row, or signals."""
OrderId = tuple[int, int, int]
"""Row, asset, ordinal."""

NAN = float("nan")
HOLE: Bar = (NAN, NAN, NAN, NAN, NAN)
QUIET = (100.0, 101.0, 99.0, 100.0)
OPEN, BAR, CLOSE = "OPEN_MATCH", "INTRABAR_MATCH", "CLOSE_MATCH"


# --- markets -------------------------------------------------------------------------------------------------------


def flat(price: float) -> tuple[float, float, float, float]:
    """A bar that does not move."""
    return (price, price, price, price)


def bars(*rows: Bar | Sequence[Bar], per_session: int = 1, **extra: Any) -> Panel:
    """Rows of one bar, or of one per asset; ``per_session`` rows a session, daily where it is 1. ``extra`` columns are
    {row: value} of the first asset."""
    cells = np.array([[_five(bar) for bar in (row if isinstance(row[0], tuple | list) else [row])] for row in rows])
    columns = [np.ascontiguousarray(cells[:, :, field], dtype=np.float64) for field in range(5)]
    further = {}
    for name, values in extra.items():
        further[name] = np.full(columns[0].shape, np.nan)
        further[name][list(values), 0] = list(values.values())
    return panel_of(*columns, per_session=per_session, extra=further)


def open_close(opens: Sequence[Any], closes: Sequence[Any] | None = None, *, warmup: int = 0) -> Panel:
    """Rows of one open and one close, the same where there are no ``closes``, or of one of each per asset; NaN is none.
    High, low and volume follow."""
    rows = len(opens)
    open_, close = (np.array(some, dtype=np.float64).reshape(rows, -1) for some in (opens, closes or opens))
    return panel_of(
        open_, np.maximum(open_, close), np.minimum(open_, close), close, close * 0.0 + 1000.0, warmup=warmup
    )


def _five(bar: Any) -> tuple[float, ...]:
    return tuple(bar) if len(bar) == 5 else (*bar, 1000.0)


# --- what is asked -------------------------------------------------------------------------------------------------


def asks(quantity: float, symbol: str | None = None, **terms: Any) -> Any:
    """A script's line: one order."""
    return lambda strategy, bar, book: strategy.order(quantity, symbol, **terms)


def brackets(entry: dict[str, Any] | None = None, **exits: Any) -> Any:
    """A script's line: an order for ten with exits."""
    return asks(10, **(entry or {}), **exits)


def scripted(says: Script) -> Strategy:
    """A strategy that does what the script says, or says its signals."""
    return _doing(says) if isinstance(says, Mapping) else _signalling(says)


def _doing(says: Mapping[int, Does]) -> Strategy:
    class Scripted(Strategy):
        _kept: Any = None

        def on_bar(self, bar: Any, book: Any) -> None:
            if self._kept is None:
                self._kept = {}
            if bar.asset == 0 and bar.row in says:
                says[bar.row](self, bar, book)

    return Scripted()


def _signalling(signals: Sequence[Signal]) -> Strategy:
    records = empty(SIGNAL, len(signals))
    for record, (row, asset, value, *kind) in zip(records, sorted(signals, key=lambda s: s[:2]), strict=True):
        record["tick"], record["asset"], record["value"] = tick_of(row, CLOSE_SIGNAL), asset, value
        record["kind"] = SignalKind.WEIGHT if kind else SignalKind.DIRECTION

    class Scripted(Strategy):
        def signals(self, bars: Any) -> Records:
            begin, end = np.searchsorted(records["tick"], [6 * bars.first_row, 6 * (bars.first_row + len(bars))])
            return records[begin:end].copy()

    return Scripted()


# --- the account ---------------------------------------------------------------------------------------------------


def job_of(portfolio: dict[str, Any] | None = None, execution: dict[str, Any] | None = None, **more: Any) -> Job:
    """100 000 in cash, shorts allowed, no costs, unless said otherwise."""
    account = {"cash": 100_000.0, "shorts": True, **(portfolio or {})}
    return Job.parse({"strategy": {"use": "None"}, "portfolio": account, "execution": execution or {}, **more})


def small(execution: dict[str, Any] | None = None, **portfolio: Any) -> Job:
    """1000 in cash, ten shares per entry, no shorts, no costs, unless said otherwise."""
    ten = {"model": "fixed_quantity", "quantity": 10.0}
    return job_of({"cash": 1000.0, "shorts": False, "sizing": ten, **portfolio}, execution)


# --- what came of it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What a run did, phases, kinds and reasons in words."""

    orders: list[tuple[int, str, str, str, float, str]]
    """Row, asset, kind, type, quantity, reason."""
    decisions: list[tuple[int, str, OrderId, str, float, float, str]]
    """The same by ids: row, phase, order, kind, quantity, quantity that was wanted, reason."""
    fills: list[tuple[int, str, str, float, float]]
    """Row, phase, asset, quantity, price."""
    filled: list[tuple[int, str, OrderId, float, float, float]]
    """The same by ids: row, phase, order, quantity, price, fee."""
    rules: list[str]
    """The rule of each fill."""
    ends: list[tuple[int, str, str]]
    """Row, asset, why an order ended."""
    fees: list[float]
    rows: list[int]
    cash: list[float]
    equity: list[float]
    gross: list[float]
    bookings: list[tuple[int, str, str, float]]
    """Row, asset ("" for none), kind and amount of what was no fill."""
    trades: Columns
    report: Report


def play(market: Panel, says: Script | Strategy, job: Job | None = None, **execution: Any) -> Told:
    """Run a script, or a strategy, in the engine and in the handlers, cut in many ways."""
    strategy = says if isinstance(says, Strategy) else scripted(says)
    job = job or job_of(execution=execution)
    pieces: list[Any] = []
    whole = said_by_engine(job, market, strategy, pieces.extend)
    report = whole.report
    for block, window in ((1, 2), (2, 4), (64, 256)):
        assert_same(said_by_handlers(job, market, strategy, block, window), whole, f"blocks of {block}")
        cut = job.model_copy(update={"run": job.run.model_copy(update={"block": block})})
        assert Engine(cut, market, strategy).run().fingerprint == report.fingerprint
    return told(tables_of(pieces), report, market.symbols)


def told(tables: dict[str, Columns], report: Report, symbols: tuple[str, ...]) -> Told:
    """The tables of a run as tuples."""

    def lines(table: str, *columns: str) -> Iterator[tuple[Any, ...]]:
        found = tables.get(table)
        return zip(*(found[name].tolist() for name in columns), strict=True) if found else iter(())

    def moments(table: str) -> list[tuple[int, str]]:
        return [(tick // 6, PHASE_NAMES[tick % 6]) for (tick,) in lines(table, "logical_time")]

    orders = list(lines("orders", "order", "symbol", "kind", "type", "quantity", "wanted", "reason"))
    fills = list(lines("fills", "order", "symbol", "quantity", "price", "fee", "rule"))
    decided, filled = zip(moments("orders"), orders, strict=True), zip(moments("fills"), fills, strict=True)
    account = {name: [value for (value,) in lines("equity", name)] for name in ("row", "cash", "equity", "gross")}
    both = [(*at, *one) for at, one in decided]
    done = [(*at, *one) for at, one in filled]
    return Told(
        [(row, symbols[s], ORDER_KINDS[k], ORDER_TYPES[y], q, REASONS[r]) for row, _, _, s, k, y, q, _, r in both],
        [(row, at, order_parts(o), ORDER_KINDS[k], q, w, REASONS[r]) for row, at, o, _, k, _, q, w, r in both],
        [(row, at, symbols[s], q, price) for row, at, _, s, q, price, _, _ in done],
        [(row, at, order_parts(o), q, price, fee) for row, at, o, _, q, price, fee, _ in done],
        [FILL_RULES[rule] for *_, rule in done],
        [(row, symbols[s], FILL_RULES[why]) for row, s, why in lines("order_ends", "row", "symbol", "reason")],
        [fee for *_, fee, _ in done],
        account["row"],
        account["cash"],
        account["equity"],
        account["gross"],
        [
            (row, symbols[s] if s >= 0 else "", BOOKING_KINDS[kind], amount)
            for row, s, kind, amount in lines("account_activity", "row", "symbol", "kind", "amount")
        ],
        tables["trades"],
        report,
    )
