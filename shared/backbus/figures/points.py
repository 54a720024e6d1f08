"""The points of a search: the objective over parameters, all of them side by side, and which parameters matter."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import UsageError
from backbus.figures.lines import line
from backbus.figures.registry import NothingToShow, figure
from backbus.figures.style import BLUE, GREY, ORANGE, dress, inked
from backbus.market.panel import Floats, Ints
from backbus.performance.metrics import FIGURES
from backbus.performance.summary import title_of
from backbus.runs.shown import SweepShown
from backbus.sweep.statistics.importance import main_effects

MOST_CELLS = 40
"""Values of a parameter that have a row or a column of their own; of more, stretches of them."""
STRETCHES = 10
MOST_PARALLEL = 5000
"""Lines that a page can still move."""
_TOPMOST, _FAILED = 1000, 1000
"""Of a sample, so many of the best, and at most so many that failed."""
SCALE = "Viridis"


class PointsTable:
    """A search's points by column."""

    def __init__(self, sweep: SweepShown) -> None:
        self.sweep = sweep
        goal = str(sweep.summary["objective"])
        self.metric = goal.removeprefix("-")
        self.title = title_of(self.metric)
        """What the objective is called."""
        self.sign = -1.0 if goal.startswith("-") else 1.0
        """-1 where the least is the best."""

    @cached_property
    def names(self) -> list[str]:
        """Fields that were swept, in the order of the job."""
        columns = self.sweep.tables.read("table").column_names
        return [name for name in columns[: columns.index(FIGURES[0])] if name != "point"]

    def values(self, name: str) -> NDArray[Any]:
        """[points] of one field."""
        return self.sweep.column("table", name)

    @cached_property
    def objective(self) -> Floats:
        """[points], NaN where a point has none."""
        found: Floats = self.sweep.column("table", self.metric).astype(np.float64)
        return found

    @property
    def best(self) -> int | None:
        """The best point's place; of equals the first."""
        worth = self.sign * self.objective
        return int(np.nanargmax(worth)) if np.isfinite(worth).any() else None

    def known(self) -> Floats:
        """The objective; raises NothingToShow where no point has one."""
        if not np.isfinite(self.objective).any():
            raise NothingToShow(f"no point has {self.metric}")
        return self.objective

    def named(self, name: str) -> str:
        """A field by its full path or by its last name. Raises UsageError."""
        found = [one for one in self.names if one == name] or [one for one in self.names if short(one) == name]
        if len(found) != 1:
            raise UsageError(f"there is no swept field {name!r}; choose one of {', '.join(self.names)}")
        return found[0]


def short(name: str) -> str:
    """The last part of a setting's path."""
    return name.rpartition(".")[2]


def shorts(names: list[str]) -> list[str]:
    """Last parts, and whole paths of those whose last parts are the same."""
    some = [short(name) for name in names]
    return [name if some.count(one) > 1 else one for name, one in zip(names, some, strict=True)]


def cells_of(column: NDArray[Any]) -> tuple[list[str], Ints]:
    """What an axis of cells says, and [points] in which of them each is; values in order."""
    if column.dtype == object or column.dtype.kind in "bUS":
        levels, place = np.unique(column.astype(str), return_inverse=True)
        return levels.tolist(), place
    values = column.astype(np.float64)
    levels, place = np.unique(values, return_inverse=True)
    if len(levels) <= MOST_CELLS:
        return [f"{level:.6g}" for level in levels], place
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, STRETCHES + 1)))
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges.tolist())], place


