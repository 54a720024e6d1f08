"""Why a run's orders filled as they did, and why others did not: told from the run's own tables.

``explain(folder)`` tells of a whole run, ``explain(folder, order=…)`` of one order from its signal's row to its end,
and ``explain(folder, asset=…, date=…)`` of all that befell an asset in a session. Each returns plain values, fit for
JSON; ``sentences``, in the file beside this one, makes text of them.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from backbus import renamed
from backbus.errors import JobError
from backbus.market.panel import instant_text, session_date
from backbus.trading.codes import FORCED_FOR, REASONS, TIMES_IN_FORCE
from backbus.trading.records import order_parts

Row = dict[str, Any]
TRAILING = ("trail", "trail_from", "trail_from_fraction", "trail_then")
"""What a trailing stop is; runs of before had the first alone."""
NEEDED = ("equity", "orders", "fills", "order_ends", "signals", "account_activity")


def folder_of(run: str, runs: Path) -> Path:
    """The artifacts of a run: a folder, or a job's id or its first letters among ``runs``."""
    path = Path(run)
    if (path / "report.json").is_file():
        return path
    found = sorted(each for each in runs.glob(f"{run}*") if (each / "report.json").is_file()) if run else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.name for each in found[:5])
        raise JobError(f"{len(found)} runs begin with {run!r}: {names}; give more letters")
    raise JobError(
        f"no run {run!r} in {runs} and no folder of that name with a report.json: give the folder that `backbus run` "
        "or `backbus submit --wait` named"
    )


def explain(folder: Path | str, *, order: int | None = None, asset: str | None = None, date: str | None = None) -> Row:
    """What the tables in ``folder`` tell of a run, of an order, or of an asset in a session (``date`` is ISO).

    Raises JobError for a folder, an order, an asset or a date that is not there.
    """
    folder = Path(folder)
    for old, new in renamed.TABLES.items():
        if (folder / f"{old}.parquet").is_file() and not (folder / f"{new}.parquet").is_file():
            is_now = renamed.is_now(f"{old}.parquet", f"{new}.parquet")
            raise JobError(f"{is_now}; run the job again, or give the file its new name", file=str(folder))
    for name in NEEDED:
        if not (folder / f"{name}.parquet").is_file():
            raise JobError(f"has no {name}.parquet: not the artifacts of one run", file=str(folder))
    if order is not None:
        if asset is not None or date is not None:
            raise JobError("give an order, or an asset and a date, not both")
        return _order(folder, order)
    if asset is None and date is None:
        return _run(folder)
    if asset is None or date is None:
        raise JobError("an asset goes with a date, for example --asset AAPL --date 2008-10-06")
    return _day(folder, asset, date)


def _rows(folder: Path, table: str, *filters: tuple[str, str, Any]) -> list[Row]:
    """Rows of a table, and when each was: its session, and with its time in UTC where sessions have several rows."""
    import pyarrow.parquet as pq

    found: list[Row] = pq.read_table(folder / f"{table}.parquet", filters=list(filters) or None).to_pylist()
    if found and "time" in found[0]:
        sessions, intraday = _sessions(folder, (folder / "equity.parquet").stat().st_mtime_ns)
        for row in found:
            row["when"] = _utc(row["time"]) if intraday else sessions[row["row"]].isoformat()
    return found


@functools.lru_cache(maxsize=1)
def _sessions(folder: Path, _: int) -> tuple[dict[int, datetime.date], bool]:
    """The session of each traded row, and whether any has several; made anew where the file is another one."""
    import pyarrow.parquet as pq

    told = pq.read_table(folder / "equity.parquet", columns=["row", "session"]).to_pydict()
    return dict(zip(told["row"], told["session"], strict=True)), len(set(told["session"])) < len(told["row"])


def _utc(time: datetime.datetime) -> str:
    return f"{instant_text(int(np.datetime64(time.replace(tzinfo=None), 'ns').astype(np.int64)))} UTC"


def _order(folder: Path, order: int) -> Row:
    said = _rows(folder, "orders", ("order", "==", order))
    if not said:
        raise JobError(f"the run has no order {order}; the column order of orders.parquet has their numbers")
    first = said[0]
    decided, _, _ = order_parts(order)
    signals = _rows(folder, "signals", ("row", "==", decided), ("symbol", "==", first["symbol"]))
    (account,) = _rows(folder, "equity", ("row", "==", decided))
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


def _day(folder: Path, asset: str, date: str) -> Row:
    try:
        day = datetime.date.fromisoformat(date)
    except ValueError:
        raise JobError(f"{date!r} is no date; write it like 2008-10-06") from None
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if asset not in report["symbols"]:
        raise JobError(f"the run has no symbol {asset!r}; it has {', '.join(report['symbols'][:8])}")
    rows = [one["row"] for one in _rows(folder, "equity", ("session", "==", day))]
    if not rows:
        raise JobError(
            f"the run has no session {date}: it is from {report['first_session']} to {report['last_session']}"
        )
    first, last = rows[0], rows[-1]
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
    waiting = [one for number, one in working.items() if number not in closed]
    return {
        "symbol": asset,
        "date": date,
        "rows": [first, last],
        "signals": _signals(_rows(folder, "signals", *within)),
        "working_before": [{**_named(one), "quantity": one["quantity"]} for one in waiting],
        "decided": [{**_named(one), **_said(one)} for one in placed if one["row"] >= first],
        "fills": [_fill(fill) for fill in _rows(folder, "fills", *within)],
        "order_ends": [_end(end, kinds[end["order"]]) for end in _rows(folder, "order_ends", *within)],
        "account_activity": [_booking(one) for one in _rows(folder, "account_activity", *within)],
    }


def _booking(one: Row) -> Row:
    return {"when": one["when"], **{name: one[name] for name in ("row", "kind", "amount", "quantity", "basis")}}


def _run(folder: Path) -> Row:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
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
        "ended_because": dict(Counter(end["reason"] for end in _rows(folder, "order_ends")).most_common()),
        "booked": report["booked"],
        "forced": [
            {"when": one["when"], "row": one["row"], "order": one["order"], "symbol": one["symbol"],
             "quantity": one["quantity"], "reason": one["reason"]}
            for one in forced
        ],
    }  # fmt: skip
