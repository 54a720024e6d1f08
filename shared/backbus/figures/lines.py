"""Lines over time: as many points as a screen can show, no room for nights, and a dot where a line would be none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.figures.registry import NothingToShow
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS
from backbus.runs.shown import Instants, RunShown

MOST_POINTS = 6000
"""Points of a line: more than a screen is wide, so that a part can be looked at."""
MOST_NIGHTS = 80
"""Of more sessions than these each is too narrow for its nights to be seen, and axes with many breaks are slow."""
BELOW = {"y": -0.16, "yanchor": "top", "x": 0.0, "xanchor": "left"}
"""A legend below, where titles of parts stand above."""
_HOUR_NS = 3_600_000_000_000
_SHORTEST_NIGHT = 2
"""Hours; and longer than so many bars, so that bars of some hours have none within a session."""


def kept_rows(values: NDArray[Any], most: int = MOST_POINTS) -> Ints:
    """Which of [rows] values a line is drawn of: all, or of each stretch the first, the least and the greatest, and the
    last of all, so that no extreme is lost."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    cuts = np.unique(np.linspace(0, count, most // 3 + 1).astype(np.int64))
    found = [np.array([count - 1])]
    for first, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        part = values[first:stop]
        known = np.flatnonzero(np.isfinite(part))
        some = [0] if not len(known) else [0, known[part[known].argmin()], known[part[known].argmax()]]
        found.append(first + np.array(some))
    return np.unique(np.concatenate(found))


def lightened(figure: Any, most: int = MOST_POINTS) -> Any:
    """A figure without the points of long lines that nobody would see; the same figure. Reports hold all of them."""
    for trace in getattr(figure, "data", ()):
        if trace.type != "scatter" or trace.mode != "lines" or trace.y is None or len(trace.y) <= most:
            continue
        x, y = np.asarray(trace.x), np.asarray(trace.y)
        if x.dtype != object and y.dtype.kind in "fiu" and len(x) == len(y):
            some = kept_rows(y.astype(np.float64), most)
            trace.update(x=x[some], y=y[some])
    return figure


def line(x: Any, y: NDArray[Any], name: str, colour: str, width: float = 1.4, **more: Any) -> Any:
    """A line of [rows] values; a value that stands alone, between others that are not numbers, is a dot."""
    import plotly.graph_objects as go

    x, y = np.asarray(x), np.asarray(y, dtype=np.float64)
    known = np.isfinite(y)
    alone = known & ~np.append(known[1:], False) & ~np.append(False, known[:-1])
    style = {"line": {"color": colour, "width": width}, "connectgaps": False, **more}
    if alone.any():
        size = np.where(alone, 6, 0)
        return go.Scatter(
            x=x, y=y, name=name, **{**style, "mode": "lines+markers", "marker": {"size": size, "color": colour}}
        )
    return go.Scatter(x=x, y=y, name=name, **{"mode": "lines", **style})


def nights(times: Instants) -> list[dict[str, Any]]:
    """What of an axis of [rows] ends of bars is left out: the time between sessions, of bars that are parts of days.
    None where there are more than ``MOST_NIGHTS``."""
    ends = times.astype("M8[ns]").astype(np.int64)
    steps = np.diff(ends)
    if not len(steps):
        return []
    bar = int(np.median(steps))
    if bar <= 0 or bar * 2 >= DAY_NS:
        return []
    places = np.flatnonzero(steps > max(_SHORTEST_NIGHT * _HOUR_NS, 3 * bar))
    if len(places) > MOST_NIGHTS:
        return []
    from_, to = ends[places].view("M8[ns]"), (ends[places + 1] - bar).view("M8[ns]")
    return [
        {"bounds": [str(one.astype("M8[ms]")), str(two.astype("M8[ms]"))]} for one, two in zip(from_, to, strict=True)
    ]


def time_axis(figure: Any, times: Instants) -> Any:
    """Give a figure's horizontal axes to time, without nights; the same figure."""
    ends = times.astype("M8[ns]").astype(np.int64)
    figure.update_xaxes(type="date", rangebreaks=nights(times))
    if len(ends) == 1:  # (plotly shows milliseconds around one instant)
        day = np.timedelta64(1, "D")
        figure.update_xaxes(range=[str((times[0] - day).astype("M8[s]")), str((times[0] + day).astype("M8[s]"))])
    return figure


def row_times(run: RunShown) -> Instants:
    """[rows] where rows of the account are drawn: when their bars end, and of whole days their date, because a day's
    bar ends with the day that follows."""
    session = run.column("equity", "session")
    if len(session) == len(run.sessions):
        return session.astype("M8[D]").astype("M8[ns]")
    return run.column("equity", "time")


def account_rows(run: RunShown) -> tuple[Instants, Floats]:
    """[rows] times and equity. Raises NothingToShow where no row has one."""
    value = run.column("equity", "equity") if "equity" in run.tables else np.empty(0)
    if not len(value):
        raise NothingToShow("no row was traded" if "equity" in run.tables else "no tables were kept of this run")
    if not np.isfinite(value).any():
        raise NothingToShow("equity is no number in any row")
    return row_times(run), value


def below_top(value: Floats, cash: float) -> Floats:
    """[rows] equity / the highest so far - 1; the cash that the account began with is the first of these."""
    found: Floats = value / np.fmax(np.fmax.accumulate(value), cash) - 1.0
    return found


def rows_of(run: RunShown, table: str, words: str) -> int:
    """How many rows a table has. Raises NothingToShow, with words, where it has none, or was not kept."""
    if table not in run.tables:
        raise NothingToShow("no tables were kept of this run")
    count = run.count(table)
    if not count:
        raise NothingToShow(words)
    return count
