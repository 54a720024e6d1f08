"""A strategy in many simulated markets: how its equity fans out, and how its figures spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.fan import fan_figure
from backbus.figures.folds import objective_of
from backbus.figures.paths import PERCENT
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, dress
from backbus.performance.summary import title_of
from backbus.runs.shown import SweepShown

SHOWN = ("final_equity", "total_return", "sharpe", "max_drawdown")


@figure("fan", "how equity could have gone: bands of the markets over time", of="monte_carlo")
def fan(sweep: SweepShown) -> Any:
    """Quantiles and mean over the markets that have an equity at the end."""
    if "fan" not in sweep.tables:
        raise NothingToShow("its fan.parquet is not there, which a sweep over simulated markets, monte_carlo, writes")
    table = sweep.tables.read("fan")
    if not np.isfinite(table.column("q50").to_numpy()).any():
        raise NothingToShow("no market has an equity at the end")
    return fan_figure(table, sweep.summary["job"]["portfolio"]["cash"], str(sweep.summary["name"]))


@figure("spread", "how final equity, Sharpe ratio and drawdown spread over the markets", of="monte_carlo")
def spread(sweep: SweepShown) -> Any:
    """Histograms, with the median and the 5th and 95th percentiles."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    metric = objective_of(sweep)
    names = [*SHOWN[1:], metric] if metric not in SHOWN else [*SHOWN]
    columns = {name: sweep.column("table", name).astype(np.float64) for name in names}
    columns = {name: values[np.isfinite(values)] for name, values in columns.items()}
    columns = {name: values for name, values in columns.items() if len(values)}
    if not columns:
        raise NothingToShow("no market has a figure")
    titles = [*map(title_of, columns)]
    found = make_subplots(rows=2, cols=2, subplot_titles=titles, vertical_spacing=0.2, horizontal_spacing=0.1)
    for place, (name, values) in enumerate(columns.items()):
        row, column = place // 2 + 1, place % 2 + 1
        bars = go.Histogram(x=values, nbinsx=40, marker={"color": BLUE}, name=title_of(name))
        found.add_trace(bars, row=row, col=column)
        for share, dash in ((0.05, "dot"), (0.5, "solid"), (0.95, "dot")):
            mark = {"width": 1.6, "color": ORANGE, "dash": dash}
            found.add_vline(x=float(np.quantile(values, share)), line=mark, row=row, col=column)
        found.update_xaxes(tickformat=".0%" if name in PERCENT else None, row=row, col=column)
    of, lost = sweep.count("table"), int(sweep.summary.get("failed", 0))
    words = f", {lost} of which failed" if lost else ""
    dress(found, f"Figures of {of} markets{words}: median, 5th and 95th percentile", height=520)
    found.update_layout(showlegend=False, bargap=0.05)
    found.update_annotations(font_size=12)
    found.update_yaxes(gridcolor=GREY, showgrid=False)
    return found
