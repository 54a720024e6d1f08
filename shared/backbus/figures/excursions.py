"""How far trades went against their holder, and how far with him, before they ended.

From the highs and lows of the bars between entry and exit, beside the mean price of the entry. Nobody knows when within
a bar its high and low were, so of the bars of entry and exit only that counts which certainly lies in between:

- entry at the open: all of the bar; within the bar: its close; at the close: nothing;
- exit at the open: nothing of the bar; within the bar: its open; at the close: all of it.

Where one bar has both, it counts whole from its open to its close, else not at all. The exit's price always counts, and
so does the entry's own: against is never above 0, with never below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.figures.lines import BELOW, rows_of
from backbus.figures.price import bars_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import GREEN, GREY, RED, dress
from backbus.figures.trades import entry_sessions
from backbus.market.panel import Floats, Ints
from backbus.runs.shown import RunShown
from backbus.runs.trade_fills import NONE

if TYPE_CHECKING:
    from backbus.market.panel import Panel


def excursions_of(run: RunShown, panel: Panel) -> tuple[Floats, Floats]:
    """[trades] the furthest against and the furthest with the position, as fractions of the entry's price; of an open
    trade until the last bar. NaN where the entry's fill is not known."""
    fills = run.trade_fills
    symbols, prices = run.column("trades", "symbol").astype(str), run.column("trades", "entry_price")
    stops = run.column("trades", "exit_row").astype(np.float64)
    still = np.isnan(stops)
    first = run.column("trades", "entry_row").astype(np.int64)
    last = np.where(still, len(panel) - 1, stops).astype(np.int64)
    # An open trade is looked at until the last close, and one that a delisting or a split ended until that row's open.
    phases = np.r_[run.column("fills", "phase").astype(str), [""]]
    came = phases[fills.entry]
    left = np.where(still, "CLOSE_MATCH", np.where(fills.exit == NONE, "OPEN_MATCH", phases[fills.exit]))
    factors = _split_factors(panel)
    low, high = np.full(len(symbols), np.nan), np.full(len(symbols), np.nan)
    places = {symbol: place for place, symbol in enumerate(panel.symbols)}
    names, which = np.unique(symbols, return_inverse=True)
    for number, symbol in enumerate(names.tolist()):
        own = np.flatnonzero((which == number) & (fills.entry != NONE))
        if len(own) and symbol in places:
            place = places[symbol]
            spans = _Spans(first[own], last[own], came[own], left[own])
            low[own], high[own] = _reach(panel, place, spans, None if factors is None else factors[:, place])
    reached = np.stack([low, high, run.column("trades", "exit_price"), prices]) / prices - 1.0
    reached *= np.where(run.column("trades", "side").astype(str) == "long", 1.0, -1.0)
    against, along = np.fmin.reduce(reached, axis=0), np.fmax.reduce(reached, axis=0)
    unknown = (fills.entry == NONE) | ~np.array([name in places for name in names.tolist()], bool)[which]
    against[unknown] = along[unknown] = np.nan
    return against, along


class _Spans(NamedTuple):
    """[trades] of one asset: the rows of entry and exit, and within which phases of them."""

    first: Ints
    last: Ints
    came: NDArray[np.str_]
    left: NDArray[np.str_]


def _split_factors(panel: Panel) -> Floats | None:
    """[rows, assets] by what units have been multiplied so far; None where no split takes effect in the run."""
    if "split" not in panel.block.extra:
        return None
    ratio = panel.block.extra["split"]
    found = np.cumprod(np.where(np.isfinite(ratio) & (ratio > 0.0), ratio, 1.0), axis=0)
    return found.astype(np.float64)


def _reach(panel: Panel, asset: int, spans: _Spans, factors: Floats | None) -> tuple[Floats, Floats]:
    """[trades] the lowest and the highest price between entry and exit, in units of the last row; NaN where there is
    none."""
    block, (first, last, came, left) = panel.block, spans
    opens, highs, lows, closes = (
        np.asarray(getattr(block, name)[:, asset], np.float64) * (1.0 if factors is None else factors)
        for name in ("open", "high", "low", "close")
    )
    at_open, within, at_close = (left == f"{phase}_MATCH" for phase in ("OPEN", "INTRABAR", "CLOSE"))
    came_at_open, came_within = came == "OPEN_MATCH", came == "INTRABAR_MATCH"
    one = first == last
    # what is known of the row of entry, where it is not the whole row: its close, or in a row that has both ends the
    # one price that lies between them
    whole_first = came_at_open & (~one | at_close)
    known_first = np.where(came_within & (~one | at_close), closes[first], np.nan)
    known_first = np.where(one & came_at_open & within, opens[first], known_first)
    whole_last = ~one & ~at_open & ~within
    known_last = np.where(~one & within, opens[last], np.nan)
    begin, end = first + ~whole_first, last + (whole_last | (one & whole_first))
    found = []
    for values, extreme, none in ((lows, np.fmin, np.inf), (highs, np.fmax, -np.inf)):
        most = _over(values, begin, end, extreme, none)
        best = extreme(extreme(most, known_first), known_last)
        found.append(best if factors is None else best / factors[last])
    return found[0], found[1]


def _over(values: Floats, begin: Ints, end: Ints, extreme: np.ufunc, none: float) -> Floats:
    """[spans] the extreme of the values in [begin, end), NaN where it has none."""
    order = np.argsort(begin, kind="stable")
    edges = np.stack([begin[order], np.maximum(end, begin)[order]], axis=1).ravel()
    found = np.full(len(begin), np.nan)
    found[order] = extreme.reduceat(np.append(values, none), edges)[::2]
    found[(end <= begin) | ~np.isfinite(found)] = np.nan
    return found


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
