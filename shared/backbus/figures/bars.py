"""Bars: one market, or many beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backbus.errors import UsageError
from backbus.figures.style import GREEN, GREY, LINES, RED, dress, see_through
from backbus.kinds import PANEL, TEXT, WHOLE, ArgumentKind, takes
from backbus.market.panel import Floats, Ints, Panel
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    import plotly.graph_objects as go

CANDLES, POINTS, SMALL = 250, 600, 150
"""So many bars, points of a line, or bars of a small picture are drawn; of a longer market some together are one."""
MOST_LINES = 40
_TICKS = 6
_HEIGHT = 230
PANELS = ArgumentKind(
    "a mapping of names to panels, such as {'IBM': read_panel(…)}",
    lambda one: isinstance(one, Mapping) and all(map(PANEL.fits, one.values())),
)


class DrawnBars(NamedTuple):
    """What is drawn of one asset, [bars]; a bar without a trade is not a number."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def thinned(panel: Panel, asset: int, most: int) -> tuple[DrawnBars, Ints]:
    """An asset's bars, at most so many, and the last row of each: of bars that are put together the first open, the
    highest high, the lowest low, the last close, all volume."""
    rows = len(panel)
    group = max(1, math.ceil(rows / most))
    count = math.ceil(rows / group)
    block = panel.block

    def grouped(values: Floats) -> Floats:
        whole = np.full(count * group, np.nan)
        whole[:rows] = values[:, asset]
        return whole.reshape(count, group)

    open_, high, low, close, volume = map(grouped, (block.open, block.high, block.low, block.close, block.volume))
    traded = ~np.isnan(close)
    each = np.arange(count)
    first, last = traded.argmax(axis=1), group - 1 - traded[:, ::-1].argmax(axis=1)
    found = DrawnBars(
        open_[each, first],
        np.fmax.reduce(high, axis=1),
        np.fmin.reduce(low, axis=1),
        close[each, last],
        np.where(traded.any(axis=1), np.nansum(volume, axis=1), np.nan),
    )
    return found, np.minimum((each + 1) * group, rows) - 1


def _dates(panel: Panel, rows: Sequence[int]) -> list[str]:
    block = panel.block
    if panel.layout.interval_ns >= DAY_NS:
        return [str(np.datetime64(int(block.session[row]), "D")) for row in rows]
    told = [str(np.datetime64(int(block.end[row]), "ns").astype("M8[m]")).replace("T", " ") for row in rows]
    return [f"{told[0]} UTC", *told[1:]] if told else []  # the zone once


def _ticks(panel: Panel, count: int = _TICKS) -> dict[str, Any]:
    """An axis of rows, with dates: nights and weekends take no room."""
    rows = np.unique((np.arange(count) + 0.5) / count * len(panel)).astype(np.int64).tolist()
    return {"tickmode": "array", "tickvals": rows, "ticktext": _dates(panel, rows)}


