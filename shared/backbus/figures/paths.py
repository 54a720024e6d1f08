"""A combinatorial cross-validation: its paths, and what was left of each split's objective in its test."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.folds import objective_of
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, dress
from backbus.performance.summary import title_of
from backbus.runs.shown import SweepShown

SHOWN = ("total_return", "sharpe", "max_drawdown")
PERCENT = ("total_return", "annual_return", "volatility", "max_drawdown")
"""Figures that are told as percentages."""


@figure("paths", "the objective of each path, and how other figures spread over the paths", of="cpcv")
def paths(sweep: SweepShown) -> Any:
    """A dot for each path, and the box of their quartiles."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    metric = objective_of(sweep)
    names = [metric, *(name for name in SHOWN if name != metric)][:3]
    columns = {name: sweep.column("paths", name).astype(np.float64) for name in names}
    if not any(np.isfinite(values).any() for values in columns.values()):
        raise NothingToShow("no path has a figure")
    found = make_subplots(rows=1, cols=len(names), subplot_titles=[*map(title_of, names)], horizontal_spacing=0.09)
    number = sweep.column("paths", "path")
    for column, (name, values) in enumerate(columns.items(), 1):
        known = np.isfinite(values)
        texts = [f"path {one}" for one in number[known].tolist()]
        box = {"boxpoints": "all", "pointpos": 0.0, "jitter": 0.5, "quartilemethod": "linear"}
        marker = {"color": ORANGE if column == 1 else BLUE, "size": 6}
        shape = {"line": {"width": 1.2, "color": GREY}, "fillcolor": "rgba(0,0,0,0)", "showlegend": False}
        found.add_trace(go.Box(y=values[known], text=texts, marker=marker, name="", **box, **shape), row=1, col=column)
        found.update_yaxes(tickformat=".0%" if name in PERCENT else None, row=1, col=column)
        if name != "max_drawdown":
            found.add_hline(y=0.0, line={"width": 1, "dash": "dot", "color": GREY}, row=1, col=column)
    left = int((~np.isfinite(columns[metric])).sum())
    words = f" ({left} without {title_of(metric)})" if left else ""
    dress(found, f"{len(number)} paths{words}", height=400)
    found.update_layout(hovermode="closest")
    found.update_annotations(font_size=12)
    found.update_xaxes(showticklabels=False)
    return found


@figure("splits", "the objective of each split's best in train and in test", of="cpcv")
def splits(sweep: SweepShown) -> Any:
    """A dot for each split; below the line it lost."""
    import plotly.graph_objects as go

    metric = objective_of(sweep)
    inside, outside = (
        sweep.column("table", f"{part}.{metric}").astype(np.float64) for part in ("in_sample", "out_of_sample")
    )
    both = np.isfinite(inside) & np.isfinite(outside)
    if not both.any():
        raise NothingToShow(f"no split has {metric} in train and in test")
    texts = [f"split {one}" for one in sweep.column("table", "split")[both].tolist()]
    dots = {"color": BLUE, "size": 8, "opacity": 0.8}
    found = go.Figure(
        go.Scatter(x=inside[both], y=outside[both], mode="markers", marker=dots, text=texts, name="splits")
    )
    ends = [float(min(inside[both].min(), outside[both].min())), float(max(inside[both].max(), outside[both].max()))]
    same = {"mode": "lines", "line": {"color": GREY, "width": 1, "dash": "dot"}, "hoverinfo": "skip"}
    found.add_trace(go.Scatter(x=ends, y=ends, name="as good in test", **same))
    told = sweep.summary.get("degradation") or {}
    chance = told.get("overfitting_probability")
    words = "" if chance is None else f": the best is no better than the median in {100 * chance:.0f} % of them"
    dress(found, f"{int(both.sum())} splits{words}", height=420)
    found.update_layout(hovermode="closest")
    percent = ".0%" if metric in PERCENT else None
    found.update_xaxes(title_text=f"{title_of(metric)} in train", tickformat=percent)
    found.update_yaxes(title_text=f"{title_of(metric)} in test", tickformat=percent)
    return found
