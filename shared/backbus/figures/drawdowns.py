"""The worst drawdowns: where each began, was deepest and was over."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.lines import account_rows, below_top, line, time_axis
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, LINES, RED, dress, see_through
from backbus.performance.drawdowns import worst_drawdowns
from backbus.runs.shown import RunShown

MOST = 10
_LINE = 22
"""Pixels of a line of the table."""


@figure("drawdowns", "the ten worst drawdowns: from when to when, and how deep")
def drawdowns(run: RunShown) -> Any:
    """Shaded on the equity curve, with the numbers in a table below."""
    from plotly.subplots import make_subplots

    times, value = account_rows(run)
    worst = worst_drawdowns(value, run.cash, MOST)
    if not worst:
        raise NothingToShow("equity was never below its highest")
    table = _LINE * (len(worst) + 3)
    found = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=40 / (480 + table - 96),
        row_heights=[220, 110, table],
        specs=[[{}], [{}], [{"type": "table"}]],
    )
    found.add_trace(line(times, value, "equity", BLUE, showlegend=False), row=1, col=1)
    shape: dict[str, Any] = {"fill": "tozeroy", "fillcolor": see_through(GREY, 0.18), "showlegend": False}
    found.add_trace(line(times, below_top(value, run.cash), "below the top", GREY, 1.0, **shape), row=2, col=1)
    shades = []
    for place, one in enumerate(worst):
        begin, _, recovery = one.times(times)
        colour = see_through(LINES[place % len(LINES)], 0.16)
        ends = (begin, times[-1] if recovery is None else recovery)
        span = {f"x{edge}": str(end.astype("M8[ms]")) for edge, end in enumerate(ends)}
        where = {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1, **span}
        shades.append({"type": "rect", "fillcolor": colour, "line": {"width": 0}, **where})
    found.layout["shapes"] = shades
    dots = {"color": RED, "size": 6}
    at = [one.trough for one in worst]
    numbers = [str(place) for place in range(1, len(worst) + 1)]
    import plotly.graph_objects as go

    depth = [one.depth for one in worst]
    labels = {"text": numbers, "textposition": "bottom center", "textfont": {"size": 10}, "showlegend": False}
    found.add_trace(go.Scatter(x=times[at], y=depth, mode="markers+text", marker=dots, name="trough", **labels), 2, 1)
    found.add_trace(_table(run, worst, times), row=3, col=1)
    dress(found, "The worst drawdowns", height=480 + table)
    found.update_yaxes(title_text="cash units", row=1, col=1)
    low = min(depth)
    found.update_yaxes(title_text="below the top", tickformat=".1~%", range=[1.25 * low, -0.03 * low], row=2, col=1)
    return time_axis(found, times)


def _table(run: RunShown, worst: list[Any], times: Any) -> Any:
    import plotly.graph_objects as go

    unit = "D" if len(run.column("equity", "session")) == len(run.sessions) else "m"
    cells: list[list[str]] = [[], [], [], [], [], []]
    session = np.searchsorted(run.ends, np.arange(len(times)))
    for place, one in enumerate(worst, 1):
        begin, trough, recovery = one.times(times)
        told = [_when(each, unit) for each in (begin, trough, recovery)]
        last = len(times) - 1 if one.recovery is None else one.recovery
        lasted = int(session[last] - (session[one.begin] if one.begin >= 0 else -1))
        for column, text in zip(cells, [str(place), f"{100 * one.depth:.2f}", *told, f"{lasted:,}"], strict=True):
            column.append(text)
    head = ["", "depth, %", "peak", "trough", "recovered", "sessions"]
    return go.Table(
        header={"values": head, "align": "left", "fill": {"color": "rgba(0,0,0,0)"}, "line": {"width": 0}},
        cells={
            "values": cells,
            "align": "left",
            "fill": {"color": "rgba(0,0,0,0)"},
            "line": {"width": 0},
            "height": _LINE,
        },
        columnwidth=[1.5, 3, 5, 5, 5, 4],
    )


def _when(time: Any, unit: str) -> str:
    return "not yet" if time is None else str(time.astype(f"M8[{unit}]")).replace("T", " ")
