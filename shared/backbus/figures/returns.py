"""Returns: by month and by year, how they are distributed, rolling figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.account import MONTHS
from backbus.figures.benchmark import benchmark_of
from backbus.figures.lines import BELOW, line
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREEN, GREY, ORANGE, RED, dress, inked
from backbus.market.panel import Floats, Ints
from backbus.performance.tails import rolling_figures
from backbus.runs.shown import RunShown

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


def _sessions(run: RunShown) -> None:
    if "equity" not in run.tables:
        raise NothingToShow("no tables were kept of this run")
    if not len(run.daily):
        raise NothingToShow("no session was traded")
    if not np.isfinite(run.session_returns).any():
        raise NothingToShow("no session has a return: equity is no number")


@figure("monthly_returns", "the return of each month, and of each year")
def monthly_returns(run: RunShown) -> Any:
    """A row for each year; the last column is the year's."""
    import plotly.graph_objects as go

    _sessions(run)
    months, found = by_period(run.sessions, run.daily, run.cash, "M")
    years, whole = by_period(run.sessions, run.daily, run.cash, "Y")
    first = int(years[0].astype(int)) + 1970
    cells = np.full((len(range(first, int(years[-1].astype(int)) + 1971)), 13), np.nan)
    number = months.astype(int)
    cells[number // 12 + 1970 - first, number % 12] = found
    cells[years.astype(int) + 1970 - first, 12] = whole
    most = float(np.nanmax(np.abs(cells[:, :12]))) or 1.0
    texts = [
        ["" if value != value else f"{100 * value + 0.0:.1f}".replace("-0.0", "0.0") for value in line]  # noqa: PLR0124
        for line in cells
    ]
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


@figure("yearly_returns", "the return of each year, beside that of a benchmark where the job names one")
def yearly_returns(run: RunShown) -> Any:
    """Bars; the first and the last year may be parts of years."""
    import plotly.graph_objects as go

    _sessions(run)
    years, found = by_period(run.sessions, run.daily, run.cash, "Y")
    names = years.astype(str)
    colours = [GREEN if value >= 0.0 else RED for value in found]
    texts = [f"{100 * value:.1f}" if np.isfinite(value) else "" for value in found]
    bars = go.Bar(x=names, y=found, marker={"color": colours}, text=texts, name="the run", showlegend=False)
    bars.update(inked(colours))
    drawn = go.Figure(bars)
    benchmark, words = benchmark_of(run)
    if benchmark is not None:
        worth = benchmark.worth(run.cash)[run.ends]
        theirs = by_period(run.sessions, worth, run.cash, "Y")[1]
        drawn.add_trace(go.Bar(x=names, y=theirs, marker={"color": GREY}, name=benchmark.symbol))
    dress(drawn, f"Returns by year, %{words}", height=320)
    drawn.update_layout(bargap=0.25)
    drawn.update_xaxes(type="category")
    drawn.update_yaxes(tickformat=".1~%")
    return drawn


@figure("distribution", "session returns, beside the normal distribution of their mean and deviation")
def distribution(run: RunShown) -> Any:
    """A histogram as density, and a Q–Q plot beside it."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    _sessions(run)
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
    found.update_layout(bargap=0.05, legend=BELOW)
    found.update_annotations(font_size=12)
    found.update_xaxes(tickformat=".1~%")
    found.update_yaxes(tickformat=".1~%", col=2)
    return found


def _curve(x: Any, y: Any, name: str, **more: Any) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(x=x, y=y, mode="lines", line={"color": ORANGE, "width": 1.4}, name=name, **more)


def normal_quantiles(count: int) -> Floats:
    """[count] what a normal distribution has at (i − ½) / count: the mean at which its deviates lie, in order."""
    from statistics import NormalDist

    normal = NormalDist()
    return np.array([normal.inv_cdf((place + 0.5) / count) for place in range(count)])


def rolling_beta(returns: Floats, factor: Floats, window: int) -> Floats:
    """[sessions] the slope of the last ``window`` returns on a benchmark's; NaN where one is missing, or these do not
    vary, and in the first ones."""
    found = np.full(len(returns), np.nan)
    for stop in range(window, len(returns) + 1):
        mine, theirs = returns[stop - window : stop], factor[stop - window : stop]
        away = theirs - theirs.mean()
        varies = float(away @ away)
        if varies > 0.0:
            found[stop - 1] = float(away @ (mine - mine.mean())) / varies
    return found


@figure("rolling", "Sharpe ratio, volatility and beta of the last quarter, session by session")
def rolling(run: RunShown, window: int = WINDOW) -> Any:
    """Over the last ``window`` sessions; beta where the job has a benchmark."""
    from plotly.subplots import make_subplots

    _sessions(run)
    if len(run.session_returns) <= window:
        raise NothingToShow(f"there are {len(run.session_returns)} sessions, and a rolling figure takes {window}")
    told = rolling_figures(run.session_returns, window, rates=np.zeros(1), year=run.summary.year)
    parts = [("sharpe", "Sharpe", BLUE), ("volatility", "volatility", ORANGE)]
    benchmark, words = benchmark_of(run)
    if benchmark is not None:
        told["beta"] = rolling_beta(run.session_returns, benchmark.session_returns(run.ends), window)
        parts.append(("beta", f"beta to {benchmark.symbol}", GREY))
    found = make_subplots(rows=len(parts), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (name, title, colour) in enumerate(parts, 1):
        found.add_trace(line(run.sessions, told[name], name, colour, showlegend=False), row=row, col=1)
        found.update_yaxes(title_text=title, row=row, col=1)
        if name != "volatility":
            found.add_hline(y=0.0, line={"width": 1, "dash": "dot", "color": GREY}, row=row, col=1)
    dress(found, f"Rolling figures of {window} sessions{words}", height=120 + 130 * len(parts))
    found.update_yaxes(tickformat=".0%", row=2)
    return found
