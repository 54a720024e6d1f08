"""What a page holds of columns and long series: nothing is lost on the way, and no extreme at any scale."""

from __future__ import annotations

import base64
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.report.levels import FACTOR, FEWEST, FIRST, levels_of
from backbus.report.packing import Packing, Told, quantum

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def bytes_of(packing: Packing, name: str) -> bytes:
    return zlib.decompress(base64.b64decode(dict(packing.blobs())[name]))


def unpacked(packing: Packing, told: Told) -> Numbers:
    """What the script makes of a column, in Python."""
    raw = np.frombuffer(bytes_of(packing, told["id"]), np.uint8)
    count = told["n"]
    if told["as"] == "float":
        return np.ascontiguousarray(raw.reshape(8, count).T).view(np.float64).reshape(-1)
    zigzag = sum(
        raw[place * count : (place + 1) * count].astype(np.uint64) << (8 * place) for place in range(told["w"])
    )
    zigzag = np.asarray(zigzag, np.uint64)
    apart = (zigzag >> np.uint64(1)).astype(np.int64) ^ -((zigzag & np.uint64(1)).astype(np.int64))
    found = (np.cumsum(apart) if told["steps"] else apart).astype(np.float64)
    over = told.get("over", 1.0)
    found = found / over if over >= 1.0 else found * round(1.0 / over)
    found = found * told.get("times", 1.0)
    if "none" in told:
        bits = np.unpackbits(np.frombuffer(bytes_of(packing, told["none"]), np.uint8), bitorder="little")
        found[bits[:count] == 1] = np.nan
    return found


floats = st.floats(-1e9, 1e9) | st.just(float("nan")) | st.integers(-10_000, 10_000).map(lambda cents: cents / 100.0)


@given(st.lists(floats, max_size=300).map(np.array))
def test_numbers_come_out_as_they_went_in_to_the_last_bit(values: Numbers) -> None:
    values = values.astype(np.float64)
    with Packing() as packing:
        found = unpacked(packing, packing.exact(values))
    np.testing.assert_array_equal(found, values)


def test_prices_of_cents_take_a_byte_and_not_eight() -> None:
    price = np.round(100.0 + np.cumsum(np.random.default_rng(1).normal(0.0, 0.2, 10_000)), 2)
    with Packing() as packing:
        told = packing.exact(price)
        assert told["as"] == "whole" and packing.size(told) < 12_000


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=50).map(lambda each: np.array(each, np.int64)))
def test_whole_numbers_of_any_size_are_exact(values: Any) -> None:
    with Packing() as packing:
        told = packing.counts(values)
        if told["as"] == "whole":
            np.testing.assert_array_equal(unpacked(packing, told).astype(np.int64), values)
            return
        high, low = (unpacked(packing, told[half]).astype(np.int64) for half in ("high", "low"))
    np.testing.assert_array_equal((high << 31) + low, values)


def test_times_are_milliseconds_to_the_microsecond() -> None:
    times = np.array(["2020-01-02T10:00", "2020-01-02T10:00:00.000001999", "NaT"], "M8[ns]")
    with Packing() as packing:
        found = unpacked(packing, packing.times(times))
    assert found[0] == 1577959200000.0 and found[1] == 1577959200000.001 and np.isnan(found[2])


def test_equal_columns_are_held_once_and_go_only_when_nobody_needs_them() -> None:
    values = np.arange(100.0)
    with Packing() as packing:
        first, second = packing.exact(values), packing.exact(values.copy())
        assert first["id"] == second["id"] and len(dict(packing.blobs())) == 1
        packing.drop(second)
        assert len(dict(packing.blobs())) == 1
        packing.drop(first)
        assert not dict(packing.blobs())


# --- levels -----------------------------------------------------------------------------------------------------------


@st.composite
def long_series(draw: st.DrawFn) -> Numbers:
    """Random walks and constants, with stretches that are no numbers."""
    count, seed = draw(st.integers(FEWEST + 1, 9000)), draw(st.integers(0, 2**32))
    dice = np.random.default_rng(seed)
    values = np.cumsum(dice.normal(size=count)) if draw(st.booleans()) else dice.integers(0, 3, count).astype(float)
    for _ in range(draw(st.integers(0, 3))):
        begin = int(dice.integers(0, count))
        values[begin : begin + int(dice.integers(1, 200))] = np.nan
    return np.asarray(values, np.float64)