def cell_table(points: PointsTable, x: str, y: str, by: str) -> tuple[list[str], list[str], Floats, Ints]:
    """Names of columns and rows; [rows, columns] the objective of each cell, NaN where no point has one, and how many
    points have. ``by`` is ``median`` or ``best``."""
    objective = points.known()
    (across, column), (down, row) = cells_of(points.values(x)), cells_of(points.values(y))
    cell = row * len(across) + column
    some = np.flatnonzero(np.isfinite(objective))
    order = some[np.lexsort((objective[some], cell[some]))]
    places, first, count = np.unique(cell[order], return_index=True, return_counts=True)
    ordered = objective[order]
    if by == "median":
        told = 0.5 * (ordered[first + (count - 1) // 2] + ordered[first + count // 2])
    else:
        told = ordered[first + count - 1] if points.sign > 0.0 else ordered[first]
    table, counts = np.full(len(down) * len(across), np.nan), np.zeros(len(down) * len(across), np.int64)
    table[places], counts[places] = told, count
    shape = len(down), len(across)
    return across, down, table.reshape(shape), counts.reshape(shape)


def widest(points: PointsTable) -> list[str]:
    """Fields by how many values they have, the most first; of equals in the order of the job. Those of one value are
    left out."""
    counts = {name: len(np.unique(points.values(name).astype(str))) for name in points.names}
    return sorted((name for name in points.names if counts[name] > 1), key=lambda name: -counts[name])


@figure("heat_map", "the objective over two parameters", of="sweep")
def heat_map(sweep: SweepShown, x: str | None = None, y: str | None = None, by: str = "median") -> Any:
    """Over the two with most values where none are named, and of each cell the median over all else, or the ``best``.
    Of one parameter a line."""
    import plotly.graph_objects as go

    if by not in ("median", "best"):
        raise UsageError(f"a cell shows the median or the best of its points, not {by!r}")
    points = PointsTable(sweep)
    points.known()
    named = [points.named(name) for name in (x, y) if name is not None]
    varied = [*named, *(name for name in widest(points) if name not in named)]
    if not varied:
        raise NothingToShow("no parameter has two values")
    if len(varied) == 1:
        return _along(points, varied[0])
    first, second = points.named(x) if x else None, points.named(y) if y else None
    rest = [name for name in varied if name not in (first, second)]
    first = first or rest.pop(0)
    second = second or rest.pop(0)
    if first == second:
        raise UsageError(f"x and y are two fields, not {first} twice")
    across, down, table, counts = cell_table(points, first, second, by)
    titles = shorts([first, second])
    hover = [f"{titles[0]} %{{x}}", f"{titles[1]} %{{y}}", f"{points.title} %{{z:.4g}}", "%{customdata} points"]
    drawn = go.Heatmap(
        x=across,
        y=down,
        z=table,
        customdata=counts,
        colorscale=SCALE,
        reversescale=points.sign < 0.0,
        colorbar={"title": {"text": points.title}, "thickness": 14},
        hovertemplate="<br>".join(hover) + "<extra></extra>",
    )
    found = go.Figure(drawn)
    best = points.best
    if best is not None:
        at = [cells_of(points.values(name))[1][best] for name in (first, second)]
        star = {"symbol": "star", "size": 13, "color": ORANGE, "line": {"width": 1, "color": "white"}}
        spot = {"x": [across[at[0]]], "y": [down[at[1]]], "hoverinfo": "skip"}
        found.add_trace(go.Scatter(**spot, mode="markers", marker=star, name="the best point"))
    most = int(counts.max())
    told = f": the {by} of up to {most:,} points of a cell" if most > 1 else ""
    dress(found, f"{points.title} by {titles[0]} and {titles[1]}{told}")
    found.update_layout(hovermode="closest")
    found.update_xaxes(type="category", title_text=titles[0], automargin=True)
    found.update_yaxes(type="category", title_text=titles[1], automargin=True)
    return found


def _along(points: PointsTable, name: str) -> Any:
    """The objective by one parameter."""
    import plotly.graph_objects as go

    column, objective = points.values(name), points.known()
    title = f"{points.title} by {short(name)}"
    if column.dtype == object or column.dtype.kind in "bUS":
        found = go.Figure(go.Bar(x=column.astype(str), y=objective, marker={"color": BLUE}))
    else:
        order = np.argsort(column.astype(np.float64), kind="stable")
        found = go.Figure(line(column[order], objective[order], points.title, BLUE, mode="lines+markers"))
    dress(found, title, height=380)
    found.update_xaxes(title_text=short(name))
    found.update_yaxes(title_text=points.title)
    return found


def sampled(points: PointsTable, most: int = MOST_PARALLEL) -> Ints:
    """Which points are drawn, in order: all, or the best, some that failed, and of the others every so many-th."""
    objective = points.sign * points.objective
    count = len(objective)
    if count <= most:
        return np.arange(count)
    failed = np.flatnonzero(np.isnan(objective))
    top = np.argsort(-objective, kind="stable")[: min(_TOPMOST, most // 2, count - len(failed))]
    lost = failed[np.linspace(0, len(failed) - 1, min(len(failed), _FAILED, most // 4)).astype(np.int64)]
    chosen = np.concatenate((top, lost))
    others = np.setdiff1d(np.arange(count), np.concatenate((top, failed)))
    room = min(most - len(chosen), len(others))
    rest = others[np.unique(np.linspace(0, len(others) - 1, room).astype(np.int64))] if room > 0 else others[:0]
    return np.sort(np.concatenate((chosen, rest)))


@figure("parallel", "all points as lines over their parameters and the objective", of="sweep")
def parallel(sweep: SweepShown) -> Any:
    """Coloured by the objective. Points without one lie at the bottom of its axis."""
    import plotly.graph_objects as go

    points = PointsTable(sweep)
    objective = points.known()
    some = sampled(points)
    lowest = float(np.nanmin(objective))
    shown = np.where(np.isnan(objective), lowest, objective)[some]
    failed = np.isnan(objective)[some]
    names = widest(points) or points.names
    axes = [_axis(title, points.values(name)[some]) for name, title in zip(names, shorts(names), strict=True)]
    if failed.any():
        axes.append(
            {"label": "outcome", "values": failed.astype(float), "tickvals": [0, 1], "ticktext": ["ran", "none"]}
        )
    axes.append({"label": points.title, "values": shown})
    colours = {"color": shown, "colorscale": SCALE, "showscale": True, "reversescale": points.sign < 0.0}
    found = go.Figure(go.Parcoords(dimensions=axes, line=colours))
    told = [] if len(some) == len(objective) else [f"{len(some):,} of {len(objective):,}, the best among them"]
    if failed.any():
        told.append(f"those without {points.title} lie at its bottom")
    dress(found, "Points" + (": " if told else "") + "; ".join(told), height=460)
    found.update_layout(margin={"l": 70, "r": 40, "t": 100, "b": 30})
    return found


def _axis(title: str, column: NDArray[Any]) -> dict[str, Any]:
    if column.dtype == object or column.dtype.kind in "bUS":
        levels, place = np.unique(column.astype(str), return_inverse=True)
        return {"label": title, "values": place, "tickvals": list(range(len(levels))), "ticktext": levels.tolist()}
    return {"label": title, "values": column.astype(np.float64)}


@figure("importance", "how much of what the objective varies by follows from each parameter alone", of="sweep")
def importance(sweep: SweepShown) -> Any:
    """Main effects of an analysis of variance over the points."""
    import plotly.graph_objects as go

    points = PointsTable(sweep)
    method = sweep.settings.get("sweep", {}).get("method") or sweep.summary["job"]["sweep"]["method"]
    names = widest(points)
    if not names:
        raise NothingToShow("no parameter has two values")
    columns = {name: points.values(name) for name in names}
    found = main_effects(columns, points.objective, grid=method == "grid")
    if isinstance(found, str):
        raise NothingToShow(found)
    told = sorted(zip(shorts(names), found.values(), strict=True), key=lambda one: -one[1])
    rest = 1.0 - sum(share for _, share in told)
    words = [name for name, _ in told]
    shares = [share for _, share in told]
    if rest > 0.0:
        words.append("all else: together, and chance")
        shares.append(rest)
    colours = [BLUE] * len(told) + [GREY] * (len(words) - len(told))
    texts = [f"{100 * share:.1f} %" for share in shares]
    bars = go.Bar(x=shares, y=words, orientation="h", marker={"color": colours}, text=texts, **inked(colours))
    drawn = go.Figure(bars)
    dress(drawn, f"What {points.title} varies by", height=130 + 34 * len(words))
    drawn.update_yaxes(autorange="reversed", type="category", automargin=True)
    drawn.update_xaxes(tickformat=".0%", rangemode="tozero", title_text="share of its variance")
    return drawn
