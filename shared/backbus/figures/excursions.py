"""How far trades went against their holder, and how far with him, before they ended.

From the highs and lows of the bars between entry and exit, beside the mean price of the entry. Nobody knows when within
a bar its high and low were, so of the bars of entry and exit only that counts which certainly lies in between:

- entry at the open: all of the bar; within the bar: its close; at the close: nothing;
- exit at the open: nothing of the bar; within the bar: its open; at the close: all of it.

Where one bar has both, it counts whole from its open to its close, else not at all. The exit's price always counts, and
so does the entry's own: against is never above 0, with never below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.figures.lines import BELOW, rows_of
from backbus.figures.price import bars_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import GREEN, GREY, RED, dress
from backbus.figures.trade_fills import trade_fills
from backbus.figures.trades import entry_sessions
from backbus.market.panel import Floats
from backbus.runs.shown import RunShown

if TYPE_CHECKING:
    from backbus.market.panel import Panel


def excursions_of(run: RunShown, panel: Panel) -> tuple[Floats, Floats]:
    """[trades] the furthest against and the furthest with the position, as fractions of the entry's price; of an open
    trade until the last bar. NaN where the entry's fill is not known."""
    fills = trade_fills(run)
    phases = run.column("fills", "phase").astype(str)
    symbols = run.column("trades", "symbol").astype(str).tolist()
    sides = np.where(run.column("trades", "side").astype(str) == "long", 1.0, -1.0).tolist()
    entries, exits = (run.column("trades", f"{end}_price").tolist() for end in ("entry", "exit"))
    begins = run.column("trades", "entry_row").tolist()
    stops = run.column("trades", "exit_row").astype(np.float64).tolist()
    places = {symbol: place for place, symbol in enumerate(panel.symbols)}
    factors = _split_factors(panel)
    against, along = np.full(len(symbols), np.nan), np.full(len(symbols), np.nan)
    for trade, symbol in enumerate(symbols):
        if fills.entry[trade] < 0 or symbol not in places:
            continue
        still = stops[trade] != stops[trade]
        last = len(panel) - 1 if still else int(stops[trade])
        came = phases[fills.entry[trade]]
        left = "" if still else phases[fills.exit[trade]] if fills.exit[trade] >= 0 else "OPEN_MATCH"
        low, high = _reach(panel, places[symbol], int(begins[trade]), last, came, left, factors)
        price = entries[trade]  # in units of the end, as the tables have it
        reached = np.array([low, high, exits[trade], price]) / price - 1.0
        known = reached[np.isfinite(reached)] * sides[trade]
        against[trade], along[trade] = known.min(), known.max()
    return against, along


def _split_factors(panel: Panel) -> Floats | None:
    """[rows, assets] by what units have been multiplied so far; None where no split takes effect in the run."""
    if "split" not in panel.block.extra:
        return None
    ratio = panel.block.extra["split"]
    found = np.cumprod(np.where(np.isfinite(ratio) & (ratio > 0.0), ratio, 1.0), axis=0)
    return found.astype(np.float64)


def _reach(
    panel: Panel, asset: int, first: int, last: int, came: str, left: str, factors: Floats | None
) -> tuple[float, float]:
    """The lowest and the highest price between entry and exit, in units of the last row; NaN where there is none."""
    block, rows = panel.block, slice(first, last + 1)
    low, high = block.low[rows, asset].copy(), block.high[rows, asset].copy()
    open_, close = block.open[rows, asset], block.close[rows, asset]
    if first == last:
        if came != "OPEN_MATCH" or left not in ("", "CLOSE_MATCH"):
            known = close[0] if left in ("", "CLOSE_MATCH") and came == "INTRABAR_MATCH" else np.nan
            known = open_[0] if left == "INTRABAR_MATCH" and came == "OPEN_MATCH" else known
            low[0] = high[0] = known
    else:
        if came != "OPEN_MATCH":
            low[0] = high[0] = close[0] if came == "INTRABAR_MATCH" else np.nan
        if left in ("OPEN_MATCH", "INTRABAR_MATCH"):
            low[-1] = high[-1] = open_[-1] if left == "INTRABAR_MATCH" else np.nan
    if factors is not None:
        own = factors[rows, asset]
        low, high = low * own / own[-1], high * own / own[-1]
    if not np.isfinite(low).any():
        return float("nan"), float("nan")
    return float(np.nanmin(low)), float(np.nanmax(high))


@figure("excursions", "how far each trade went against and with its position, beside what it brought")
def excursions(run: RunShown) -> Any:
    """Maximum adverse and favourable excursion (MAE, MFE), a dot for each trade."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows_of(run, "trades", "no trade was made")
    against, along = excursions_of(run, bars_of(run))
    gain = run.column("trades", "return")
    if not np.isfinite(against).any():
        raise NothingToShow("no fill tells when a trade began")
    titles = ["against the position (MAE)", "with the position (MFE)"]
    found = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    texts = np.char.add(np.char.add(run.column("trades", "symbol").astype(str), " "), entry_sessions(run).astype(str))
    for column, x in enumerate((-against, along), 1):
        for name, which, colour in (("winners", gain > 0.0, GREEN), ("losers", gain <= 0.0, RED)):
            dots = {"color": colour, "size": 6, "opacity": 0.7}
            style = {"mode": "markers", "marker": dots, "name": name, "legendgroup": name, "showlegend": column == 1}
            found.add_trace(go.Scattergl(x=x[which], y=gain[which], text=texts[which], **style), row=1, col=column)
        most = float(np.nanmax(x))
        sign = -1.0 if column == 1 else 1.0
        edge = {"mode": "lines", "line": {"color": GREY, "width": 1, "dash": "dot"}, "hoverinfo": "skip"}
        found.add_trace(go.Scatter(x=[0.0, most], y=[0.0, sign * most], showlegend=False, **edge), row=1, col=column)
    dress(found, "Excursions of trades", height=400)
    found.update_layout(hovermode="closest", legend={**BELOW, "y": -0.24}, margin={"b": 90})
    found.update_annotations(font_size=12)
    found.update_xaxes(tickformat=".1~%", title_text="of the entry's price")
    found.update_yaxes(tickformat=".1~%")
    found.update_yaxes(title_text="return", col=1)
    return found
