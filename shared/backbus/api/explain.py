"""Why a run's orders filled as they did, and why others did not: told from the run's own tables.

``explain(folder)`` tells of a whole run, ``explain(folder, order=…)`` of one order from its signal's row to its end,
``explain(folder, asset=…, date=…)`` of all that befell an asset in a session, and an asset or a date alone lists what
happened. Each returns plain values, fit for JSON; ``sentences``, in the file beside this one, makes text of them.

Orders are called by short numbers, 1, 2, 3 … in the order in which they were first spoken of; beside it stands the id.
"""

from __future__ import annotations

import bisect
import datetime
import functools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus import renamed
from backbus.errors import DataError, JobError, no_symbol
from backbus.kinds import PATH, TEXT, WHOLE, takes
from backbus.market.panel import instant_text, session_date
from backbus.market.ticks import PHASE_NAMES, PHASES
from backbus.performance.table_files import read_table_file
from backbus.runs.folder import read_report
from backbus.runs.library import kept_run
from backbus.sweep.files import SUMMARY_FILE
from backbus.trading.codes import FILL_RULES, FORCED_FOR, REASONS, TIMES_IN_FORCE, End, Reason
from backbus.trading.records import order_parts

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
TRAILING = ("trail", "trail_from", "trail_from_fraction", "trail_then")
"""What a trailing stop is; runs of before had the first alone."""
FIRST = 10
"""Things that happened which a run tells of itself."""
_WITHIN = {"account_activity": 0, "fills": 2, "signals": 4, "orders": 5}
_TIME_OVER = tuple(FILL_RULES[end] for end in (End.DAY_OVER, End.DATE_OVER))
SHORT = REASONS[Reason.BUYING_POWER]
NEEDED = ("equity", "orders", "fills", "order_ends", "signals", "account_activity")


@takes(folder=PATH, order=WHOLE, asset=TEXT, date=TEXT)
def explain(folder: Path | str, *, order: int | None = None, asset: str | None = None, date: str | None = None) -> Row:
    """What the tables in ``folder`` tell of a run, of an order (by its number, or its id), of an asset in a session
    (``date`` is ISO), or all that happened to an asset or on a date.

    Raises JobError for a folder, an order, an asset or a date that is not there, DataError for a damaged file.
    """
    folder = Path(folder)
    check_tables(folder)
    numbers = numbers_of(folder)
    if order is not None:
        if asset is not None or date is not None:
            raise JobError("give an order, or an asset and a date, not both")
        return numbered(_order(folder, _id_of(numbers, order)), numbers)
    if asset is None and date is None:
        return numbered({**_run(folder), "first": happened(folder, most=FIRST)}, numbers)
    symbol = None if asset is None else symbol_of(folder, asset)
    if symbol is not None and date is not None:
        return numbered(_day(folder, symbol, date, *rows_of(folder, date)), numbers)
    rows = None if date is None else rows_of(folder, date)
    told = {"symbol": symbol, "date": date, "happened": happened(folder, symbol, rows)}
    return numbered(told, numbers)


def check_tables(folder: Path) -> None:
    """Raise JobError where a folder does not hold the tables of one run."""
    for old, new in renamed.TABLES.items():
        if (folder / f"{old}.parquet").is_file() and not (folder / f"{new}.parquet").is_file():
            is_now = renamed.is_now(f"{old}.parquet", f"{new}.parquet")
            raise JobError(f"{is_now}; run the job again, or give the file its new name", file=str(folder))
    if (folder / SUMMARY_FILE).is_file():
        raise JobError(
            f"is of a {kept_run(folder).kind.replace('_', ' ')}, and orders are told of single runs: `backbus rerun "
            f"{folder.name}` makes one of one of its points",
            file=str(folder),
        )
    for name in NEEDED:
        if not (folder / f"{name}.parquet").is_file():
            raise JobError(f"has no {name}.parquet: not the artifacts of one run", file=str(folder))
    kept_run(folder)


def _rows(folder: Path, table: str, *filters: tuple[str, str, Any], most: int | None = None) -> list[Row]:
    """Rows of a table, the first ``most`` of them, and when each was: its session, and with its time in UTC where
    sessions have several rows."""
    found: list[Row] = _table(folder, table, *filters)[:most].to_pylist()
    if found:
        sessions, intraday = _sessions(folder, (folder / "equity.parquet").stat().st_mtime_ns)
        for row in found:
            if row["row"] not in sessions:
                raise _apart(folder, table, f"row {row['row']}", "equity")
            row["when"] = _utc(row["time"]) if intraday else sessions[row["row"]].isoformat()
    return found


