"""A walk-forward: which ranges its folds chose in and tested in, how they did, and what came of them together."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.figures.lines import BELOW
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, dress, inked
from backbus.market.panel import Floats
from backbus.performance.summary import title_of
from backbus.runs.shown import Instants, SweepShown

BOTH = (("in sample", "in_sample", "train", BLUE), ("out of sample", "out_of_sample", "test", ORANGE))
_ROOM = 26
"""Pixels of a fold's line."""
MOST_TEXTS = 40
"""Folds whose lines are high enough for words."""


def objective_of(sweep: SweepShown) -> str:
    """The figure that was chosen by."""
    return str(sweep.summary["objective"]).removeprefix("-")


@figure("folds", "when each fold was trained and tested, and its objective in and out of sample", of="walk_forward")
def folds(sweep: SweepShown) -> Any:
    """A line for each fold, the first at the top."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    count = sweep.count("table")
    if not count:
        raise NothingToShow("there is no fold")
    metric = objective_of(sweep)
    names = [str(number) for number in sweep.column("table", "fold").tolist()]
    titles = ["train and test", title_of(metric)]
    found = make_subplots(
        rows=1, cols=2, shared_yaxes=True, column_widths=[0.65, 0.35], horizontal_spacing=0.03, subplot_titles=titles
    )
    for name, prefix, span, colour in BOTH:
        begin, end = (_dates(sweep, f"{span}_{edge}") for edge in ("start", "end"))
        value = sweep.column("table", f"{prefix}.{metric}").astype(np.float64)
        days = (end - begin).astype("m8[D]").astype(np.int64) + 1
        texts = [_word(one) for one in value.tolist()] if count <= MOST_TEXTS else None
        bars = go.Bar(
            base=begin.astype("M8[ms]"),
            x=days * 86_400_000,
            y=names,
            orientation="h",
            marker={"color": colour},
            name=name,
            text=texts,
            **inked(colour),
            textposition="inside",
            insidetextanchor="middle",
            customdata=np.stack((begin.astype(str), end.astype(str)), axis=1),
            hovertemplate=f"{name}: %{{customdata[0]}} to %{{customdata[1]}}<extra>fold %{{y}}</extra>",
        )
        found.add_trace(bars, row=1, col=1)
        dots = {"color": colour, "size": 8}
        spots = go.Scatter(x=value, y=names, mode="markers", marker=dots, name=name, showlegend=False)
        found.add_trace(spots, row=1, col=2)
    found.add_vline(x=0.0, line={"width": 1, "dash": "dot", "color": GREY}, row=1, col=2)
    lost = int(sweep.summary.get("failed", 0))
    words = f" ({lost} of {count} failed)" if lost else ""
    dress(found, f"Folds{words}", height=130 + max(min(_ROOM * count, 1200), 60))
    found.update_layout(barmode="overlay", bargap=0.25, hovermode="closest", legend={**BELOW, "y": -0.1})
    found.update_layout(uniformtext={"mode": "show", "minsize": 8})
    found.update_annotations(font_size=12)
    found.update_xaxes(type="date", row=1, col=1)
    found.update_yaxes(autorange="reversed", type="category", nticks=40)
    found.update_yaxes(title_text="fold", row=1, col=1)
    return found


def _dates(sweep: SweepShown, name: str) -> Instants:
    return np.asarray(sweep.column("table", name)).astype("M8[D]")


def _word(value: float) -> str:
    return "failed" if np.isnan(value) else f"{value:.2f}"


def joined(sweep: SweepShown) -> tuple[Instants, Floats, Floats]:
    """[folds that have returns] last sessions of their tests, and what one unit of cash has become by then, one test
    range after the other; and the folds' own returns."""
    returns = sweep.column("table", "out_of_sample.total_return").astype(np.float64)
    final = sweep.column("table", "out_of_sample.final_equity").astype(np.float64)
    known = np.isfinite(returns) & (final > 0.0)
    worth = np.cumprod(1.0 + returns[known]).astype(np.float64)
    return _dates(sweep, "test_end")[known], worth, returns[known]


@figure("out_of_sample", "what the test ranges came to, one after the other", of="walk_forward")
def out_of_sample(sweep: SweepShown) -> Any:
    """At the ends of folds: the tables do not hold what was between them."""
    import plotly.graph_objects as go

    ends, value, returns = joined(sweep)
    if not len(value):
        raise NothingToShow("no fold has returns out of sample")
    begin = _dates(sweep, "test_start")[0]
    x, y = np.append(begin, ends).astype("M8[ms]"), np.append(1.0, value)
    style = {"mode": "lines+markers", "line": {"color": ORANGE, "width": 1.6}, "marker": {"size": 6}}
    texts = ["", *(f"{100 * one:+.2f} %" for one in returns)]
    found = go.Figure(go.Scatter(x=x, y=y, name="out of sample", text=texts, **style))
    found.add_hline(y=1.0, line={"width": 1, "dash": "dot", "color": GREY})
    left = sweep.count("table") - len(value)
    words = f" ({left} folds without returns are left out)" if left else ""
    dress(found, f"Out of sample, at the end of each fold{words}", height=380)
    found.update_xaxes(type="date")
    found.update_yaxes(title_text="of the cash at the start")
    return found
