"""Bad bars are refused, or repaired as the job says and reported; adjustment keeps a bar's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.data import load_panel
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS

HEADER = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n"


def load(folder: Path, text: str, **settings: object):
    (folder / "A.csv").write_text(text)
    return load_panel(DataSettings(**settings), {"A.csv": folder / "A.csv"})


def repaired(folder: Path, bars: str, **repair: str):
    return load(folder, HEADER + bars, repair=repair)


def test_a_refusal_says_how_to_repair(tmp_path):
    with pytest.raises(DataError, match=r'set data\.repair\.duplicates = "first" or "last"'):
        load(tmp_path, HEADER + GOOD + "2024-01-03,1,1,1,1,1\n")
    with pytest.raises(DataError, match=r'\(1 more like it\).*data\.repair\.missing = "hole"'):
        load(tmp_path, HEADER + GOOD + "2024-01-04,,1,1,1,1\n2024-01-05,,1,1,1,1\n")


def test_a_decimal_comma_is_explained(tmp_path):
    with pytest.raises(
        DataError, match=r"'1,500' in 'Open' is not a number that is sure, .* data\.decimal = \"\.\" or \",\""
    ):
        load(tmp_path, "Date;Open;High;Low;Close\n2024-01-02;1,500;2;1;2\n")
    assert load(tmp_path, "Date;Open;High;Low;Close\n2024-01-02;1,500;2;1;2\n", decimal=",").block.open[0, 0] == 1.5
    text = "Date;Open;High;Low;Close\n2024-01-02;1,500;1500;1;2\n"
    assert load(tmp_path, text, decimal=".").block.open[0, 0] == 1500.0


@pytest.mark.parametrize(("choice", "close"), [("first", 12), ("last", 7)])
def test_of_duplicates_the_first_or_the_last_is_kept(tmp_path, choice, close):
    panel = repaired(tmp_path, GOOD + "2024-01-03,7,7,7,7,7\n", duplicates=choice)
    assert panel.block.close[:, 0].tolist() == [11, close]
    assert panel.notes == (
        f"A.csv:4: A 2024-01-03: 2024-01-03 is there a second time (before: A.csv:3); the {choice} one was kept",
    )


def test_of_three_equal_stamps_one_is_kept(tmp_path):
    bars = GOOD + "2024-01-03,7,7,7,7,7\n2024-01-03,8,8,8,8,8\n"
    assert repaired(tmp_path, bars, duplicates="first").block.close[:, 0].tolist() == [11, 12]
    assert repaired(tmp_path, bars, duplicates="last").block.close[:, 0].tolist() == [11, 8]


def test_a_bad_bar_that_a_later_one_replaces_is_not_judged(tmp_path):
    panel = repaired(tmp_path, "2024-01-02,1,1,,1,1\n2024-01-02,1,1,1,1,1\n2024-01-03,1,1,1,1,1\n", duplicates="last")
    assert panel.block.close[:, 0].tolist() == [1, 1]


def test_unsorted_bars_are_sorted(tmp_path):
    bars = "2024-01-02,1,1,1,1,1\n2024-01-05,4,4,4,4,4\n2024-01-04,3,3,3,3,3\n2024-01-03,2,2,2,2,2\n"
    panel = repaired(tmp_path, bars, unsorted="sort")
    assert panel.block.close[:, 0].tolist() == [1, 2, 3, 4]
    assert [note.split(":")[1] for note in panel.notes] == ["4", "5"]


@pytest.mark.parametrize(
    ("kind", "bar", "named"),
    [
        ("missing", "2024-01-04,1,1,1,,1", "'Close' is empty"),
        ("missing", "2024-01-04,1,1,1,x,1", "'x' in 'Close' is not a number"),
        ("missing", "2024-01-04,1,-inf,1,1,1", "-inf in 'High' is not a price"),
        ("missing", "2024-01-04,1,1,1,1,", "'Volume' is empty"),
        ("negative", "2024-01-04,1,1,0,1,1", "'Low' is 0, and must be above zero"),
        ("negative", "2024-01-04,1,1,1,1,-5", "'Volume' is -5, and must be at least zero"),
        ("impossible", "2024-01-04,1,1,2,1,1", "high 1.0 is below low 2.0"),
        ("impossible", "2024-01-04,5,2,1,1,1", "open 5.0 lies outside"),
    ],
)
def test_a_bad_bar_becomes_a_hole_in_all_fields(tmp_path, kind, bar, named):
    panel = repaired(tmp_path, f"{GOOD}{bar}\n2024-01-05,1,1,1,1,1\n", **{kind: "hole"})
    assert len(panel) == 4
    for name in FIELDS:
        assert np.isnan(getattr(panel.block, name)[:, 0]).tolist() == [False, False, True, False]
    (note,) = panel.notes
    assert note.startswith("A.csv:4: A 2024-01-04: ")
    assert named in note
    assert note.endswith("the bar became a hole")


@pytest.mark.parametrize(("bar", "high", "low"), [("5,2,1,1.5", 5, 1), ("1.5,2,1,0.5", 2, 0.5), ("1.5,1,2,1.5", 2, 1)])
def test_an_impossible_bar_is_widened(tmp_path, bar, high, low):
    panel = repaired(tmp_path, f"{GOOD}2024-01-04,{bar},1\n", impossible="widen")
    assert (panel.block.high[2, 0], panel.block.low[2, 0]) == (high, low)
    assert len(panel.notes) == 1


def test_a_rounding_fault_is_no_mistake_and_leaves_no_trace(tmp_path):
    close = 11.000000000001
    panel = load(tmp_path, f"{HEADER}2024-01-02,10,11,9,{close!r},100\n")
    assert panel.block.high[0, 0] == close
    assert panel.notes == ()


def test_many_findings_are_listed_in_part_and_counted(tmp_path):
    bars = "".join(f"2024-01-{day:02},1,1,1,,1\n" for day in range(1, 31))
    panel = repaired(tmp_path, bars, missing="hole")
    assert len(panel.notes) == 21
    assert panel.notes[-1] == "A.csv: 30 missing bars in all; the bar became a hole in each case"


def test_a_volume_column_that_is_empty_throughout_is_no_volume(tmp_path):
    panel = load(tmp_path, HEADER + "2024-01-02,1,1,1,1,\n2024-01-03,1,1,1,1,\n")
    assert panel.block.volume[:, 0].tolist() == [0, 0]


ADJUSTED = (
    "Date,Open,High,Low,Close,Volume,Adj Close\n"
    "2024-01-02,100,110,90,100,10,50\n"
    "2024-01-03,100,110,90,102,10,51\n"
    "2024-01-04,50,55,45,51,20,51\n"
)


def test_prices_are_adjusted_by_the_adjusted_close(tmp_path):
    panel = load(tmp_path, ADJUSTED, adjust="adj_close")
    assert panel.block.close[:, 0].tolist() == [50, 51, 51]
    assert panel.block.open[:, 0].tolist() == [50, 50, 50]
    assert panel.block.high[:, 0].tolist() == [55, 55, 55]
    assert panel.block.volume[:, 0].tolist() == [20, 20, 20]
    assert panel.notes == ()


def test_an_unadjusted_split_is_pointed_out(tmp_path):
    (note,) = load(tmp_path, ADJUSTED).notes
    assert note.startswith("A: the close jumps where the adjusted close does not, at A.csv:4 (2024-01-04: -50.0% raw")
    assert 'data.adjust = "adj_close"' in note


def test_adjusting_needs_the_column(tmp_path):
    with pytest.raises(JobError, match=r"A\.csv has no adjusted close") as caught:
        load(tmp_path, HEADER + GOOD, adjust="adj_close")
    assert caught.value.field == "data.adjust"


def test_an_adjusted_close_matters_only_to_who_adjusts(tmp_path):
    text = ADJUSTED + "2024-01-05,50,55,45,51,20,\n"
    assert len(load(tmp_path, text)) == 4
    with pytest.raises(DataError, match=r"A\.csv:5, column 'Adj Close', symbol A"):
        load(tmp_path, text, adjust="adj_close")


PRICE = st.floats(0.01, 1e6)


@given(st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE, PRICE), min_size=1, max_size=20))
def test_adjusting_keeps_each_bars_order(tmp_path_factory, bars):
    lines = []
    for day, (a, b, c, d, adjusted_close) in enumerate(bars):
        low, first, second, high = sorted((a, b, c, d))
        date = np.datetime64("2024-01-01") + day
        lines.append(f"{date},{first!r},{high!r},{low!r},{second!r},1,{adjusted_close!r}\n")
    folder = tmp_path_factory.mktemp("adjust")
    panel = load(folder, "Date,Open,High,Low,Close,Volume,Adj Close\n" + "".join(lines), adjust="adj_close")
    block = panel.block
    assert (block.low <= block.open).all()
    assert (block.open <= block.close).all()
    assert (block.close <= block.high).all()


# --- what only looks wrong ------------------------------------------------------------------------------------------


def walk(rows=200, seed=1):
    return (100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, rows)))).round(2)


def lines(closes, volumes=None):
    days = np.datetime64("2024-01-01") + np.arange(len(closes))
    volumes = np.full(len(closes), 7) if volumes is None else volumes
    return "".join(
        f"{d},{c},{c},{c},{c},{v}\n" for d, c, v in zip(days, closes.tolist(), volumes.tolist(), strict=True)
    )


def test_a_wrong_tick_becomes_a_hole_and_nothing_else_does(tmp_path):
    closes = walk()
    closes[50] *= 10.0
    closes[120] /= 3.0
    panel = repaired(tmp_path, lines(closes), outliers="hole")
    assert np.flatnonzero(np.isnan(panel.block.close[:, 0])).tolist() == [50, 120]
    assert [note.split(":")[1] for note in panel.notes] == ["52", "122"]
    assert "is far from those around it; the bar became a hole" in panel.notes[0]
    with pytest.raises(DataError, match=r"A\.csv:52, .*far from those around it \(1 more like it\)"):
        repaired(tmp_path, lines(closes), outliers="refuse")
    assert not np.isnan(repaired(tmp_path, lines(closes)).block.close).any()


def test_a_crash_a_split_and_a_standstill_are_no_outliers(tmp_path):
    closes = walk()
    closes[60:] *= 0.5
    closes[100:130] = closes[100]
    closes[150:] *= 2.0
    (told,) = repaired(tmp_path, lines(closes), outliers="refuse").notes
    assert "the close jumps as at a split" in told


def test_how_far_is_an_outlier_is_a_setting(tmp_path):
    closes = walk()
    closes[50] *= 1.08
    assert repaired(tmp_path, lines(closes), outliers="refuse").notes == ()
    panel = repaired(tmp_path, lines(closes), outliers="hole", outlier_z=4.0)
    assert 50 in np.flatnonzero(np.isnan(panel.block.close[:, 0]))


def test_bars_without_volume_become_holes_where_there_are_volumes(tmp_path):
    volumes = np.full(20, 5)
    volumes[[3, 9]] = 0
    panel = repaired(tmp_path, lines(walk(20), volumes), zero_volume="hole")
    assert np.flatnonzero(np.isnan(panel.block.close[:, 0])).tolist() == [3, 9]
    with pytest.raises(DataError, match=r"A\.csv:5, .*nothing was traded"):
        repaired(tmp_path, lines(walk(20), volumes), zero_volume="refuse")
    assert repaired(tmp_path, lines(walk(20), np.zeros(20)), zero_volume="refuse").notes == ()


def with_holes(folder, **settings):
    both = {}
    for symbol, missing in (("A", (0, 4, 5, 9)), ("B", (2,))):
        text = lines(np.arange(10.0) + 10 * (symbol == "B") + 1).splitlines(keepends=True)
        both[f"{symbol}.csv"] = folder / f"{symbol}.csv"
        kept = [line for row, line in enumerate(text) if row not in missing]
        both[f"{symbol}.csv"].write_text("date,open,high,low,close,volume\n" + "".join(kept))
    return load_panel(DataSettings(**settings), both)


def test_holes_are_left_dropped_or_carried(tmp_path):
    left = with_holes(tmp_path)
    assert np.argwhere(np.isnan(left.block.close)).tolist() == [[0, 0], [2, 1], [4, 0], [5, 0], [9, 0]]
    dropped = with_holes(tmp_path, holes="drop")
    assert dropped.block.end.tolist() == left.block.end[[0, 1, 3, 6, 7, 8, 9]].tolist()
    assert dropped.notes == ("3 rows with a hole were dropped",)
    carried = with_holes(tmp_path, holes="carry", columns="carried")
    assert carried.notes == ("3 holes were filled with the last close",)
    assert carried.block.close[:, 0].tolist()[1:9] == [2.0, 3.0, 4.0, 4.0, 4.0, 7.0, 8.0, 9.0]
    assert np.isnan(carried.block.close[[0, 9], 0]).all()
    for name in ("open", "high", "low"):
        assert getattr(carried.block, name)[[4, 5], 0].tolist() == [4.0, 4.0]
    assert carried.block.volume[[4, 5], 0].tolist() == [0.0, 0.0]
    assert np.argwhere(carried.block.extra["carried"] == 1.0).tolist() == [[2, 1], [4, 0], [5, 0]]
    assert with_holes(tmp_path, holes="carry").layout.columns == ()


def test_warm_up_rows_that_are_dropped_are_not_counted(tmp_path):
    panel = with_holes(tmp_path, holes="drop", start="2024-01-07")
    assert (panel.layout.rows, panel.layout.warmup) == (7, 3)
    assert str(panel.block.session[panel.layout.warmup].astype("M8[D]")) == "2024-01-07"


BERLIN = {"timezone": "Europe/Berlin"}


def hours(*stamps: str) -> str:
    return HEADER + "".join(f"{stamp},10,30,9,{11 + number},100\n" for number, stamp in enumerate(stamps))


def ends_of(panel) -> list[str]:
    return [str(end)[:16] for end in (panel.block.end).astype("M8[ns]")]


REPEATED = tuple(f"2023-10-29 0{hour}:00" for hour in (0, 1, 2, 2, 3, 4))
SKIPPED = ("2024-03-31 00:00", "2024-03-31 01:00", "2024-03-31 02:00", "2024-03-31 04:00")


def test_hours_that_the_clock_repeats_are_told_apart_by_their_order(tmp_path):
    shifted = load(tmp_path, hours(*REPEATED), **BERLIN, repair={"clock": "shift"})
    assert ends_of(shifted)[1:] == [f"2023-10-29T0{hour}:00" for hour in range(5)]
    assert [note for note in shifted.notes if "taken for the nearest one" in note] == list(shifted.notes)
    assert len(shifted.notes) == 2
    assert shifted.notes[0].startswith("A.csv:4: A 2023-10-29 00:00")
    dropped = load(tmp_path, hours(*REPEATED), **BERLIN, repair={"clock": "drop"})
    assert ends_of(dropped)[1:] == ["2023-10-29T00:00", "2023-10-29T03:00", "2023-10-29T04:00"]
    with pytest.raises(DataError, match=r"A\.csv:4, .* is not one instant in Europe/Berlin.*clock = \"shift\""):
        load(tmp_path, hours(*REPEATED), **BERLIN)


def test_half_hours_that_the_clock_repeats_are_told_apart_as_well(tmp_path):
    stamps = [f"2023-10-29 {clock}" for clock in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")]
    panel = load(tmp_path, hours(*stamps), **BERLIN, repair={"clock": "shift"})
    assert ends_of(panel) == [f"2023-10-29T{clock}" for clock in ("00:00", "00:30", "01:00", "01:30", "02:00", "02:30")]


def test_an_hour_that_the_clock_skips_is_the_first_after_it(tmp_path):
    panel = load(tmp_path, hours(*SKIPPED), **BERLIN, repair={"clock": "shift"})
    assert ends_of(panel) == ["2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T02:00", "2024-03-31T03:00"]
    dropped = load(tmp_path, hours(*SKIPPED), **BERLIN, repair={"clock": "drop"})
    assert ends_of(dropped) == ["2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T03:00"]


def test_bars_of_a_shorter_interval_are_kept_refused_or_left_out(tmp_path):
    stamps = [
        f"2024-01-02 {clock}" for clock in ("09:00", "10:00", "10:20", "10:40", "11:00", "12:00", "13:00", "14:00")
    ]
    assert len(load(tmp_path, hours(*stamps))) == 8
    panel = load(tmp_path, hours(*stamps), repair={"intervals": "drop"})
    assert ends_of(panel) == [f"2024-01-02T{clock}" for clock in ("10:00", "11:00", "12:00", "13:00", "14:00", "15:00")]
    assert panel.notes[0].startswith("A.csv:4: A 2024-01-02 10:20: 2024-01-02 10:20 comes 20 minutes after the bar")
    assert len(panel.notes) == 2
    with pytest.raises(DataError, match=r"A\.csv:4, .*comes 20 minutes after .* are 1 hour.*intervals = \"drop\""):
        load(tmp_path, hours(*stamps), repair={"intervals": "refuse"})


def test_months_are_of_one_interval_and_a_week_among_them_is_not(tmp_path):
    ends = ("07-31", "08-31", "09-30", "10-31", "11-30", "12-31")
    stamps = (*(f"2023-{end}" for end in ends), "2024-01-31", "2024-02-29", "2024-03-07", "2024-03-31", "2024-04-30")
    panel = load(tmp_path, hours(*stamps), repair={"intervals": "drop"})
    assert len(panel) == 10


def test_bars_of_the_future_are_refused_or_left_out(tmp_path):
    text = HEADER + GOOD + "2924-01-03,11,13,10,12,200\n".replace("2924", "2199")
    with pytest.raises(DataError, match=r"A\.csv:4, .* 2199-01-03 is in the future.*future = \"drop\""):
        load(tmp_path, text)
    panel = load(tmp_path, text, repair={"future": "drop"})
    assert len(panel) == 2
    assert "2199-01-03 is in the future; it was left out" in panel.notes[0]
    assert len(load(tmp_path, text, repair={"future": "keep"})) == 3
    with pytest.raises(DataError, match=r"A\.csv:3, .* 2199-01-02 10:00 is in the future"):
        load(tmp_path, hours("2024-01-02 10:00", "2199-01-02 10:00", "2199-01-02 11:00"))
