"""Returns: by month and year, how they are distributed, rolling figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREEN, GREY, ORANGE, RED, dress
from backbus.market.panel import Floats, Ints
from backbus.performance.tails import rolling_figures
from backbus.runs.shown import RunShown

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WINDOW = 63
"""Sessions of a rolling figure: a quarter."""


def by_period(dates: Any, daily: Floats, cash: float, unit: str) -> tuple[Any, Floats]:
    """[periods] which months or years (``unit`` is ``M`` or ``Y``), and their simple returns."""
    period = dates.astype(f"M8[{unit}]")
    last: Ints = np.flatnonzero(np.append(period[1:] != period[:-1], True))
    value = daily[last]
    before = np.append(cash, value[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        return period[last], value / before - 1.0


@figure("monthly_returns", "the return of each month, and of each year")
def monthly_returns(run: RunShown) -> Any:
    """A row for each year; the last column is the year's."""
    import plotly.graph_objects as go

    if not len(run.daily):
        raise NothingToShow("no session was traded")
    months, found = by_period(run.sessions, run.daily, run.cash, "M")
    years, whole = by_period(run.sessions, run.daily, run.cash, "Y")
    first = int(years[0].astype(int)) + 1970
    cells = np.full((len(range(first, int(years[-1].astype(int)) + 1971)), 13), np.nan)
    number = months.astype(int)
    cells[number // 12 + 1970 - first, number % 12] = found
    cells[years.astype(int) + 1970 - first, 12] = whole
    most = float(np.nanmax(np.abs(cells[:, :12]))) or 1.0
    texts = [["" if value != value else f"{100 * value:.1f}" for value in line] for line in cells]  # noqa: PLR0124
    drawn = go.Heatmap(
        x=[*MONTHS, "year"],
        y=[str(first + row) for row in range(len(cells))],
        z=np.clip(cells, -most, most),
        text=texts,
        texttemplate="%{text}",
        colorscale=[[0.0, RED], [0.5, "#ffffff"], [1.0, GREEN]],
        zmin=-most,
        zmax=most,
        showscale=False,
        hovertemplate="%{y} %{x}: %{text} %<extra></extra>",
    )
    figure = go.Figure(drawn)
    dress(figure, "Returns by month, %", height=110 + 26 * len(cells))
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


@figure("distribution", "session returns, beside the normal distribution of their mean and deviation")
def distribution(run: RunShown) -> Any:
    """A histogram as density, and a Q–Q plot beside it."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    returns = run.session_returns[np.isfinite(run.session_returns)]
    if len(returns) < 2 or float(returns.std()) == 0.0:
        raise NothingToShow("session returns do not vary")
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    counts, edges = np.histogram(returns, bins=min(80, max(10, int(np.sqrt(len(returns)) * 2))))
    width, middle = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
    normal = np.exp(-0.5 * ((middle - mean) / deviation) ** 2) / (deviation * np.sqrt(2.0 * np.pi))
    found = make_subplots(rows=1, cols=2, subplot_titles=["density", "against the normal"], horizontal_spacing=0.1)
    bars = go.Bar(x=middle, y=counts / (len(returns) * width), marker={"color": BLUE}, name="session returns")
    found.add_trace(bars, row=1, col=1)
    found.add_trace(_curve(middle, normal, "normal"), row=1, col=1)
    theirs = mean + deviation * normal_quantiles(len(returns))
    dots = {"color": BLUE, "size": 4}
    quantiles = go.Scatter(x=theirs, y=np.sort(returns), mode="markers", marker=dots, showlegend=False)
    found.add_trace(quantiles, row=1, col=2)
    ends = theirs[[0, -1]]
    found.add_trace(_curve(ends, ends, "normal", showlegend=False), row=1, col=2)
    dress(found, "Distribution of session returns", height=360)
    found.update_layout(bargap=0.05)
    found.update_xaxes(tickformat=".1%")
    found.update_yaxes(tickformat=".1%", col=2)
    return found


def _curve(x: Any, y: Any, name: str, **more: Any) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(x=x, y=y, mode="lines", line={"color": ORANGE, "width": 1.4}, name=name, **more)


def normal_quantiles(count: int) -> Floats:
    """[count] what a normal distribution has at (i − ½) / count: the mean at which its deviates lie, in order."""
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([normal.inv_cdf((place + 0.5) / count) for place in range(count)])


@figure("rolling", "Sharpe ratio and volatility of the last quarter, session by session")
def rolling(run: RunShown) -> Any:
    """Over the last 63 sessions."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if len(run.session_returns) <= WINDOW:
        raise NothingToShow(f"there are {len(run.session_returns)} sessions, and a rolling figure takes {WINDOW}")
    told = rolling_figures(run.session_returns, WINDOW, rates=np.zeros(1), year=run.summary.year)
    found = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (name, colour) in enumerate((("sharpe", BLUE), ("volatility", ORANGE)), 1):
        line = {"color": colour, "width": 1.4}
        found.add_trace(go.Scatter(x=run.sessions, y=told[name], mode="lines", line=line, name=name), row=row, col=1)
    found.add_hline(y=0.0, line={"width": 1, "dash": "dot", "color": GREY}, row=1, col=1)
    dress(found, f"Rolling figures of {WINDOW} sessions", height=380)
    found.update_yaxes(title_text="Sharpe", row=1)
    found.update_yaxes(title_text="volatility", tickformat=".0%", row=2)
    return found
