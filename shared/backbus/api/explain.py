"""Why a run's orders filled as they did, and why others did not: told from the run's own tables.

``explain(folder)`` tells of a whole run, ``explain(folder, order=…)`` of one order from its signal's row to its end,
and ``explain(folder, asset=…, date=…)`` of all that befell an asset in a session. Each returns plain values, fit for
JSON; ``sentences`` makes text of them.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from backbus.errors import JobError
from backbus.market.panel import session_date
from backbus.market.ticks import PHASE_NAMES
from backbus.trading.codes import TIMES_IN_FORCE
from backbus.trading.records import order_parts

Row = dict[str, Any]
NEEDED = ("equity", "orders", "fills", "ends", "signals", "bookings")
PHASES_IN_WORDS = dict(
    zip(
        PHASE_NAMES,
        ("before the open", "at the open", "within the bar", "after the bar", "after the close", "at the close"),
        strict=True,
    )
)


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
    import pyarrow.parquet as pq

    found: list[Row] = pq.read_table(folder / f"{table}.parquet", filters=list(filters) or None).to_pylist()
    return found


def _when(row: Row) -> str:
    """The end of a row's bars, as short as it can be told."""
    time: datetime.datetime = row["time"]
    return time.date().isoformat() if time.microsecond == time.second == 0 else time.isoformat(timespec="seconds")


def _order(folder: Path, order: int) -> Row:
    said = _rows(folder, "orders", ("order", "==", order))
    if not said:
        raise JobError(f"the run has no order {order}; the column order of orders.parquet has their numbers")
    first = said[0]
    decided, _, _ = order_parts(order)
    signals = _rows(folder, "signals", ("row", "==", decided), ("symbol", "==", first["symbol"]))
    (account,) = _rows(folder, "equity", ("row", "==", decided))
    fills = [_fill(fill) for fill in _rows(folder, "fills", ("order", "==", order))]
    ends = _rows(folder, "ends", ("order", "==", order))
    exits = _rows(folder, "orders", ("parent", "==", order), ("kind", "==", "place"))
    splits = [
        booking
        for booking in _rows(folder, "bookings", ("symbol", "==", first["symbol"]), ("kind", "==", "split"))
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
        "trail": first["trail"],
        "parent": first["parent"],
        "said": [_said(one) for one in said],
        "account": {name: account[name] for name in ("equity", "cash", "gross")},
        "signals": _signals(signals),
        "splits": [{"when": _when(one), "row": one["row"], "ratio": one["basis"]} for one in splits],
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
    return {name: one[name] for name in ("order", "type", "limit", "stop", "trail")}


def _said(one: Row) -> Row:
    names = ("row", "phase", "kind", "quantity", "wanted", "reason")
    return {"when": _when(one), **{name: one[name] for name in names}}


def _fill(fill: Row) -> Row:
    names = ("order", "symbol", "row", "phase", "quantity", "rule", "reference", "price", "fee", "cap", "left")
    slippage = abs(fill["price"] - fill["reference"]) * abs(fill["quantity"]) * fill["unit"]
    return {"when": _when(fill), **{name: fill[name] for name in names}, "slippage": slippage}


def _end(end: Row, kind: str) -> Row:
    names = ("order", "symbol", "row", "phase", "reason", "cap", "left", "level", "nearest")
    return {"when": _when(end), "type": kind, **{name: end[name] for name in names}}


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
    closed = {one["order"]: one["row"] for one in _rows(folder, "ends", ("symbol", "==", asset), ("row", "<", first))}
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
        "ends": [_end(end, kinds[end["order"]]) for end in _rows(folder, "ends", *within)],
        "bookings": [_booking(one) for one in _rows(folder, "bookings", *within)],
    }


def _booking(one: Row) -> Row:
    return {"when": _when(one), **{name: one[name] for name in ("row", "kind", "amount", "quantity", "basis")}}


