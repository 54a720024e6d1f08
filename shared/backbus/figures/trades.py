"""Trades: how long they were held, what each brought, on which weekday and at which hour they began."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.lines import rows_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import GREEN, RED, dress, inked
from backbus.market.panel import Ints
from backbus.runs.shown import Instants, RunShown

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _some(run: RunShown) -> None:
    rows_of(run, "trades", "no trade was made")


def entry_sessions(run: RunShown) -> Instants:
    """[trades] the session in which each began: a day's bar ends with the day that follows, and so does its time."""
    rows = run.column("trades", "entry_row") - int(run.column("equity", "row")[0])
    found: Instants = run.column("equity", "session").astype("M8[D]")[rows]
    return found


@figure("trades", "each trade's return by how many bars it was held")
def trades(run: RunShown) -> Any:
    """A dot for each; winners and losers apart."""
    import plotly.graph_objects as go

    _some(run)
    bars, gain = run.column("trades", "bars"), run.column("trades", "return")
    symbols, begun = run.column("trades", "symbol").astype(str), entry_sessions(run)
    texts = np.char.add(np.char.add(symbols, " "), begun.astype(str))
    found = go.Figure()
    for name, which, colour in (("winners", gain > 0.0, GREEN), ("losers", gain <= 0.0, RED)):
        dots = {"color": colour, "size": 6, "opacity": 0.7}
        found.add_trace(
            go.Scattergl(x=bars[which], y=gain[which], mode="markers", marker=dots, text=texts[which], name=name)
        )
    dress(found, "Trades by holding time", height=360)
    found.update_layout(hovermode="closest")
    found.update_xaxes(title_text="bars")
    found.update_yaxes(title_text="return", tickformat=".1%")
    return found


@figure("trades_by_weekday", "what trades brought by the weekday on which they began")
def trades_by_weekday(run: RunShown) -> Any:
    """Sums in cash units, by the sessions of their entries."""
    _some(run)
    day = (entry_sessions(run).astype(np.int64) + 3) % 7
    return _sums(run, day, [*WEEKDAYS], "Trades by weekday of entry")


@figure("trades_by_hour", "what trades brought by the hour in which they began")
def trades_by_hour(run: RunShown) -> Any:
    """Sums in cash units, by the clock of the data's ``timezone``, by that of its calendar's exchange, or by UTC."""
    _some(run)
    if run.summary.rows <= run.summary.sessions:
        raise NothingToShow("a bar is a whole session, or longer: nothing tells the hour of a trade")
    hours, zone = entry_hours(run)
    found = _sums(run, hours, [f"{hour:02}:00" for hour in range(24)], "Trades by hour of entry")
    found.update_xaxes(title_text=zone)
    return found


def entry_hours(run: RunShown) -> tuple[Ints, str]:
    """[trades] the hour on the clock in which each began, and which clock that is."""
    import pandas as pd

    from backbus.market.calendars import zone_of

    data, made = (run.settings.get(table) or {} for table in ("data", "simulator"))
    zone, calendar = data.get("timezone"), data.get("calendar") or made.get("calendar")
    zone = zone or (zone_of(calendar) if calendar else "UTC")
    entry = run.trade_fills.entry
    at_open = (entry >= 0) & (run.column("fills", "phase").astype(str)[entry] == "OPEN_MATCH")
    times = run.column("trades", "entry_time") - np.where(at_open, 0, 1).astype("m8[ns]")  # a bar's end is its own
    return pd.DatetimeIndex(times, tz="UTC").tz_convert(zone).hour.to_numpy().astype(np.int64), zone


def _sums(run: RunShown, group: Ints, names: list[str], title: str) -> Any:
    """Bars of what trades brought, for each group that has some."""
    import plotly.graph_objects as go

    total = np.bincount(group, weights=run.column("trades", "pnl"), minlength=len(names))
    count = np.bincount(group, minlength=len(names))
    there = np.flatnonzero(count)
    colours = [GREEN if value >= 0.0 else RED for value in total[there]]
    texts = [f"{count[one]} trade{'s' if count[one] > 1 else ''}" for one in there]
    bars = go.Bar(x=[names[one] for one in there], y=total[there], marker={"color": colours}, text=texts)
    bars.update(inked(colours))
    found = go.Figure(bars)
    dress(found, title, height=300)
    found.update_xaxes(type="category")
    found.update_yaxes(title_text="cash units")
    return found
