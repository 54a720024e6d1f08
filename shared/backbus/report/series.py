"""What a figure's lines and marks are made of, taken out of it: columns and levels, of which the page's script shows
those that the zoom asks for. Nothing is thinned on the way: single points are held as long as the file has room.
"""

from __future__ import annotations

import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats
from backbus.report.levels import SeriesLevel, levels_of
from backbus.report.packing import Packing, Told, quantum

ROOM = 3_500_000
"""Bytes, deflated, of single points and of the finest levels of long series: with the rest, a page of a million bars is
below 10 MB."""
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


class Lifted:
    """Takes series out of the figures of one page, in their order, while there is room."""

    def __init__(self, packing: Packing, follows: Below | None = None) -> None:
        self._packing = packing
        self._room = ROOM
        self._known: dict[tuple[bytes, bytes], Told] = {}
        self._follows = follows
        self._following = np.empty(0) if follows is None else follows.values()

    def figure(self, figure: Any) -> tuple[dict[str, Any], list[Told]]:
        """A figure's data and layout as JSON can hold them, and its series; those are empty in the data."""
        told = figure.to_dict() if not hasattr(figure, "_data") else {"data": figure._data, "layout": figure._layout}
        series: list[Told] = []
        traces = []
        for number, drawn in enumerate(told["data"]):
            trace = dict(drawn)
            found = self._series(trace)
            if found is not None:
                series.append({"trace": number, **found})
            traces.append(self._plain(trace))
        return {"data": traces, "layout": self._plain(dict(told.get("layout", {})))}, series

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
        values = np.where(np.isfinite(y.astype(np.float64)), y.astype(np.float64), np.nan)
        trace.pop("x")
        trace.pop("y")
        if trace["type"] == "scattergl":
            trace["type"] = "scatter"  # few points are drawn at a time, and on paper they are lines
        return {"x": self._packing.times(x), "marks": marks, "texts": texts, **self._levels(x, values)}

    def _levels(self, x: NDArray[Any], values: Floats) -> Told:
        key = x.tobytes()[:64], values.tobytes()
        if key in self._known:
            return self._known[key]
        power = quantum(values)
        held = values if power is None else np.rint(values * power)
        levels = [self._level(level, power) for level in levels_of(held)]
        if len(levels) > 1 and not self._has_room(levels[0]):
            del levels[0]
        single: Told | None = None
        if self._follows is not None and np.array_equal(values, self._following, equal_nan=True):
            of = self._levels(x, self._follows.of)
            if of["single"] is not None:
                single = {"as": "below", "of": of["single"], "start": self._follows.start, "n": len(values)}
        if single is None:
            single = self._numbers(held, power)
            if levels and not self._has_room(single):
                single = None
        told = {"n": len(values), "single": single, "levels": levels, "step": None if power is None else 1.0 / power}
        self._known[key] = told
        return told

    def _has_room(self, told: Told) -> bool:
        """Take a column's bytes, or a level's, from what is left; where that is less, it is not held."""
        took = self._packing.size(told)
        if took > self._room:
            self._packing.drop(told)
            return False
        self._room -= took
        return True

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
