"""What ``explain`` has found, as text that is read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from backbus.api.explain import SHORT, Row, within_instant
from backbus.errors import UsageError
from backbus.kinds import MAPPING, takes
from backbus.market.ticks import CLOSE_SIGNAL, PHASE_NAMES
from backbus.runs.words import PHASES_IN_WORDS

SIGNALLED = PHASE_NAMES[CLOSE_SIGNAL]


@takes(told=MAPPING)
def sentences(told: Row) -> Iterator[str]:
    """What ``explain`` has found, line by line."""
    if "filled_by" in told:
        yield from _of_run(told)
    elif "happened" in told:
        yield from _of_list(told)
    elif "said" in told:
        yield from _of_order(told)
    elif "rows" in told:
        yield from _of_day(told)
    else:
        raise UsageError("sentences: told is what explain has found; it is another mapping here")


def _number(value: float) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _terms(one: Row) -> str:
    kind = one["type"].replace("_", " ")
    if one["type"] in ("limit", "stop") and one["trail"] is not None:
        return f"{kind} {_number(100.0 * one['trail'])} % from the price of its entry"
    if one["type"] in ("trail", "trail_percent"):
        return _trailing(one)
    parts = [f"{name} {_number(one[name])}" for name in ("stop", "limit") if one[name] is not None]
    if one["type"] in ("limit", "stop"):
        return parts[0]
    return ", ".join([kind, *parts])


def _trailing(one: Row) -> str:
    def by(name: str) -> str:
        return _number(one[name]) if one["type"] == "trail" else f"{_number(100.0 * one[name])} %"

    start = "" if one["stop"] is None else f", which was {_number(one['stop'])} at first"
    told = f"trailing stop {by('trail')} behind the best price{start}"
    if one["trail_from"] is None and one["trail_from_fraction"] is None:
        return told
    gain = one["trail_from_fraction"]
    begins = _number(one["trail_from"]) if gain is None else f"a profit of {_number(100.0 * gain)} %"
    then = "; asleep until then" if one["trail_then"] is None else f" {by('trail_then')} behind it"
    return f"{told}, from {begins} on{then}"


def _asked(signals: list[Row]) -> str:
    return ", ".join(f"{one['kind']} {one['means'] or _number(one['value'])}" for one in signals)


def _where(one: Row) -> str:
    return f"{one['when']}, row {one['row']}, {PHASES_IN_WORDS[one['phase']]}"


def _side(quantity: float) -> str:
    return f"{'buy' if quantity > 0 else 'sell'} {_number(abs(quantity))}"


def _of_order(told: Row) -> Iterator[str]:
    force = "" if told["time_in_force"] == "gtc" else f", {told['time_in_force']}"
    if told["until"] is not None:
        force = f", until {told['until']}"
    yield f"order {told['number']} (id {told['order']}): {told['symbol']}, {_terms(told)}{force}"
    if told["parent"] is not None:
        yield f"  an exit of order {told['parent_number']}: it lives from that order's first fill on"
    elif told["signals"]:
        yield f"  the strategy said in that row: {_asked(told['signals'])}"
    for one in told["said"]:
        yield "  " + _decision(one)
        if one["kind"] in ("place", "refuse"):
            yield f"    {_account(told['account'])}"
    for split in told["splits"]:
        yield f"  {split['when']}, row {split['row']}: a split of {_number(split['ratio'])} for 1 changed it"
    for fill in told["fills"]:
        yield from ("  " + line for line in _fill_lines(fill))
    if told["end"] is not None:
        yield from ("  " + line for line in _end_lines(told["end"]))
    for one in told["exits"]:
        yield f"  it brought an exit: order {one['number']}, {_terms(one)}"


def _decision(one: Row) -> str:
    return f"{_where(one)}: {_asked_for(one)}"


def _to(one: Row) -> str:
    """What an order is to do, and why it is for less than was wanted."""
    cut = "" if one["quantity"] == one["wanted"] else f" of {_number(abs(one['wanted']))} wanted"
    why = f" ({one['reason']})" if one["reason"] else ""
    return f"to {_side(one['quantity'])}{cut}{why}"


def _asked_for(one: Row) -> str:
    """What the portfolio said of an order."""
    why = f" ({one['reason']})" if one["reason"] else ""
    match one["kind"]:
        case "place":
            return f"placed, {_to(one)}"
        case "resize":
            return f"now to {_side(one['quantity'])}{why}"
        case "cancel":
            return f"taken back{why}"
        case _:
            return f"refused{why}; wanted to {_side(one['wanted'])}"


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
    for one in told["working_before"]:
        yield f"  was working: order {one['number']}, {_terms(one)}, {_to(one)}"
    accounts = {one["row"]: one for one in told["accounts"]}
    for one in _in_order(told):
        for line in _event_lines(one, accounts):
            yield f"  {line}"
    if not any(
        told[name] for name in ("account_activity", "working_before", "fills", "order_ends", "signals", "decided")
    ):
        yield "  nothing was said, worked or filled"


def _in_order(told: Row) -> list[Row]:
    """What befell an asset in a session, as it happened; signals of one row are one thing."""
    signals = groupby(told["signals"], key=itemgetter("row"))
    found = [{"what": "signals", "row": row, "phase": SIGNALLED, "all": list(said)} for row, said in signals]
    found += [{**one, "what": "orders"} for one in told["decided"]]
    for what in ("account_activity", "fills", "order_ends"):
        found += [{**one, "what": what} for one in told[what]]
    return sorted(found, key=lambda one: (one["row"], PHASE_NAMES.index(one["phase"]), within_instant(one)))


def _event_lines(one: Row, accounts: dict[int, Row]) -> Iterator[str]:
    """One of them, with the account where an order was cut or refused for want of buying power."""
    match one["what"]:
        case "account_activity":
            yield f"{_where(one)}: {one['kind']}, {_money(one['amount'])} to cash, {_source(one)}"
        case "fills":
            yield from _fill_lines(one)
            yield f"  by order {one['number']}"
        case "order_ends":
            yield from _end_lines(one)
            yield f"  order {one['number']}"
        case "signals":
            yield f"row {one['row']}: the strategy said {_asked(one['all'])}"
        case _:
            yield f"{_decision(one)}; order {one['number']}, {_terms(one)}"
            if one["reason"] == SHORT and one["kind"] in ("place", "refuse") and one["row"] in accounts:
                yield f"  {_account(accounts[one['row']])}"


def _account(own: Row) -> str:
    return (
        f"the account at that close: equity {_money(own['equity'])}, cash {_money(own['cash'])}, "
        f"positions of {_money(own['gross'])}"
    )


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
    if told["cut_because"]:
        yield "  cut to less than was wanted:"
        for what, one in told["cut_because"].items():
            yield f"    {one['count']:>8,}  {what} (the first is order {one['number']})"
    yield f"  fees {_money(told['fees'])}, slippage {_money(told['slippage'])}"
    yield from (f"  {kind} {_money(amount)}" for kind, amount in told["booked"].items())
    for one in told["forced"]:
        what = f"{_side(one['quantity'])} {one['symbol']}: order {one['number']}"
        yield f"  {one['when']}, row {one['row']}: {one['reason']}, {what}"
    if told["first"]:
        yield "what happened first:"
        yield from (f"  {_event(one)}" for one in told["first"])
    yield "--order 1 tells of one order; --asset SYMBOL, --date DATE, or both, of what happened there"


def _of_list(told: Row) -> Iterator[str]:
    about = told["symbol"] or told["date"]
    things = told["happened"]
    count = told.get("of", len(things))
    yield f"{about}: {count:,} thing{'' if count == 1 else 's'} happened" if count else f"{about}: nothing happened"
    yield from (f"  {_event(one)}" for one in things)
    if count > len(things):
        yield f"  and {count - len(things):,} more: --limit {count} or --json has them"
    if any("order" in one for one in things):
        number = next(one["number"] for one in things if "order" in one)
        yield f"--order {number} tells why"


def _event(one: Row) -> str:
    """One thing that happened, in a line."""
    where, symbol = _where(one), one["symbol"]
    match one["what"]:
        case "fills":
            done = "bought" if one["quantity"] > 0 else "sold"
            price = f"{_number(abs(one['quantity']))} at {_number(one['price'])}"
            return f"{where}: {symbol} {done} {price} by order {one['number']}: {one['rule']}"
        case "order_ends":
            left = _number(abs(one["left"]))
            return f"{where}: {symbol} order {one['number']} ended with {left} unfilled: {one['reason']}"
        case "account_activity":
            about = f"{symbol} " if symbol else ""
            return f"{where}: {about}{one['kind']}, {_money(one['amount'])} to cash, {_source(one)}"
        case _:
            return f"{where}: {symbol} order {one['number']} {_asked_for(one)}"