def _table(folder: Path, table: str, *filters: tuple[str, str, Any]) -> pa.Table:
    """Rows of a table that has what a run's has. Raises DataError."""
    return read_table_file(folder / f"{table}.parquet", table, filters=list(filters) or None)


def _apart(folder: Path, table: str, what: str, other: str) -> DataError:
    """What to raise where a table names what another one does not have."""
    problem = f"names {what}, which is not in {other}.parquet: they are of two runs, or damaged; run the job again"
    return DataError(problem, file=str(folder / f"{table}.parquet"))


@functools.lru_cache(maxsize=1)
def _sessions(folder: Path, _: int) -> tuple[dict[int, datetime.date], bool]:
    """The session of each traded row, and whether any has several; made anew where the file is another one."""
    told = read_table_file(folder / "equity.parquet", "equity", ["row", "session"]).to_pydict()
    return dict(zip(told["row"], told["session"], strict=True)), len(set(told["session"])) < len(told["row"])


def _utc(time: datetime.datetime) -> str:
    return f"{instant_text(int(np.datetime64(time.replace(tzinfo=None), 'ns').astype(np.int64)))} UTC"


# --- what is asked for -------------------------------------------------------------------------------------------


def numbers_of(folder: Path) -> dict[int, int]:
    """The short number of each order by its id: 1, 2, 3 … as they come in ``orders.parquet``."""
    ids = read_table_file(folder / "orders.parquet", "orders", ["order"]).column(0).unique().to_pylist()
    return {one: number for number, one in enumerate(ids, 1)}


def _id_of(numbers: dict[int, int], order: int) -> int:
    """The id of an order that is asked for by its number, or by its id."""
    if 1 <= order <= len(numbers):
        return next(one for one, number in numbers.items() if number == order)
    if order in numbers:
        return order
    there = f"its orders are 1 to {len(numbers):,}" if numbers else "it has none"
    raise JobError(f"the run has no order {order}: {there}; an asset or a date alone lists them")


def numbered(told: Row, numbers: dict[int, int]) -> Row:
    """The same with the number of each order beside its id, and of what it is an exit of."""

    def inside(value: Any) -> Any:
        if isinstance(value, dict):
            return numbered(value, numbers)
        return [inside(one) for one in value] if isinstance(value, list) else value

    found = {name: inside(value) for name, value in told.items()}
    for name, beside in (("order", "number"), ("parent", "parent_number")):
        if isinstance(told.get(name), int):
            found[beside] = numbers.get(told[name])
    return found


