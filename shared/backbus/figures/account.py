"""The account over time: equity, how far it is below its top, what is invested, what is traded."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.benchmark import benchmark_of
from backbus.figures.lines import account_rows, below_top, line, rows_of, time_axis
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, RED, dress, see_through
from backbus.market.panel import Floats
from backbus.runs.shown import RunShown

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@figure("equity", "what the account was worth at the end of each row, beside a benchmark where the job names one")
def equity(run: RunShown) -> Any:
    """Of every row, not only of sessions; the benchmark begins with the same cash."""
    import plotly.graph_objects as go

    times, value = account_rows(run)
    found = go.Figure(line(times, value, "equity", BLUE))
    benchmark, words = benchmark_of(run)
    if benchmark is not None:
        found.add_trace(line(times, benchmark.worth(run.cash), f"{benchmark.symbol}, held", GREY, 1.1))
    if np.isfinite(run.cash):
        found.add_hline(y=run.cash, line={"width": 1, "dash": "dot", "color": GREY})
    dress(found, f"Equity{words}")
    found.update_yaxes(title_text="cash units")
    return time_axis(found, times)


@figure("underwater", "how far equity is below its highest so far")
def underwater(run: RunShown) -> Any:
    """As a fraction, of every row."""
    import plotly.graph_objects as go

    times, value = account_rows(run)
    shape: dict[str, Any] = {"fill": "tozeroy", "fillcolor": see_through(RED, 0.18)}
    found = go.Figure(line(times, below_top(value, run.cash), "below the top", RED, **shape))
    dress(found, "Underwater", height=280)
    found.update_yaxes(title_text="below the top", tickformat=".1~%")
    return time_axis(found, times)


@figure("exposure", "how much of equity is at work, gross, and how much is cash")
def exposure(run: RunShown) -> Any:
    """As fractions of equity, of every row."""
    import plotly.graph_objects as go

    times, value = account_rows(run)
    with np.errstate(divide="ignore", invalid="ignore"):
        gross, cash = (run.column("equity", name) / value for name in ("gross", "cash"))
    found = go.Figure([line(times, gross, "gross exposure", BLUE), line(times, cash, "cash", ORANGE)])
    dress(found, "Exposure and cash", height=280)
    found.update_yaxes(title_text="of equity", tickformat=".0%")
    return time_axis(found, times)


def turnover_by_month(run: RunShown) -> tuple[Any, Floats]:
    """[months] which, and half of the value traded in each over the mean of its equity by sessions: the report's
    turnover, not annualised."""
    months = run.sessions.astype("M8[M]")
    names, place = np.unique(months, return_inverse=True)
    mean = np.bincount(place, run.daily) / np.bincount(place)
    rows = run.column("fills", "row") - int(run.column("equity", "row")[0])
    value = np.abs(run.column("fills", "quantity")) * run.column("fills", "price") * run.column("fills", "unit")
    of_row = run.column("equity", "session").astype("M8[M]")
    traded = np.bincount(np.searchsorted(names, of_row[rows]), value, minlength=len(names))
    with np.errstate(divide="ignore", invalid="ignore"):
        return names, 0.5 * traded / mean


@figure("turnover", "how much of equity was traded in each month")
def turnover(run: RunShown) -> Any:
    """Half of what was bought and sold, over the month's mean equity."""
    import plotly.graph_objects as go

    account_rows(run)
    rows_of(run, "fills", "nothing was traded")
    months, share = turnover_by_month(run)
    if not np.isfinite(share).any():
        raise NothingToShow("equity is no number in any month")
    names = [f"{MONTHS[one % 12]} {one // 12 + 1970}" for one in months.astype(np.int64).tolist()]
    found = go.Figure(go.Bar(x=names, y=share, marker={"color": BLUE}))
    dress(found, "Turnover by month", height=280)
    found.update_layout(bargap=0.3)
    found.update_xaxes(type="category", nticks=8)
    found.update_yaxes(title_text="of equity", tickformat=".0%", rangemode="tozero")
    return found
