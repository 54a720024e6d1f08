"""Trades: how long they were held, what each brought, when they began."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import GREEN, RED, dress
from backbus.runs.shown import RunShown

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _some(run: RunShown) -> None:
    if not run.count("trades"):
        raise NothingToShow("no trade was made")


@figure("trades", "each trade's return by how many bars it was held")
def trades(run: RunShown) -> Any:
    """A dot for each; winners and losers apart."""
    import plotly.graph_objects as go

    _some(run)
    bars, gain = run.column("trades", "bars"), run.column("trades", "return")
    symbols, begun = run.column("trades", "symbol").astype(str), run.column("trades", "entry_time").astype("M8[D]")
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
    """Sums in cash units, by UTC."""
    import plotly.graph_objects as go

    _some(run)
    day = (run.column("trades", "entry_time").astype("M8[D]").astype(np.int64) + 3) % 7
    total = np.bincount(day, weights=run.column("trades", "pnl"), minlength=7)
    count = np.bincount(day, minlength=7)
    there = np.flatnonzero(count)
    colours = [GREEN if value >= 0.0 else RED for value in total[there]]
    texts = [f"{count[one]} trades" for one in there]
    found = go.Figure(go.Bar(x=[WEEKDAYS[one] for one in there], y=total[there], marker={"color": colours}, text=texts))
    dress(found, "Trades by weekday of entry", height=300)
    found.update_yaxes(title_text="cash units")
    return found