def symbol_of(folder: Path, asset: str) -> str:
    """The symbol that is meant, however it is written in capitals. Raises JobError for one that is not there."""
    symbols = read_report(folder)[0].symbols
    alike = [asset] if asset in symbols else [one for one in symbols if one.casefold() == asset.casefold()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise JobError(f"the run has the symbols {' and '.join(alike)}: write the one that is meant as it is written")
    raise JobError(no_symbol(asset, symbols).replace("the data has", "the run has", 1))


def rows_of(folder: Path, date: str) -> tuple[int, int]:
    """The first and the last row of a session. Raises JobError where the run has none on that date."""
    try:
        day = datetime.date.fromisoformat(date)
    except ValueError:
        raise JobError(f"{date!r} is no date; write it like 2008-10-06") from None
    sessions, _ = _sessions(folder, (folder / "equity.parquet").stat().st_mtime_ns)
    rows = [row for row, session in sessions.items() if session == day]
    if rows:
        return rows[0], rows[-1]
    if not sessions:
        raise JobError(f"the run has no session {date}: no row was traded")
    days = sorted(set(sessions.values()))
    place = bisect.bisect(days, day)
    if place in (0, len(days)):
        raise JobError(f"the run has no session {date}: it is from {days[0]} to {days[-1]}")
    raise JobError(f"the run has no session {date}, a {day:%A}: the nearest are {days[place - 1]} and {days[place]}")


# --- what is told ------------------------------------------------------------------------------------------------


def happened(
    folder: Path, symbol: str | None = None, rows: tuple[int, int] | None = None, most: int | None = None
) -> list[Row]:
    """What befell orders and the account, of one asset or all, in some rows or all, in the order of the run."""
    where: list[tuple[str, str, Any]] = [] if symbol is None else [("symbol", "==", symbol)]
    if rows is not None:
        where += [("row", ">=", rows[0]), ("row", "<=", rows[1])]
    kinds: dict[str, Callable[[Row], Row]] = {
        "account_activity": _booking,
        "orders": lambda one: {**_named(one), **_said(one)},
        "fills": _fill,
        "order_ends": lambda one: _end(one, ""),
    }
    found = [
        (one["logical_time"], {"what": table, "symbol": one["symbol"], **told(one)})
        for table, told in kinds.items()
        for one in _rows(folder, table, *where, most=most)
    ]
    found.sort(key=lambda one: (one[0], within_instant(one[1])))
    return [{**one, "phase": PHASE_NAMES[time % PHASES]} for time, one in (found if most is None else found[:most])]


def within_instant(one: Row) -> int:
    """Where something stands among all that happens in one phase of a row: what is booked, orders whose time is over,
    fills, orders that end otherwise, what the strategy says, what the account decides."""
    if one["what"] == "order_ends":
        return 1 if one["reason"] in _TIME_OVER else 3
    return _WITHIN[one["what"]]


def _order(folder: Path, order: int) -> Row:
    said = _rows(folder, "orders", ("order", "==", order))
    first = said[0]
    decided, _, _ = order_parts(order)
    signals = _rows(folder, "signals", ("row", "==", decided), ("symbol", "==", first["symbol"]))
    account = next(iter(_rows(folder, "equity", ("row", "==", decided))), None)
    if account is None:
        raise _apart(folder, "orders", f"row {decided}", "equity")
    fills = [_fill(fill) for fill in _rows(folder, "fills", ("order", "==", order))]
    ends = _rows(folder, "order_ends", ("order", "==", order))
    exits = _rows(folder, "orders", ("parent", "==", order), ("kind", "==", "place"))
    splits = [
        booking
        for booking in _rows(folder, "account_activity", ("symbol", "==", first["symbol"]), ("kind", "==", "split"))
        if decided < booking["row"]
        and (not (fills or ends) or booking["row"] <= max(e["row"] for e in (*fills, *ends)))
    ]
    return {
        "order": order,
        "symbol": first["symbol"],
        "type": first["type"],
        "time_in_force": first["time_in_force"],
        "until": _until(first["time_in_force"], first["until"]),
        "limit": first["limit"],
        "stop": first["stop"],
        **{name: first.get(name) for name in TRAILING},
        "parent": first["parent"],
        "said": [_said(one) for one in said],
        "account": {name: account[name] for name in ("equity", "cash", "gross")},
        "signals": _signals(signals),
        "splits": [{"when": one["when"], "row": one["row"], "ratio": one["basis"]} for one in splits],
        "fills": fills,
        "end": _end(ends[0], first["type"]) if ends else None,
        "exits": [_named(one) for one in exits],
    }


def _signals(rows: list[Row]) -> list[Row]:
    """Signals, and what their values mean where these are codes."""
    signals, force = [], TIMES_IN_FORCE[0]
    for one in rows:
        means = None
        if one["kind"] == "time_in_force":
            means = force = TIMES_IN_FORCE[int(one["value"])]
        elif one["kind"] == "until":
            means = _until(force, int(one["value"]))
        signals.append({"row": one["row"], "kind": one["kind"], "value": one["value"], "means": means})
    return signals


def _until(time_in_force: str, until: int) -> str | None:
    """Till when an order lives, where it says so: a date, or an instant."""
    if time_in_force == "gtd":
        return session_date(until)
    if time_in_force == "gtt":
        begin = datetime.datetime.fromtimestamp(0, datetime.UTC)
        return (begin + datetime.timedelta(microseconds=until)).isoformat()
    return None


def _named(one: Row) -> Row:
    """An order's number and the terms that tell what it is."""
    return {name: one.get(name) for name in ("order", "type", "limit", "stop", *TRAILING)}


def _said(one: Row) -> Row:
    names = ("row", "phase", "kind", "quantity", "wanted", "reason")
    return {"when": one["when"], **{name: one[name] for name in names}}


def _fill(fill: Row) -> Row:
    names = ("order", "symbol", "row", "phase", "quantity", "rule", "reference", "price", "fee", "cap", "left")
    slippage = abs(fill["price"] - fill["reference"]) * abs(fill["quantity"]) * fill["unit"]
    return {"when": fill["when"], **{name: fill[name] for name in names}, "slippage": slippage}


def _end(end: Row, kind: str) -> Row:
    names = ("order", "symbol", "row", "phase", "reason", "cap", "left", "level", "nearest")
    return {"when": end["when"], "type": kind, **{name: end[name] for name in names}}


def _accounts(folder: Path, decided: list[Row]) -> list[Row]:
    """The account at the closes at which orders were cut or refused for want of buying power."""
    short = {one["row"] for one in decided if one["reason"] == SHORT and one["kind"] in ("place", "refuse")}
    rows = _rows(folder, "equity", ("row", "in", sorted(short))) if short else []
    return [{name: one[name] for name in ("row", "equity", "cash", "gross")} for one in rows]


def _day(folder: Path, asset: str, date: str, first: int, last: int) -> Row:
    within = (("symbol", "==", asset), ("row", ">=", first), ("row", "<=", last))
    placed = _rows(folder, "orders", ("symbol", "==", asset), ("row", "<=", last))
    closed = {
        one["order"]: one["row"] for one in _rows(folder, "order_ends", ("symbol", "==", asset), ("row", "<", first))
    }
    closed |= {
        one["order"]: one["row"]
        for one in _rows(folder, "fills", ("symbol", "==", asset), ("row", "<", first))
        if one["left"] == 0.0
    }
    working: dict[int, Row] = {}
    for one in placed:
        if one["kind"] in ("cancel", "refuse") and one["row"] < first:
            working.pop(one["order"], None)
        elif one["kind"] == "place" and one["row"] < first:
            working[one["order"]] = one
    kinds = {one["order"]: one["type"] for one in placed}
    ended = _rows(folder, "order_ends", *within)
    strange = next((end["order"] for end in ended if end["order"] not in kinds), None)
    if strange is not None:
        raise _apart(folder, "order_ends", f"order {strange}", "orders")
    decided = [{**_named(one), **_said(one)} for one in placed if one["row"] >= first]
    waiting = [one for number, one in working.items() if number not in closed]
    return {
        "symbol": asset,
        "date": date,
        "rows": [first, last],
        "signals": _signals(_rows(folder, "signals", *within)),
        "working_before": [
            {**_named(one), **{name: one[name] for name in ("quantity", "wanted", "reason")}} for one in waiting
        ],
        "decided": decided,
        "accounts": _accounts(folder, decided),
        "fills": [_fill(fill) for fill in _rows(folder, "fills", *within)],
        "order_ends": [_end(end, kinds[end["order"]]) for end in ended],
        "account_activity": [_booking(one) for one in _rows(folder, "account_activity", *within)],
    }


def _booking(one: Row) -> Row:
    told = {name: one[name] for name in ("row", "kind", "amount", "quantity", "basis")}
    return {"when": one["when"], "phase": PHASE_NAMES[one["logical_time"] % PHASES], **told}


def _cut(folder: Path) -> Row:
    """Why orders were placed for less than was wanted, with how many of them and the first one."""
    found: Row = {}
    for one in _rows(folder, "orders", ("kind", "==", "place")):
        if one["quantity"] != one["wanted"] and one["reason"]:
            known = found.setdefault(one["reason"], {"count": 0, "order": one["order"]})
            known["count"] += 1
    return found


def _run(folder: Path) -> Row:
    report = read_report(folder)[1]
    fills = _rows(folder, "fills")
    forced = _rows(folder, "orders", ("kind", "==", "place"), ("reason", "in", [REASONS[code] for code in FORCED_FOR]))
    return {
        "name": report["name"],
        "orders": report["counts"]["orders"],
        "filled_by": dict(Counter(fill["rule"] for fill in fills).most_common()),
        "lessened_by": dict(Counter(fill["cap"] for fill in fills if fill["cap"]).most_common()),
        "fees": report["metrics"]["fees"],
        "slippage": report["metrics"]["slippage"],
        "refused_because": report["counts"]["refused_because"],
        "cut_because": _cut(folder),
        "ended_because": dict(Counter(end["reason"] for end in _rows(folder, "order_ends")).most_common()),
        "booked": report["booked"],
        "forced": [
            {"when": one["when"], "row": one["row"], "order": one["order"], "symbol": one["symbol"],
             "quantity": one["quantity"], "reason": one["reason"]}
            for one in forced
        ],
    }  # fmt: skip
