"""What the table of the benchmarks says of runs: their spread, which series held a bound, which rows are asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import table
from benchmarks.measure import NOISY, Check, Hold, Line, spread
from benchmarks.rows import GROWTH, LONG, MODULES, ROWS, SERIES, TIMES
from benchmarks.rows.growth import RESULT, Curve
from tests.unit.doc_pages import ROOT, stale, text_of


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([1.0, 1.0, 1.0], 0.0),
        ([4.0, 2.0, 1.0, 3.0, 5.0], (4.0 - 2.0) / 3.0),  # the second and the fourth
        ([1.0, 3.0], (2.5 - 1.5) / 2.0),
        ([1.0, 1.0, 1.0, 1.0, 9.0], 0.0),  # one slow run of five is no spread
        ([1.0, 1.0, 1.0, 9.0, 9.0], 8.0),  # two are
        ([1.0], None),
        ([], None),
    ],
)
def test_a_spread_is_the_middle_half_of_the_runs_over_their_median(runs: list[float], expected: float | None) -> None:
    assert spread(runs) == (None if expected is None else pytest.approx(expected))


def test_a_line_is_noisy_where_our_runs_or_those_beside_it_lie_apart() -> None:
    steady, loose = [1.0, 1.0 + NOISY / 2, 1.0 - NOISY / 2], [1.0, 2.0, 3.0]
    line = Line("sweep", "it", "1 s")
    told = {
        "": (),
        "8%": (steady,),
        "50% noisy": (loose,),
        "8% / 50% noisy": (steady, loose),
        "50% / 8% noisy": (loose, steady),
        "one run": ([1.0],),
        "8% / one run": (steady, [1.0]),
    }
    assert {text: replace(line, runs=runs).steadiness for text, runs in told.items()} == {text: text for text in told}
    assert table.cells(replace(line, runs=(loose,)))[table.HEAD.index("spread")] == "50% noisy"
    plain = replace(line, runs=(steady, loose)).plain()
    assert plain["noisy"] and plain["spreads"] == [pytest.approx(NOISY / 2), pytest.approx(0.5)]
    json.dumps(plain)


def held(series: int | None, measured: float) -> Line:
    return Line("engine", "a run", "", hold=Hold(measured, 10.0, "×"), series=series)


def test_a_bound_of_several_series_is_told_of_in_each_of_them() -> None:
    assert table.in_each([held(1, 11), held(2, 12), held(3, 10)]) == ["engine, a run: held in each of 3 series"]
    assert table.in_each([held(1, 11), held(2, 9), held(3, 10)]) == ["engine, a run: held in 2 of 3 series"]
    assert table.in_each([held(None, 9), Line("engine", "a run", "", series=1)]) == []


def test_series_of_one_line_stand_side_by_side_in_the_table(tmp_path: Path) -> None:
    dense = Line("dense", "served", "", note="what was counted", series=2)
    lines = [held(1, 11), held(None, 12), Line("data", "read", ""), held(2, 9), dense]
    found = table.arranged(lines)
    assert [(line.row, line.series) for line in found] == [
        ("engine", 1),
        ("engine", 2),
        ("engine", None),
        ("data", None),
        ("dense", 2),
    ]
    table.write(tmp_path / "RESULTS.md", lines, [])
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| engine | a run, series 1 |" in text and "- engine, a run: held in 1 of 2 series." in text
    assert "- dense, served, series 2: what was counted." in text


def test_what_is_held_in_each_series_is_measured_in_passes_over_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []

    class Told:
        quick = True

        def say(self, _: str) -> None:
            pass

        def begin_series(self) -> None:
            did.append("yardstick")

    def row(name: str, *found: Line | Check) -> object:
        def measured(_: object) -> Iterator[Line | Check]:
            did.append(name)
            yield from found
            if name == "data":
                raise RuntimeError("no disk")

        return measured

    check = Check("engine", "all traded", True)
    monkeypatch.setattr(
        program, "ROWS", {"engine": row("rest of engine"), "data": row("data", Line("data", "read", ""))}
    )
    monkeypatch.setattr(program, "SERIES", {"engine": row("engine", held(None, 11), check)})
    found = program.Found()
    program.measure(Told(), ["engine", "data"], found)  # type: ignore[arg-type]
    once = ["engine", "rest of engine", "data"]
    assert did == ["yardstick", *once, *["yardstick", "engine"] * (TIMES - 1)]
    assert [line.series for line in found.lines if line.row == "engine"] == list(range(1, TIMES + 1))
    assert found.checks == [check, Check("data", "the row could not be finished: no disk", False)]
    assert [line.what for line in found.lines if line.row == "data"] == ["read"], "what it did before is shown"


@pytest.mark.parametrize(
    ("words", "left_out"),
    [
        ([], {*LONG, GROWTH}),
        (["--long"], {GROWTH}),
        (["--growth"], set(LONG)),
        (["--long", "--growth"], set()),
        (["--rows", "compile,growth"], set(ROWS) - {"compile", "growth"}),
    ],
)
def test_rows_that_take_long_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, words: list[str], left_out: set[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    assert set(ROWS) - set(program._arguments().chosen) == left_out


def test_what_the_rule_names_is_measured_in_three_series() -> None:
    assert TIMES == 3 and {"engine", "sweep", "dense"} <= set(SERIES)
    assert {name for name, row in SERIES.items() if row in [getattr(one, "series", None) for one in MODULES]} == set(
        SERIES
    )


def test_a_curve_of_growth_compares_each_pace_with_the_first() -> None:
    curve = Curve("a run", "bars", "bars/s", [100, 1000], [100, 1000], [[1.0, 1.0, 1.0], [5.0, 4.0, 6.0]])
    first, second = curve.lines()
    assert (first.ratio, second.ratio) == (1.0, 2.0)
    assert second.what == "a run, bars: 1000" and second.ours == "5.00 s, 200 bars/s"
    assert [(one["seconds"], one["pace"], one["spread"]) for one in curve.plain()["points"]] == [
        (1.0, 100.0, 0.0),
        (5.0, 200.0, pytest.approx(0.2)),
    ]


def test_the_picture_of_growth_is_drawn_from_what_was_measured() -> None:
    assert stale("growth") == [], "run: make pages"
    assert "pictures/growth.svg" in text_of("performance.md")
    picture = (ROOT / "docs" / "pictures" / "growth.svg").read_text(encoding="utf-8")
    told = json.loads(RESULT.read_text(encoding="utf-8"))
    for curve in told["curves"]:
        assert f">{curve['name']}" in picture and f">{curve['unit']}" in picture
