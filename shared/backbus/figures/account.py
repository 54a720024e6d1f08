"""The account over time: equity, how far it is below its top, what is invested."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, RED, dress, see_through
from backbus.runs.shown import RunShown


def _line(x: Any, y: Any, name: str, colour: str, **more: Any) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(x=x, y=y, mode="lines", name=name, line={"color": colour, "width": 1.4}, **more)


@figure("equity", "what the account was worth at the end of each row")
def equity(run: RunShown) -> Any:
    """Of every row, not only of sessions."""
    import plotly.graph_objects as go

    if not run.count("equity"):
        raise NothingToShow("no row was traded")
    found = go.Figure(_line(run.column("equity", "time"), run.column("equity", "equity"), "equity", BLUE))
    found.add_hline(y=run.cash, line={"width": 1, "dash": "dot", "color": GREY})
    dress(found, "Equity")
    found.update_yaxes(title_text="cash units")
    return found


@figure("underwater", "how far equity is below its highest so far")
def underwater(run: RunShown) -> Any:
    """As a fraction, of every row."""
    import plotly.graph_objects as go

    value = run.column("equity", "equity")
    if not len(value):
        raise NothingToShow("no row was traded")
    top = np.maximum(np.maximum.accumulate(value), run.cash)
    shape = {"fill": "tozeroy", "fillcolor": see_through(RED, 0.18)}
    found = go.Figure(_line(run.column("equity", "time"), value / top - 1.0, "below the top", RED, **shape))
    dress(found, "Underwater", height=280)
    found.update_yaxes(title_text="below the top", tickformat=".0%")
    return found


@figure("exposure", "how much of equity is at work, gross, and how much is cash")
def exposure(run: RunShown) -> Any:
    """As fractions of equity, of every row."""
    import plotly.graph_objects as go

    value = run.column("equity", "equity")
    if not len(value):
        raise NothingToShow("no row was traded")
    time = run.column("equity", "time")
    with np.errstate(divide="ignore", invalid="ignore"):
        gross, cash = (run.column("equity", name) / value for name in ("gross", "cash"))
    found = go.Figure([_line(time, gross, "gross exposure", BLUE), _line(time, cash, "cash", ORANGE)])
    dress(found, "Exposure and cash", height=280)
    found.update_yaxes(title_text="of equity", tickformat=".0%")
    return found
