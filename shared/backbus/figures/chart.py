"""One asset's prices with all that a run did in them: fills, orders that worked, what the strategy looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.errors import UsageError
from backbus.figures.bars import CANDLES
from backbus.figures.lines import account_rows, line, time_axis
from backbus.figures.price import bars_of, most_traded, panel_times
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREEN, GREY, ORANGE, RED, dress
from backbus.figures.working import polyline, working_orders
from backbus.market.panel import Floats
from backbus.runs.overlays import Overlays, overlays_of
from backbus.runs.shown import Instants, RunShown
from backbus.strategy.failure import RAISED

if TYPE_CHECKING:
    from backbus.market.panel import Panel

COLOURS = (ORANGE, BLUE, "#7a4fa3", "#8c6239", "#c2679d", "#3d3d3d")
"""Of indicators: neither those of buys and sells, nor that of prices."""
MOST_MARKS = 3000
"""Fills, and lines of orders, that can be told apart and moved; of more the latest."""
_DASHES = {"stop": "dash", "stop loss": "dash", "trailing stop": "dot", "trailing loss": "dot"}
_COLOURS = {"limit": GREEN, "take profit": GREEN, "stop": RED, "stop loss": RED}


@figure("price", "an asset's prices, its fills, the orders that worked, and the strategy's indicators")
def price(run: RunShown, asset: str | None = None) -> Any:
    """Of ``asset``, the one that was traded most where left out. Candles of a short run, closes of a long one. Raises
    UsageError for an asset that the run does not have."""
    from plotly.subplots import make_subplots

    account_rows(run)
    symbol = asset_of(run, asset)
    panel = bars_of(run)
    place, first = panel.symbols.index(symbol), panel.layout.warmup
    times = panel_times(panel)[first:]
    closes = panel.block.close[first:, place]
    if not np.isfinite(closes).any():
        raise NothingToShow(f"{symbol} has no bar in the rows that were traded")
    overlays, words = _overlays(run, panel)
    below = {name: _of_asset(some, place, first) for name, some in overlays.below.items()}
    over: dict[str, Floats] = {}
    apart: dict[str, Floats] = {}
    for name, values in _of_asset(overlays.over_prices, place, first).items():
        (over if near(values, closes) else apart)[name] = values
    below |= {name: {name: values} for name, values in apart.items()}
    heights = [1.0, *(0.32 for _ in below)]
    found = make_subplots(rows=len(heights), cols=1, shared_xaxes=True, vertical_spacing=0.04, row_heights=heights)
    for trace in [*_prices(panel, symbol, times, closes), *_lines(over, times), *_orders(run, panel, symbol, times)]:
        found.add_trace(trace, row=1, col=1)
    marks, left_out = _fills(run, panel, symbol)
    for trace in marks:
        found.add_trace(trace, row=1, col=1)
    title = f"{symbol}: prices and fills" + left_out + words
    dress(found, title, height=460 + 130 * len(below))
    found.update_yaxes(title_text="price", row=1, col=1)
    for row, (name, some) in enumerate(below.items(), 2):
        for trace in _lines(some, times, shown=name not in some or len(some) > 1):
            found.add_trace(trace, row=row, col=1)
        found.update_yaxes(title_text=name, row=row, col=1)
    found.update_layout(
        xaxis_rangeslider_visible=False, legend={"y": -0.12, "yanchor": "top", "x": 0.0, "xanchor": "left"}
    )
    return time_axis(found, times)


def asset_of(run: RunShown, asset: str | None) -> str:
    """The asset that is asked for; the one that was traded most where none is."""
    symbols = run.summary.symbols
    if asset is not None and asset not in symbols:
        some = ", ".join(symbols[:10]) + (f" and {len(symbols) - 10} more" if len(symbols) > 10 else "")
        raise UsageError(f"there is no asset {asset!r} in this run; choose one of {some}")
    return most_traded(run) if asset is None else asset


def near(values: Floats, closes: Floats) -> bool:
    """Whether values can be drawn in the prices' own panel: where half of them lie between half the lowest price and
    twice the highest."""
    known = values[np.isfinite(values)]
    if not len(known):
        return True
    inside = (known >= 0.5 * float(np.nanmin(closes))) & (known <= 2.0 * float(np.nanmax(closes)))
    return bool(inside.mean() >= 0.5)


def _overlays(run: RunShown, panel: Panel) -> tuple[Overlays, str]:
    """What the strategy lets one see, and words where that cannot be had."""
    if run.strategy is None:
        return Overlays(), ""
    try:
        return overlays_of(run.strategy(), panel), ""
    except RAISED as error:  # a user's code: its chart is there without it
        told = str(error).splitlines()
        return Overlays(), f" (its indicators cannot be drawn: {told[0] if told else type(error).__name__})"


def _of_asset(some: dict[str, Any], place: int, first: int) -> dict[str, Any]:
    return {name: values[first:, place] for name, values in some.items()}


def _prices(panel: Panel, symbol: str, times: Instants, closes: Any) -> list[Any]:
    import plotly.graph_objects as go

    if len(times) > CANDLES:
        there = np.isfinite(closes)
        return [line(times[there], closes[there], "close", GREY, 1.2)]
    place, first = panel.symbols.index(symbol), panel.layout.warmup
    open_, high, low = (getattr(panel.block, name)[first:, place] for name in ("open", "high", "low"))
    candles = go.Candlestick(
        x=times,
        open=open_,
        high=high,
        low=low,
        close=closes,
        increasing={"line": {"color": GREEN, "width": 1}},
        decreasing={"line": {"color": RED, "width": 1}},
        name="bars",
    )
    return [candles]


def _lines(some: dict[str, Any], times: Instants, shown: bool = True) -> list[Any]:
    found = []
    for number, (name, values) in enumerate(some.items()):
        found.append(line(times, values, name, COLOURS[number % len(COLOURS)], 1.1, showlegend=shown))
    return found


def _orders(run: RunShown, panel: Panel, symbol: str, times: Instants) -> list[Any]:
    """Lines at the prices that orders waited for, one trace for each kind."""
    import plotly.graph_objects as go

    place, first = panel.symbols.index(symbol), panel.layout.warmup
    ratios = panel.block.extra["split"][:, place] if "split" in panel.block.extra else np.empty(0)
    splits = {row: float(ratios[row]) for row in np.flatnonzero(ratios > 0.0).tolist()}
    by_kind: dict[str, list[Any]] = {}
    for one in working_orders(run, symbol)[-MOST_MARKS:]:
        by_kind.setdefault(one.what, []).append(one)
    found = []
    for what, orders in by_kind.items():
        rows, prices = polyline(orders, first, splits)
        style = {"color": _COLOURS.get(what, RED), "width": 1, "dash": _DASHES.get(what, "solid")}
        x = [None if row is None else times[min(row, len(times) - 1)] for row in rows]
        found.append(go.Scatter(x=x, y=prices, mode="lines", line=style, name=what, opacity=0.8, connectgaps=False))
    return found


def _fills(run: RunShown, panel: Panel, symbol: str) -> tuple[list[Any], str]:
    """Triangles, and words where some are left out."""
    import plotly.graph_objects as go

    mine = np.flatnonzero(run.column("fills", "symbol").astype(str) == symbol)
    words = f" (the last {MOST_MARKS} of {len(mine)} fills)" if len(mine) > MOST_MARKS else ""
    mine = mine[-MOST_MARKS:]
    units, paid = run.column("fills", "quantity")[mine], run.column("fills", "price")[mine]
    rule = run.column("fills", "rule")[mine].astype(str)
    when = run.column("fills", "time")[mine]
    if panel.layout.daily:
        when = panel_times(panel)[run.column("fills", "row")[mine]]
    found = []
    for name, which, colour, shape in (
        ("buys", units > 0.0, GREEN, "triangle-up"),
        ("sells", units < 0.0, RED, "triangle-down"),
    ):
        dots = {"color": colour, "symbol": shape, "size": 9, "line": {"width": 1, "color": "white"}}
        texts = np.array([f"{value:+g}, {how}" for value, how in zip(units[which], rule[which], strict=True)], str)
        found.append(go.Scatter(x=when[which], y=paid[which], mode="markers", marker=dots, text=texts, name=name))
    return found, words
