"""How trades ended, and which wishes never became an order."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.lines import rows_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import GREEN, GREY, ORANGE, RED, dress, inked
from backbus.runs.shown import RunShown
from backbus.trading.codes import FORCED_FOR, REASONS

FORCED = tuple(REASONS[reason] for reason in FORCED_FOR)
EXITS = {"limit": "take profit", "stop": "stop loss", "trail": "trailing loss", "trail_percent": "trailing loss"}
"""Of orders that belong to an entry, by their type."""
TYPES = {
    "market": "signal: market order",
    "market_on_close": "signal: market order at the close",
    "limit": "limit order",
    "limit_on_close": "limit order at the close",
    "stop": "stop order",
    "stop_limit": "stop-limit order",
    "trail": "trailing stop",
    "trail_percent": "trailing stop",
}
"""Of all others."""
OPEN, PAID_OFF = "still open", "delisting or split"


def exits_of(run: RunShown) -> list[str]:
    """[trades] what closed each: the order of its last fill, or what did without one."""
    fills = run.trade_fills.exit
    still = np.isnan(run.column("trades", "exit_row").astype(np.float64))
    placed = {}
    names = ("kind", "order", "type", "reason", "parent")
    for kind, order, type_, reason, parent in zip(
        *(run.column("orders", name).tolist() for name in names), strict=True
    ):
        if kind == "place":
            forced = reason if reason in FORCED else ""
            belongs = parent == parent and parent is not None  # noqa: PLR0124
            placed[order] = forced or (EXITS if belongs else TYPES).get(type_, type_)
    of_fill = run.column("fills", "order").tolist()
    return [
        OPEN if open_ else PAID_OFF if fill < 0 else placed.get(of_fill[fill], "an order that no row tells of")
        for fill, open_ in zip(fills.tolist(), still.tolist(), strict=True)
    ]


@figure("trades_by_exit", "what trades brought, and how many they were, by what closed them")
def trades_by_exit(run: RunShown) -> Any:
    """By the order of the last fill: an exit of the entry, an order of the strategy's, or the account's own."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows_of(run, "trades", "no trade was made")
    names, place = np.unique(np.array(exits_of(run)), return_inverse=True)
    total = np.bincount(place, run.column("trades", "pnl"))
    count = np.bincount(place)
    order = np.argsort(-count, kind="stable")
    found = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06, column_widths=[0.4, 0.6])
    bars = go.Bar(
        x=count[order], y=names[order], orientation="h", marker={"color": GREY}, text=count[order], **inked(GREY)
    )
    found.add_trace(bars, row=1, col=1)
    colours = [GREEN if value >= 0.0 else RED for value in total[order]]
    found.add_trace(go.Bar(x=total[order], y=names[order], orientation="h", marker={"color": colours}), row=1, col=2)
    dress(found, "Trades by what closed them", height=150 + 34 * len(names))
    found.update_layout(showlegend=False)
    found.update_yaxes(autorange="reversed", type="category", automargin=True)
    found.update_xaxes(title_text="trades", rangemode="tozero", row=1, col=1)
    found.update_xaxes(title_text="cash units", row=1, col=2)
    return found


@figure("refusals", "which wishes never became an order, by reason")
def refusals(run: RunShown) -> Any:
    """Counts, as the report has them."""
    import plotly.graph_objects as go

    because = run.summary.counts.refused_because
    if not because:
        raise NothingToShow("nothing was refused")
    told = sorted(because.items(), key=lambda one: (-one[1], one[0]))
    names, counts = [name for name, _ in told], [count for _, count in told]
    bars = go.Bar(x=counts, y=names, orientation="h", marker={"color": ORANGE}, text=[f"{one:,}" for one in counts])
    bars.update(inked(ORANGE))
    found = go.Figure(bars)
    dress(found, "Refusals by reason", height=130 + 34 * len(names))
    found.update_yaxes(autorange="reversed", type="category", automargin=True)
    found.update_xaxes(title_text="wishes", rangemode="tozero")
    return found
