"""How far the best point can be believed: its neighbours, and what luck alone lets expect."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.figures.lines import BELOW
from backbus.figures.points import PointsTable, short
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, RED, dress, inked, see_through
from backbus.market.panel import Floats, Ints
from backbus.runs.shown import SweepShown
from backbus.sweep.statistics.stability import grid_neighbours, nearest_neighbours


def parameters_in(sweep: SweepShown, points: PointsTable) -> tuple[NDArray[Any], bool]:
    """[points, parameters] as numbers, as the search's own statistics take them, and whether they are a grid's."""
    from backbus.job.job import Job
    from backbus.sweep.outcome import parameters_of
    from backbus.sweep.space.space import Space

    job = Job.parse(sweep.summary["job"])
    assert job.sweep is not None
    if job.sweep.method == "grid":
        return parameters_of(Space(job.sweep)), True
    numbers = []
    for name in points.names:
        column = points.values(name)
        if column.dtype.kind in "if":
            numbers.append(column.astype(np.float64))
        else:
            known: dict[str, int] = {}
            numbers.append(np.array([known.setdefault(str(word), len(known)) for word in column.tolist()], np.float64))
    return np.stack(numbers, axis=1), False


def neighbours_of(sweep: SweepShown, points: PointsTable, best: int) -> Ints:
    """The points beside the best, as ``docs/statistics.md`` says."""
    numbers, grid = parameters_in(sweep, points)
    values = np.asarray(numbers, dtype=np.float64)
    return grid_neighbours(values, best) if grid else nearest_neighbours(values, best)


def step_between(points: PointsTable, best: int, other: int) -> str:
    """What differs of a point, in words."""
    told = []
    for name in points.names:
        before, after = (points.values(name)[place] for place in (best, other))
        if before != after:
            told.append(f"{short(name)} {_plain(before)} → {_plain(after)}")
    return "<br>".join(told) if len(told) > 2 else ", ".join(told)


def _plain(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, int | float | np.number) else str(value)


@figure("stability", "the objective of the best point, and of those one step beside it", of="sweep")
def stability(sweep: SweepShown) -> Any:
    """A bar for each neighbour, with the medians of these and of all points."""
    import plotly.graph_objects as go

    points = PointsTable(sweep)
    objective, best = points.known(), points.best
    assert best is not None
    near = neighbours_of(sweep, points, best)
    if not np.isfinite(objective[near]).any():
        raise NothingToShow("the best point has no neighbour with an objective")
    around = near[np.isfinite(objective[near])]
    names = ["the best", *(step_between(points, best, other) for other in around.tolist())]
    values = objective[[best, *around.tolist()]]
    colours = [ORANGE] + [BLUE] * len(around)
    texts = [f"{value:.3g}" for value in values]
    bars = {"orientation": "h", "marker": {"color": colours}, "text": texts, "showlegend": False, **inked(colours)}
    found = go.Figure(go.Bar(x=values, y=names, **bars))
    for value, what, dash in (
        (float(np.median(objective[around])), "median of neighbours", "dash"),
        (float(np.nanmedian(objective)), "median of all points", "dot"),
    ):
        mark = {"mode": "lines", "line": {"color": GREY, "width": 1.4, "dash": dash}, "name": f"{what}: {value:.3g}"}
        found.add_trace(go.Scatter(x=[value, value], y=[names[0], names[-1]], **mark))
    told = (sweep.summary.get("statistics") or {}).get("stability")
    words = f": a {told['shape']}, drop {100 * told['drop']:.0f} %" if told else ""
    lost = len(near) - len(around)
    words += f" ({lost} of its neighbours have no {points.title})" if lost else ""
    dress(found, f"The best point's surroundings{words}", height=190 + 30 * len(names))
    found.update_layout(hovermode="closest", margin={"b": 100}, legend={**BELOW, "y": -56 / (30 * len(names))})
    found.update_yaxes(autorange="reversed", type="category", automargin=True)
    found.update_xaxes(title_text=points.title)
    return found


def density_of_maximum(at: Floats, trials: int, deviation: float) -> Floats:
    """The density, at [points], of the greatest of so many independent normal draws with mean 0."""
    standard = at / deviation
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in standard.tolist()])
    with np.errstate(divide="ignore"):
        power = np.exp((trials - 1) * np.log(below))
    found: Floats = trials * np.exp(-0.5 * standard**2) / (deviation * math.sqrt(2.0 * math.pi)) * power
    return found


@figure("luck", "the best point's Sharpe ratio beside what the best of as many without skill would reach", of="sweep")
def luck(sweep: SweepShown) -> Any:
    """Of the search's own trials, and of all of its family."""
    import plotly.graph_objects as go

    told = sweep.summary.get("statistics")
    if not told:
        raise NothingToShow("this search has no statistics of its points")
    why = told["undefined"]
    for name in ("sharpe", "sharpe_deviation"):
        if told[name] is None:
            raise NothingToShow(why.get(name, f"{name} is not defined"))
    ratio, deviation = told["sharpe"], told["sharpe_deviation"]
    if not deviation > 0.0:
        raise NothingToShow("all points have the same Sharpe ratio")
    trials = {"this search": told["trials_sweep"]}
    if told["trials_family"] != told["trials_sweep"]:
        trials["all of its family"] = told["trials_family"]
    known = sweep.column("table", "sharpe").astype(np.float64)
    known = known[np.isfinite(known)]
    low, high = min(float(known.min()), -3.0 * deviation), max(float(known.max()), ratio, 6.0 * deviation)
    high += 0.06 * (high - low)
    at = np.linspace(low, high, 400)
    bars = {"histnorm": "probability density", "nbinsx": 60, "marker": {"color": see_through(GREY, 0.45)}}
    found = go.Figure(go.Histogram(x=known, name="points", **bars))
    for (name, count), colour in zip(trials.items(), (BLUE, "#7a4fa3"), strict=False):
        curve = density_of_maximum(at, max(count, 1), deviation)
        label = f"best of {count:,} without skill ({name})"
        style = {"line": {"color": colour, "width": 1.8}}
        found.add_trace(go.Scatter(x=at, y=curve, mode="lines", name=label, **style))
    mark = {
        "line": {"width": 2, "color": RED},
        "annotation_text": f"the best: {ratio:.2f}",
        "annotation_font_color": RED,
    }
    found.add_vline(x=ratio, annotation_position="top right" if ratio < 0.5 * (low + high) else "top left", **mark)
    words = [
        f"{label} {told[name]:.3g}"
        for label, name in (
            ("probability of skill, this search:", "deflated_sharpe_sweep"),
            ("its family:", "deflated_sharpe_family"),
            ("p-value (SPA):", "spa_consistent"),
        )
        if told[name] is not None
    ]
    dress(found, "The best of many, and luck<br><sub>" + "; ".join(words) + "</sub>", height=420)
    found.update_layout(bargap=0.0, legend={**BELOW, "y": -0.22}, margin={"t": 76, "b": 100})
    found.update_xaxes(title_text="Sharpe ratio, annual")
    found.update_yaxes(showticklabels=False, title_text="density")
    return found