@given(long_series(), st.data())
def test_no_level_loses_an_extreme_or_a_first_or_a_last(values: Numbers, data: st.DataObject) -> None:
    levels = levels_of(values)
    assert levels and levels[0].span == FIRST and len(levels[-1].first) <= FEWEST
    assert all(above.span == below.span * FACTOR for below, above in pairwise(levels))
    for level in levels:
        assert len(level.first) == -(-len(values) // level.span)
        begin = data.draw(st.integers(0, len(level.first) - 1))
        end = data.draw(st.integers(begin, len(level.first) - 1))
        part = values[begin * level.span : (end + 1) * level.span]
        there = part[~np.isnan(part)]
        if not len(there):
            assert np.isnan(level.low[begin : end + 1]).all() and np.isnan(level.first[begin : end + 1]).all()
            continue
        assert np.nanmin(level.low[begin : end + 1]) == there.min()
        assert np.nanmax(level.high[begin : end + 1]) == there.max()
        firsts, lasts = level.first[begin : end + 1], level.last[begin : end + 1]
        assert firsts[~np.isnan(firsts)][0] == there[0] and lasts[~np.isnan(lasts)][-1] == there[-1]
        some = ~np.isnan(level.low)
        each = np.flatnonzero(some) * level.span
        np.testing.assert_array_equal(values[each + level.at_low[some]], level.low[some])
        np.testing.assert_array_equal(values[each + level.at_high[some]], level.high[some])


def test_a_short_series_has_no_levels() -> None:
    assert levels_of(np.arange(float(FEWEST))) == []


@pytest.mark.parametrize(
    ("values", "over"),
    [
        (np.array([1.25, 3.5, np.nan]), 100.0),  # as they are
        (np.array([0.0, 1e-9, 3e-9, 1 / 3]), None),  # cut finer than its least usual step
        (np.full(10, 1 / 3), None),  # nothing says how fine
    ],
)
def test_how_fine_a_figure_is_held(values: Numbers, over: float | None) -> None:
    found = quantum(values)
    if over is not None:
        assert found == over
    elif found is not None:
        apart = np.abs(np.diff(values))
        assert np.abs(np.rint(values * found) / found - values).max() <= np.median(apart[apart > 0]) / 50


@given(long_series())
def test_rounding_keeps_what_is_least_and_greatest(values: Numbers) -> None:
    power = quantum(values / 7.0)
    there = values[~np.isnan(values)] / 7.0
    if power is None or not len(there):
        return
    held = np.rint(there * power)
    assert held[there.argmin()] == held.min() and held[there.argmax()] == held.max()


# --- what is taken out of figures -------------------------------------------------------------------------------------


def lifted(trace: Any) -> tuple[dict[str, Any], list[Told]]:
    import plotly.graph_objects as go

    from backbus.report.series import Lifted

    with Packing() as packing:
        all_ = Lifted(packing)
        spec, series = all_.figure(go.Figure(trace))
        all_.settle()
    return spec["data"][0], series


DAYS = np.datetime64("2020-01-01", "ns") + np.arange(600) * np.timedelta64(1, "D")


def test_a_line_over_time_is_taken_out_of_its_figure_and_its_dots_with_it() -> None:
    import plotly.graph_objects as go

    sizes = np.where(np.arange(600) == 7, 6, 0)
    trace, (series,) = lifted(go.Scatter(x=DAYS, y=np.arange(600.0), mode="lines+markers", marker={"size": sizes}))
    assert "x" not in trace and "y" not in trace and trace["marker"] == {"size": 0}
    assert series["n"] == 600 and not series["marks"] and series["single"]["n"] == 600
    assert series["texts"]["size"]["n"] == 600


def test_marks_that_each_look_their_own_way_stay_in_the_figure_with_their_texts() -> None:
    import plotly.graph_objects as go

    colours = np.arange(600.0)
    trace, series = lifted(
        go.Scatter(x=DAYS, y=colours, mode="markers", marker={"color": colours}, text=[f"day {one}" for one in DAYS])
    )
    assert not series and trace["x"]["column"]["n"] == trace["text"]["column"]["n"] == 600


@pytest.mark.parametrize(("above", "left"), [(None, 30), (100, 60), (40, 30)])
def test_what_stands_above_a_figure_besides_its_title_keeps_its_room(above: int | None, left: int) -> None:
    import plotly.graph_objects as go

    from backbus.figures.style import dress
    from backbus.report.drawing import drawn_figure
    from backbus.report.series import Lifted

    figure = dress(go.Figure(go.Bar(x=["a"], y=[1.0])), "A title that stands in the page", height=400)
    if above is not None:
        figure.update_layout(margin={"t": above})
    with Packing() as packing:
        told = drawn_figure("one", "what it means", figure, Lifted(packing))
    assert told["title"] == "A title that stands in the page"
    assert told["spec"]["layout"]["margin"]["t"] == left
    assert told["height"] == 400 - (56 if above is None else above) + left