@takes(panel=PANEL, title=TEXT)
def bars_figure(panel: Panel, title: str | None = None) -> go.Figure:
    """A market: candles and volume of one asset; of more assets their closes, as parts of the first one of each."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if panel.layout.assets > 1:
        return _many(panel, title)
    bars, rows = thinned(panel, 0, CANDLES)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.78, 0.22], vertical_spacing=0.04)
    texts = _dates(panel, rows.tolist())
    candles = go.Candlestick(
        x=rows,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        increasing={"line": {"color": GREEN, "width": 1}},
        decreasing={"line": {"color": RED, "width": 1}},
        text=texts,
        name=panel.symbols[0],
        showlegend=False,
    )
    figure.add_trace(candles, row=1, col=1)
    figure.add_trace(_volume(bars, rows, texts), row=2, col=1)
    figure.update_layout(xaxis_rangeslider_visible=False, bargap=0.0)
    dress(figure, title or panel.symbols[0], height=520)
    figure.update_yaxes(title_text="price", row=1, col=1)
    figure.update_yaxes(title_text="volume", rangemode="tozero", row=2, col=1)
    figure.update_xaxes(**_ticks(panel))
    return figure


def _volume(bars: DrawnBars, rows: Ints, texts: list[str] | None = None) -> go.Bar:
    import plotly.graph_objects as go

    marker = {"color": GREY, "line": {"width": 0}}
    return go.Bar(x=rows, y=bars.volume, marker=marker, hovertext=texts, name="volume", showlegend=False)


def _many(panel: Panel, title: str | None) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    shown = min(panel.layout.assets, MOST_LINES)
    for asset in range(shown):
        bars, rows = thinned(panel, asset, POINTS)
        known = bars.close[~np.isnan(bars.close)]
        part = bars.close / known[0] if len(known) else bars.close
        line = {"color": LINES[asset % len(LINES)], "width": 1.2}
        figure.add_trace(go.Scatter(x=rows, y=part, mode="lines", line=line, name=panel.symbols[asset]))
    told = title or "closes"
    if shown < panel.layout.assets:
        told += f": {shown} of {panel.layout.assets} assets"
    dress(figure, told, height=520)
    figure.update_yaxes(title_text="close / first close", type="log")
    figure.update_xaxes(**_ticks(panel))
    return figure


@takes(panels=PANELS, beside=PANELS, columns=WHOLE, title=TEXT)
def grid_figure(
    panels: Mapping[str, Panel],
    beside: Mapping[str, Panel] | None = None,
    *,
    columns: int = 3,
    volume: bool = False,
    title: str | None = None,
) -> go.Figure:
    """Markets beside each other, the first two assets of each: closes within the range of high and low, over volume
    where it is asked for. ``beside`` has, by the same names, what is drawn thin and grey behind them."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if columns < 1 or not panels:
        raise UsageError(f"grid_figure draws one panel or more in one column or more, not {len(panels)} in {columns}")
    lines, parts = math.ceil(len(panels) / columns), 2 if volume else 1
    titles = []
    for line in range(lines):
        names = list(panels)[line * columns : (line + 1) * columns]
        titles += [*names, *[""] * (parts * columns - len(names))]
    figure = make_subplots(
        rows=lines * parts,
        cols=columns,
        row_heights=[3.0, 1.0] * lines if volume else None,
        subplot_titles=titles,
        vertical_spacing=(0.32 if volume else 0.2) / (lines * parts),
        horizontal_spacing=0.06,
    )
    for number, (name, panel) in enumerate(panels.items()):
        row, col = parts * (number // columns) + 1, number % columns + 1
        for asset in range(min(panel.layout.assets, 2)):
            if beside is not None and name in beside:
                other, at = thinned(beside[name], asset, SMALL)
                thin = {"color": GREY, "width": 0.8}
                figure.add_trace(go.Scatter(x=at, y=other.close, mode="lines", line=thin), row=row, col=col)
            bars, at = thinned(panel, asset, SMALL)
            figure.add_traces(_ranges(bars, at, LINES[asset]), rows=row, cols=col)
            if volume and asset == 0:
                figure.add_trace(_volume(bars, at), row=row + 1, col=col)
        figure.update_xaxes(**_ticks(panel, 2), showticklabels=not volume, row=row, col=col)
        if volume:
            figure.update_xaxes(**_ticks(panel, 2), row=row + 1, col=col)
            figure.update_yaxes(showticklabels=False, rangemode="tozero", row=row + 1, col=col)
    dress(figure, title, height=_HEIGHT * lines + 60)
    figure.update_layout(showlegend=False, bargap=0.0)
    figure.update_annotations(font_size=12)
    return figure


def _ranges(bars: DrawnBars, rows: Ints, colour: str) -> list[go.Scatter]:
    """One line up and down between highs and lows, thin, and the closes."""
    import plotly.graph_objects as go

    ends = np.stack((bars.high, bars.low), axis=1)
    ends[1::2] = ends[1::2, ::-1]
    thin = {"color": see_through(colour, 0.35), "width": 1}
    return [
        go.Scatter(x=np.repeat(rows, 2), y=ends.reshape(-1), mode="lines", line=thin, hoverinfo="skip"),
        go.Scatter(x=rows, y=bars.close, mode="lines", line={"color": colour, "width": 1.1}),
    ]