def _run(folder: Path) -> Row:
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    fills = _rows(folder, "fills")
    forced = _rows(folder, "orders", ("kind", "==", "place"), ("reason", "in", ["margin call", "drawdown stop"]))
    return {
        "name": report["name"],
        "orders": report["counts"]["orders"],
        "filled_by": dict(Counter(fill["rule"] for fill in fills).most_common()),
        "lessened_by": dict(Counter(fill["cap"] for fill in fills if fill["cap"]).most_common()),
        "fees": report["metrics"]["fees"],
        "slippage": report["metrics"]["slippage"],
        "refused_because": report["counts"]["refused_because"],
        "ended_because": dict(Counter(end["reason"] for end in _rows(folder, "ends")).most_common()),
        "booked": report["booked"],
        "forced": [
            {"when": _when(one), "row": one["row"], "order": one["order"], "symbol": one["symbol"],
             "quantity": one["quantity"], "reason": one["reason"]}
            for one in forced
        ],
    }  # fmt: skip


# --- as text -----------------------------------------------------------------------------------------------------


def sentences(told: Row) -> Iterator[str]:
    """What ``explain`` has found, line by line."""
    if "filled_by" in told:
        yield from _of_run(told)
    elif "said" in told:
        yield from _of_order(told)
    else:
        yield from _of_day(told)


def _number(value: float) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _terms(one: Row) -> str:
    kind = one["type"].replace("_", " ")
    if one["type"] in ("limit", "stop") and one["trail"] is not None:
        return f"{kind} {_number(100.0 * one['trail'])} % from the price of its entry"
    if one["type"] in ("trail", "trail_percent"):
        by = _number(one["trail"]) if one["type"] == "trail" else f"{_number(100.0 * one['trail'])} %"
        start = "" if one["stop"] is None else f", which was {_number(one['stop'])} at first"
        return f"trailing stop {by} behind the best price{start}"
    parts = [f"{name} {_number(one[name])}" for name in ("stop", "limit") if one[name] is not None]
    if one["type"] in ("limit", "stop"):
        return parts[0]
    return ", ".join([kind, *parts])


def _wishes(signals: list[Row]) -> str:
    return ", ".join(f"{one['kind']} {one['means'] or _number(one['value'])}" for one in signals)


def _where(one: Row) -> str:
    return f"{one['when']}, row {one['row']}, {PHASES_IN_WORDS[one['phase']]}"


def _side(quantity: float) -> str:
    return f"{'buy' if quantity > 0 else 'sell'} {_number(abs(quantity))}"


def _of_order(told: Row) -> Iterator[str]:
    force = "" if told["time_in_force"] == "gtc" else f", {told['time_in_force']}"
    if told["until"] is not None:
        force = f", until {told['until']}"
    yield f"order {told['order']}: {told['symbol']}, {_terms(told)}{force}"
    if told["parent"] is not None:
        yield f"  an exit of order {told['parent']}: it lives from that order's first fill on"
    elif told["signals"]:
        yield f"  the strategy said in that row: {_wishes(told['signals'])}"
    for one in told["said"]:
        yield "  " + _decision(one)
        if one["kind"] in ("place", "refuse"):
            own = told["account"]
            yield f"    the account at that close: equity {_money(own['equity'])}, cash {_money(own['cash'])}, " + (
                f"positions of {_money(own['gross'])}"
            )
    for split in told["splits"]:
        yield f"  {split['when']}, row {split['row']}: a split of {_number(split['ratio'])} for 1 changed it"
    for fill in told["fills"]:
        yield from ("  " + line for line in _fill_lines(fill))
    if told["end"] is not None:
        yield from ("  " + line for line in _end_lines(told["end"]))
    for one in told["exits"]:
        yield f"  it brought an exit: order {one['order']}, {_terms(one)}"


def _decision(one: Row) -> str:
    where = f"{_where(one)}: "
    why = f" ({one['reason']})" if one["reason"] else ""
    match one["kind"]:
        case "place":
            cut = "" if one["quantity"] == one["wanted"] else f" of {_number(abs(one['wanted']))} wanted"
            return f"{where}placed, to {_side(one['quantity'])}{cut}{why}"
        case "resize":
            return f"{where}now to {_side(one['quantity'])}{why}"
        case "cancel":
            return f"{where}taken back{why}"
        case _:
            return f"{where}refused{why}; wanted to {_side(one['wanted'])}"


