"""What a figure's lines and marks are made of, taken out of it: columns and levels, of which the page's script shows
those that the zoom asks for. Nothing is thinned on the way: single points are held as long as the file has room.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats
from backbus.report.levels import SeriesLevel, levels_of
from backbus.report.packing import Packing, Told, quantum

ROOM = 3_500_000
"""Bytes, deflated, of single points and of the finest levels of long series: with the rest, a page of a million bars is
below 10 MB."""
POINTS_AT_ONCE, MARKS_AT_ONCE = 3600, 2000
"""Of a line, and of marks, that are drawn even where the page is narrow (``LINE_POINTS`` of 300 pixels and ``MARKS``,
in its script): of so few there are no levels."""
LONG = 500
"""Values of a list that is taken out of a figure."""
_TEXTS = ("text", "hovertext", "customdata", "ids")


class Below(NamedTuple):
    """How one series follows from another: how far that is below its highest so far, which begins at ``start``."""

    of: Floats
    start: float

    def values(self) -> Floats:
        """The series."""
        top = np.maximum(np.maximum.accumulate(self.of), self.start)
        return np.asarray(self.of / top - 1.0)


@dataclass
class _Held:
    """A long series as the page holds it."""

    n: int
    levels: list[Told]
    step: float | None
    single: Told | None
    """Its points; None where the page has no room for them, or they follow from another's."""
    follows: _Held | None
    own: Callable[[], Told]
    """Makes its points."""


