"""A fan: how equity could have gone, over many markets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backbus.figures.style import BLUE, ORANGE, dress, see_through
from backbus.kinds import NUMBER, TEXT, an, takes

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import pyarrow as pa

OF_FAN = an("Table", "the table `fan` of a Monte Carlo search: result.tables.read('fan')")
BANDS = ((1, 99), (5, 95), (25, 75))
"""Per cent of the markets below and above which a band ends."""


@takes(table=OF_FAN, cash=NUMBER, title=TEXT)
def fan_figure(table: pa.Table, cash: float, title: str | None = None) -> go.Figure:
    """Bands of equity over time, from a Monte-Carlo sweep's ``fan.parquet`` [sessions]; ``cash`` is what each began
    with."""
    import plotly.graph_objects as go

    dates = table.column("date").to_pylist()
    figure = go.Figure()
    for number, (low, high) in enumerate(BANDS):
        shape = {"mode": "lines", "line": {"width": 0}}
        figure.add_trace(
            go.Scatter(x=dates, y=table.column(f"q{low:02}").to_numpy(), showlegend=False, hoverinfo="skip", **shape)
        )
        fill = {"fill": "tonexty", "fillcolor": see_through(BLUE, 0.14 + 0.08 * number)}
        name = f"{low} to {high} %"
        figure.add_trace(go.Scatter(x=dates, y=table.column(f"q{high:02}").to_numpy(), name=name, **shape, **fill))
    for name, column, colour in (("median", "q50", BLUE), ("mean", "mean", ORANGE)):
        line = {"color": colour, "width": 1.8}
        figure.add_trace(go.Scatter(x=dates, y=table.column(column).to_numpy(), mode="lines", line=line, name=name))
    figure.add_hline(y=cash, line={"width": 1, "dash": "dot", "color": "#2b3138"})
    dress(figure, title)
    figure.update_yaxes(title_text="equity")
    return figure
