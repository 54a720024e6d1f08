"""Prices with what was traded in them, over the account, on one time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.errors import BackbusError
from backbus.figures.lines import account_rows, below_top, line, time_axis
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREEN, GREY, RED, dress, see_through
from backbus.market.panel import Floats
from backbus.runs.shown import Instants, RunShown

if TYPE_CHECKING:
    from backbus.market.panel import Panel


def bars_of(run: RunShown) -> Panel:
    """The bars that a run traded. Raises NothingToShow where they are not at hand."""
    if run.market is None:
        raise NothingToShow("the bars are not at hand, and only they tell prices")
    try:
        return run.market()
    except BackbusError as error:
        raise NothingToShow(f"the bars cannot be read any more: {error}") from None


def most_traded(run: RunShown) -> str:
    """The asset with most fills, of equals the first; the first of all where there are none."""
    if not run.count("fills"):
        return run.summary.symbols[0]
    names, counts = np.unique(run.column("fills", "symbol").astype(str), return_counts=True)
    most = set(names[counts == counts.max()].tolist())
    return next(symbol for symbol in run.summary.symbols if symbol in most)


def times_and_closes(panel: Panel, symbol: str) -> tuple[Instants, Floats]:
    """[rows] ends of bars, and closes; NaN where there was none."""
    block = panel.block
    return panel_times(panel), block.close[:, panel.symbols.index(symbol)]


def panel_times(panel: Panel) -> Instants:
    """[rows] where a panel's rows are drawn: when they end, and of whole days their date."""
    block = panel.block
    if panel.layout.daily:
        return block.session.astype("M8[D]").astype("M8[ns]")
    return block.end.view("M8[ns]")


class Traded(NamedTuple):
    """What is drawn of one asset in the panel of prices."""

    name: str
    x: Instants
    y: Floats
    texts: NDArray[Any] | None
    """Of each fill, how many units and why; none of closes."""


def traded(run: RunShown, panel: Panel, symbol: str, mine: NDArray[Any]) -> tuple[Traded, Traded, Traded]:
    """An asset's closes, buys and sells; ``mine`` are its rows in the table of fills, in their order."""
    times, closes = times_and_closes(panel, symbol)
    rows = slice(panel.layout.warmup, None)
    there = np.isfinite(closes[rows])
    units, price = run.column("fills", "quantity")[mine], run.column("fills", "price")[mine]
    when = times[run.column("fills", "row")[mine]] if panel.layout.daily else run.column("fills", "time")[mine]

    def fills(name: str, which: NDArray[np.bool_]) -> Traded:
        texts = np.array([f"{value:+g}" for value in units[which].tolist()], str)
        return Traded(name, when[which], price[which], texts)

    closed = Traded(f"{symbol} close", times[rows][there], closes[rows][there], None)
    return closed, fills("buys", units > 0.0), fills("sells", units < 0.0)


def traces(run: RunShown, panel: Panel, symbol: str) -> list[Any]:
    """An asset's closes, and its fills at their prices."""
    import plotly.graph_objects as go

    mine = np.flatnonzero(run.column("fills", "symbol").astype(str) == symbol)
    closes, *fills = traded(run, panel, symbol, mine)
    found: list[Any] = [line(closes.x, closes.y, closes.name, GREY, 1.2)]
    for one, colour, shape in zip(fills, (GREEN, RED), ("triangle-up", "triangle-down"), strict=True):
        dots = {"color": colour, "symbol": shape, "size": 8, "line": {"width": 0}}
        found.append(go.Scatter(x=one.x, y=one.y, mode="markers", marker=dots, text=one.texts, name=one.name))
    return found


@figure("overview", "price with fills, equity, and how far it is below its highest, over one time axis")
def overview(run: RunShown) -> Any:
    """Of the asset that was traded most; without its price where the bars are not at hand."""
    from plotly.subplots import make_subplots

    time, value = account_rows(run)
    symbol = most_traded(run)
    try:
        above = traces(run, bars_of(run), symbol)
    except NothingToShow:
        above = []
    heights = [0.5, 0.3, 0.2] if above else [0.65, 0.35]
    found = make_subplots(rows=len(heights), cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=heights)
    for trace in above:
        found.add_trace(trace, row=1, col=1)
    row = len(heights) - 1
    found.add_trace(line(time, value, "equity", BLUE), row=row, col=1)
    shape: dict[str, Any] = {"fill": "tozeroy", "fillcolor": see_through(RED, 0.18)}
    found.add_trace(line(time, below_top(value, run.cash), "below the top", RED, 1.0, **shape), row=row + 1, col=1)
    dress(found, run.summary.name, height=620 if above else 420)
    if above:
        found.update_yaxes(title_text=f"{symbol}", row=1, col=1)
    found.update_yaxes(title_text="equity", row=row, col=1)
    found.update_yaxes(title_text="below the top", tickformat=".1~%", row=row + 1, col=1)
    return time_axis(found, time)
