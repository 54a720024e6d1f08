"""How like its data a fitted model is: what both do in a bar, and how long they remember it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from backbus.errors import UsageError
from backbus.figures.style import LINES, dress
from backbus.kinds import MAPPING, TEXT, ArgumentKind, takes
from backbus.market.panel import Floats

if TYPE_CHECKING:
    import plotly.graph_objects as go

DATA = "the data"
_REACH, _BINS, _LAGS = 8.0, 49, 60
RETURNS = ArgumentKind("a mapping of symbols to their returns", lambda one: isinstance(one, Mapping) and len(one) > 0)


def density(returns: Floats, deviation: float) -> tuple[Floats, Floats]:
    """Where returns lie, in deviations of the data, and how densely; none where there are none."""
    counts, edges = np.histogram(returns / deviation, bins=_BINS, range=(-_REACH, _REACH))
    width = edges[1] - edges[0]
    share = counts / (len(returns) * width)
    return 0.5 * (edges[1:] + edges[:-1]), np.where(counts > 0, share, np.nan)


def memory(returns: Floats) -> Floats:
    """Autocorrelation of the size of returns at lags of 1, 2, 3 … bars."""
    size = np.abs(returns)
    size = size - size.mean()
    total = float((size * size).mean())
    if total == 0.0:
        return np.zeros(_LAGS)
    return np.array([float((size[lag:] * size[:-lag]).mean()) / total for lag in range(1, _LAGS + 1)])


@takes(data=RETURNS, models=MAPPING, title=TEXT)
def fit_figure(
    data: Mapping[str, Floats], models: Mapping[str, Mapping[str, Floats]], title: str | None = None
) -> go.Figure:
    """A line for each asset: density of returns, and autocorrelation of their size, of its data and of its models.

    ``data`` are returns by symbol, ``models`` those of a long market of each model, by symbol and name.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    without = [symbol for symbol in data if symbol not in models]
    if without:
        raise UsageError(f"fit_figure: models has nothing of {', '.join(without)}, which data has")
    left, right = "returns, in deviations of the data", "autocorrelation of the size of returns, by lag"
    figure = make_subplots(
        rows=len(data),
        cols=2,
        subplot_titles=[f"{symbol}: {what}" for symbol in data for what in (left, right)],
        horizontal_spacing=0.08,
        vertical_spacing=0.3 / (len(data) + 1),
    )
    lags = np.arange(1, _LAGS + 1)
    for row, (symbol, returns) in enumerate(data.items(), 1):
        deviation, mean = float(returns.std()) or 1.0, float(returns.mean())
        dots = {"color": "#2b3138", "size": 5}
        shown = {"name": DATA, "legendgroup": DATA, "showlegend": row == 1, "mode": "markers", "marker": dots}
        where, dense = density(returns - mean, deviation)
        figure.add_trace(go.Scatter(x=where, y=dense, **shown), row=row, col=1)
        figure.add_trace(go.Scatter(x=lags, y=memory(returns), **{**shown, "showlegend": False}), row=row, col=2)
        for number, (model, made) in enumerate(models[symbol].items()):
            line = {"color": LINES[number % len(LINES)], "width": 1.5}
            drawn = {"name": model, "legendgroup": model, "showlegend": row == 1, "mode": "lines", "line": line}
            where, dense = density(made - made.mean(), deviation)
            figure.add_trace(go.Scatter(x=where, y=dense, **drawn), row=row, col=1)
            figure.add_trace(go.Scatter(x=lags, y=memory(made), **{**drawn, "showlegend": False}), row=row, col=2)
    dress(figure, title, height=90 + 300 * len(data))
    figure.update_layout(legend={"y": -0.14 / len(data), "yanchor": "top", "x": 0.0, "xanchor": "left"})
    figure.update_yaxes(type="log", exponentformat="power", col=1)
    figure.update_annotations(font_size=12)
    return figure