class Lifted:
    """Takes series out of the figures of one page, in their order; those that are long are held as well as the page has
    room, which ``settle`` finds when all are known."""

    def __init__(self, packing: Packing, follows: Below | None = None) -> None:
        self._packing = packing
        self._known: dict[tuple[bytes, bytes, bool], _Held] = {}
        self._open: list[tuple[Told, _Held]] = []
        """Series, and what is to be held of each."""
        self._times: list[tuple[NDArray[Any], Told]] = []
        self._follows = follows
        self._following = np.empty(0) if follows is None else follows.values()

    def figure(self, figure: Any) -> tuple[dict[str, Any], list[Told]]:
        """A figure's data and layout as JSON can hold them, and its series; those are empty in the data, and are whole
        once ``settle`` was called."""
        told = figure.to_dict() if not hasattr(figure, "_data") else {"data": figure._data, "layout": figure._layout}
        series: list[Told] = []
        traces = []
        for number, drawn in enumerate(told["data"]):
            trace = dict(drawn)
            found = self._series(trace)
            if found is not None:
                found["trace"] = number
                series.append(found)
            traces.append(self._plain(trace))
        return {"data": traces, "layout": self._plain(dict(told.get("layout", {})))}, series

    def settle(self) -> None:
        """Complete the series of all figures: which single points and finest levels the page has room for is known when
        they are deflated, and that is done beside the drawing."""
        room = ROOM
        for held in self._known.values():
            room = self._settled(held, room)
        for told, held in self._open:
            told |= {"n": held.n, "single": held.single, "levels": held.levels, "step": held.step}
        self._known, self._open = {}, []

    def _settled(self, held: _Held, room: int) -> int:
        """What is left of the room."""
        if len(held.levels) > 1:
            took = self._packing.size(held.levels[0])
            if took > room:
                self._packing.drop(held.levels.pop(0))
            else:
                room -= took
        if held.follows is not None and self._follows is not None:
            if held.follows.single is not None:
                held.single = {"as": "below", "of": held.follows.single, "start": self._follows.start, "n": held.n}
                return room
            held.single = held.own()
        assert held.single is not None
        if not held.levels:
            return room
        took = self._packing.size(held.single)
        if took <= room:
            return room - took
        self._packing.drop(held.single)
        held.single = None
        return room

    def _series(self, trace: dict[str, Any]) -> Told | None:
        """A trace along time or numbers that rise; its x, y and texts are taken out of it."""
        if trace.get("type") not in ("scatter", "scattergl") or trace.get("stackgroup") or trace.get("orientation"):
            return None
        x, y = (_array(trace.get(axis)) for axis in "xy")
        if x is None or y is None or len(x) != len(y) or not len(x) or y.dtype.kind not in "fiu":
            return None
        dated = x.dtype.kind == "M"
        if not dated or bool((x[1:] < x[:-1]).any()) or np.isnat(x).any():
            return None
        marks = "lines" not in trace.get("mode", "lines")
        marker = dict(trace.get("marker") or {})
        looks = {name: one for name, one in marker.items() if _array(one) is not None}
        if looks and (marks or list(looks) != ["size"] or len(looks["size"]) != len(x)):
            return None  # each mark has a look of its own
        texts = {}
        for name in _TEXTS:
            if isinstance(trace.get(name), list | tuple | np.ndarray) and len(trace[name]) == len(x):
                texts[name] = self._column(np.asarray(trace.pop(name)))
        if looks:  # a line with dots at some points: they are there where single points are
            texts["size"] = self._column(np.asarray(looks["size"]))
            trace["marker"] = {**marker, "size": 0}
        values = y.astype(np.float64, copy=False)
        there = np.isfinite(values)
        if not there.all():
            values = np.where(there, values, np.nan)
        trace.pop("x")
        trace.pop("y")
        if trace["type"] == "scattergl":
            trace["type"] = "scatter"  # few points are drawn at a time, and on paper they are lines
        return self._begun(x, values, marks, texts)

    def points(self, x: NDArray[Any], y: Floats, texts: NDArray[Any] | None = None) -> Told:
        """Points along time that stand in no figure at first; those with texts are marks."""
        marks = texts is not None
        return self._begun(x, y, marks, {} if texts is None else {"text": self._column(texts)})

    def _begun(self, x: NDArray[Any], values: Floats, marks: bool, texts: dict[str, Told]) -> Told:
        told = {"x": self._time(x), "marks": marks, "texts": texts}
        self._open.append((told, self._levels(x, values, marks)))
        return told

    def _time(self, x: NDArray[Any]) -> Told:
        """A column of times; most of a page's lines have the same."""
        for other, told in self._times:
            if np.array_equal(x, other):
                return told
        told = self._packing.times(x)
        if len(x) >= LONG:
            self._times.append((x, told))
        return told

    def _levels(self, x: NDArray[Any], values: Floats, marks: bool) -> _Held:
        key = x.tobytes()[:64], values.tobytes(), marks
        if key in self._known:
            return self._known[key]
        follows = None
        if self._follows is not None and np.array_equal(values, self._following, equal_nan=True):
            follows = self._levels(x, self._follows.of, marks)
        power = quantum(values)
        numbers = values if power is None else np.rint(values * power)
        drawn_whole = len(values) <= (MARKS_AT_ONCE if marks else POINTS_AT_ONCE)
        levels = [] if drawn_whole else [self._level(level, power) for level in levels_of(numbers)]
        own = partial(self._numbers, numbers, power)
        single = own() if follows is None else None
        step = None if power is None else 1.0 / power
        self._known[key] = _Held(len(values), levels, step, single, follows, own)
        return self._known[key]

    def _numbers(self, held: Floats, power: float | None, *, steps: bool = True) -> Told:
        if power is None:
            return self._packing.exact(held)
        none = np.isnan(held)
        return self._packing.whole(np.where(none, 0.0, held).astype(np.int64), steps=steps, none=none, over=power)

    def _level(self, level: SeriesLevel, power: float | None) -> Told:
        """First values by their steps; the others by how far they are from these: small numbers, which deflate well."""
        told = {"span": level.span}
        places = {
            name: self._packing.whole(at, steps=False) for name, at in (("a", level.at_low), ("b", level.at_high))
        }
        if power is None:
            names = ("first", "low", "high", "last")
            return {**told, **places, **{name: self._packing.exact(getattr(level, name)) for name in names}}
        least, most = np.minimum(level.first, level.last), np.maximum(level.first, level.last)
        apart = {"low": least - level.low, "high": level.high - most, "last": level.last - level.first}
        return {
            **told,
            **places,
            "first": self._numbers(level.first, power),
            **{name: self._numbers(values, power, steps=False) for name, values in apart.items()},
            "apart": 1,
        }

    # --- all else of a figure --------------------------------------------------------------------------------------

    def _plain(self, value: Any) -> Any:
        """A part of a figure as JSON can hold it: long lists are columns, NaN is null."""
        if isinstance(value, dict):
            return {name: self._plain(one) for name, one in value.items()}
        array = _array(value)
        if array is not None and len(array) >= LONG:
            return {"column": self._column(array)}
        if isinstance(value, np.ndarray):
            return self._plain(
                value.astype("M8[ms]").astype(str).tolist() if value.dtype.kind == "M" else value.tolist()
            )
        if isinstance(value, list | tuple):
            return [self._plain(one) for one in value]
        if isinstance(value, np.generic):
            return self._plain(value.item())
        if isinstance(value, float) and not np.isfinite(value):
            return None
        if value is None or isinstance(value, str | int | float):
            return value
        return str(value)

    def _column(self, array: NDArray[Any]) -> Told:
        if array.dtype.kind == "M":
            return self._packing.times(array)
        if array.dtype.kind == "f":
            return self._packing.exact(array.astype(np.float64))
        if array.dtype.kind in "iu":
            return self._packing.counts(array.astype(np.int64))
        plain = array.tolist()
        if array.ndim > 1 or not all(isinstance(one, str) for one in plain):
            return self._packing.texts([self._plain(one) for one in plain])
        words = list(dict.fromkeys(plain))
        if len(words) * 4 >= len(plain):
            return self._packing.texts(plain)
        places = {word: place for place, word in enumerate(words)}
        return self._packing.words(np.array([places[one] for one in plain], np.int64), words)


def _array(value: Any) -> NDArray[Any] | None:
    """A list of numbers, times or words as an array of one dimension."""
    if isinstance(value, list | tuple) and value and not isinstance(value[0], dict | list | tuple):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.ndim != 1:
        return None
    if value.dtype.kind == "O" and len(value) and all(isinstance(one, datetime.date) for one in value):
        return value.astype("M8[ns]")
    return value