def _fill_lines(fill: Row) -> Iterator[str]:
    done = "bought" if fill["quantity"] > 0 else "sold"
    yield f"{_where(fill)}: {done} {_number(abs(fill['quantity']))}: {fill['rule']}"
    slip = f"slippage {_number(fill['slippage'])}, fee {_number(fill['fee'])}"
    yield f"  the market's price {_number(fill['reference'])}, paid {_number(fill['price'])}: {slip}"
    if fill["cap"]:
        rest = f"; {_number(abs(fill['left']))} went on working" if fill["left"] else ""
        yield f"  lessened by: {fill['cap']}{rest}"


def _end_lines(end: Row) -> Iterator[str]:
    left = _number(abs(end["left"]))
    yield f"{_where(end)}: ended with {left} unfilled: {end['reason']}"
    if end["level"] is not None and end["type"] in ("trail", "trail_percent"):
        yield f"  it had come to {_number(end['level'])} by then"
    elif end["level"] is not None and end["nearest"] is not None:
        yield f"  its price then was {_number(end['level'])}, the market came nearest at {_number(end['nearest'])}"
    if end["cap"]:
        yield f"  held back by: {end['cap']}"


def _source(booking: Row) -> str:
    """What a booking was reckoned from."""
    quantity, basis = _number(booking["quantity"]), _number(booking["basis"])
    match booking["kind"]:
        case "split":
            return f"{basis} for 1, {quantity} held since"
        case "dividend" | "delisting":
            return f"{basis} for each of {quantity} held"
        case _:
            return f"{quantity} day{'' if booking['quantity'] == 1.0 else 's'} on {_money(booking['basis'])}"


def _of_day(told: Row) -> Iterator[str]:
    first, last = told["rows"]
    yield f"{told['symbol']} on {told['date']} (row{'' if first == last else 's'} {first}" + (
        ")" if first == last else f" to {last})"
    )
    for one in told["bookings"]:
        yield f"  {one['kind']}: {_money(one['amount'])} to cash, {_source(one)}"
    for one in told["working_before"]:
        yield f"  was working: order {one['order']}, {_terms(one)}, to {_side(one['quantity'])}"
    for fill in told["fills"]:
        yield from (f"  {line}" for line in _fill_lines(fill))
        yield f"    by order {fill['order']}"
    for end in told["ends"]:
        yield from (f"  {line}" for line in _end_lines(end))
        yield f"    order {end['order']}"
    for row, signals in groupby(told["signals"], key=itemgetter("row")):
        yield f"  row {row}: the strategy said {_wishes(list(signals))}"
    for one in told["decided"]:
        yield f"  {_decision(one)}; order {one['order']}, {_terms(one)}"
    if not any(told[name] for name in ("bookings", "working_before", "fills", "ends", "signals", "decided")):
        yield "  nothing was said, worked or filled"


def _of_run(told: Row) -> Iterator[str]:
    yield f"{told['name']}: {told['orders']:,} orders placed"
    for title, counts in (
        ("filled by", told["filled_by"]),
        ("fills lessened by", told["lessened_by"]),
        ("refused", told["refused_because"]),
        ("ended unfilled, or in part", told["ended_because"]),
    ):
        if counts:
            yield f"  {title}:"
            yield from (f"    {count:>8,}  {what}" for what, count in counts.items())
    yield f"  fees {_money(told['fees'])}, slippage {_money(told['slippage'])}"
    yield from (f"  {kind} {_money(amount)}" for kind, amount in told["booked"].items())
    for one in told["forced"]:
        what = f"{_side(one['quantity'])} {one['symbol']}: order {one['order']}"
        yield f"  {one['when']}, row {one['row']}: {one['reason']}, {what}"
    yield "give --order N, or --asset SYMBOL --date DATE, to look closer"
