"""CSV files are read fast and exactly, and each mistake is one error that says where it is."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backbus.data import load_panel, resolve_files
from backbus.errors import BackbusError, DataError, JobError
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS
from backbus.market.timeframes import DAY_NS

HEADER = "Date,Open,High,Low,Close,Volume\n"
BARS = "2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n2024-01-04,12,14,11,13,300\n"


def load(folder: Path, texts: dict[str, str | bytes], **settings: object):
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_panel(DataSettings(**settings), {name: folder / name for name in texts})


def refusal(folder: Path, texts: dict[str, str | bytes], **settings: object) -> str:
    with pytest.raises(BackbusError) as caught:
        load(folder, texts, **settings)
    message = str(caught.value)
    assert str(folder) not in message
    return message


@pytest.mark.parametrize("end", ["\n", "\r\n\r\n", ""])
def test_sentences_below_the_bars_are_left_out_with_a_note(tmp_path, end):
    footer = 'Data provided by X\n"Downloaded from Y as of 01-05-2024, 4:12am"' + end
    plain = load(tmp_path, {"A.csv": HEADER + BARS})
    panel = load(tmp_path, {"A.csv": HEADER + BARS + "\n" + footer})
    assert panel.notes == (
        "A.csv:6: 'Data provided by X' is no bar, and was left out",
        "A.csv:7: 'Downloaded from Y as of 01-05-2024, 4:12am' is no bar, and was left out",
    )
    for name in ("end", *FIELDS):
        np.testing.assert_array_equal(getattr(panel.block, name), getattr(plain.block, name))
    newest_first = HEADER + "".join(reversed(BARS.splitlines(keepends=True)))
    wrong = newest_first.replace("13,10,12", "9,10,12") + footer
    assert refusal(tmp_path, {"A.csv": wrong}).startswith("A.csv:3, symbol A: high 9.0 is below low 10.0")
    stacked = "Price,Open,High,Low,Close\nTicker,B,B,B,B\nDate,,,,\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1\n"
    assert len(load(tmp_path, {"B.csv": stacked + footer}).notes) == 2


def test_one_file_is_one_asset_named_after_it(tmp_path):
    panel = load(tmp_path, {"ABC.csv": HEADER + BARS})
    assert panel.symbols == ("ABC",)
    assert (panel.layout.rows, panel.layout.warmup, panel.layout.interval_ns) == (3, 0, DAY_NS)
    assert panel.block.close.tolist() == [[11.0], [12.0], [13.0]]
    assert panel.block.volume.tolist() == [[100.0], [200.0], [300.0]]
    assert panel.notes == ()


def test_the_name_counts_wherever_the_bytes_lie(tmp_path):
    (tmp_path / "b1946ac9").write_text(HEADER + BARS)
    assert load_panel(DataSettings(), {"data/ABC.csv": tmp_path / "b1946ac9"}).symbols == ("ABC",)


def test_arrays_are_read_only_contiguous_float64(tmp_path):
    panel = load(tmp_path, {"A.csv": HEADER + BARS, "B.csv": HEADER + BARS})
    for name in FIELDS:
        field = getattr(panel.block, name)
        assert field.dtype == np.float64
        assert field.shape == (3, 2)
        assert field.flags.c_contiguous
        assert not field.flags.writeable
    assert not panel.block.end.flags.writeable
    assert not panel.block.session.flags.writeable


def test_rows_are_the_union_of_all_bars_and_absent_bars_are_holes(tmp_path):
    other = HEADER + "2024-01-03,1,1,1,1,1\n2024-01-04,2,2,2,2,2\n2024-01-05,3,3,3,3,3\n"
    panel = load(tmp_path, {"B.csv": HEADER + BARS, "A.csv": other})
    assert panel.symbols == ("A", "B")
    np.testing.assert_array_equal(panel.block.close[:, 0], [np.nan, 1, 2, 3])
    np.testing.assert_array_equal(panel.block.close[:, 1], [11, 12, 13, np.nan])
    assert all(np.isnan(getattr(panel.block, name)[0, 0]) for name in FIELDS)


def test_a_long_file_holds_many_assets(tmp_path):
    text = "ticker;day;o;h;l;c;v\n" + "".join(
        f"{symbol};{day};1;2;0.5;{close};5\n"
        for day, close in (("2024-01-02", 1.5), ("2024-01-03", 1.25))
        for symbol in ("ZZ", "AA")
    )
    panel = load(tmp_path, {"all.csv": text})
    assert panel.symbols == ("AA", "ZZ")
    assert panel.block.close.tolist() == [[1.5, 1.5], [1.25, 1.25]]


def test_an_asset_may_be_spread_over_files(tmp_path):
    head = "symbol," + HEADER
    panel = load(
        tmp_path,
        {
            "2024.csv": head + "X,2024-01-02,1,1,1,1,1\n",
            "2023.csv": head + "X,2023-12-29,2,2,2,2,2\nX,2023-12-30,2,2,2,2,2\n",
        },
    )
    assert panel.block.close[:, 0].tolist() == [2, 2, 1]


@pytest.mark.parametrize(
    "header",
    [
        "date,open,high,low,close,volume",
        "DATETIME,O,H,L,C,V",
        "Timestamp,Open Price,HIGH,low,Last,Vol.",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
        "Trade_Date,open,high,low,close,volume",
        ",Open,High,Low,Close,Volume",
        '"Date","Open","High","Low","Close","Volume"',
        " Date , Open , High , Low , Close , Volume ",
    ],
)
def test_headers_have_their_usual_spellings(tmp_path, header):
    panel = load(tmp_path, {"A.csv": header + "\n" + BARS})
    assert panel.block.open[:, 0].tolist() == [10, 11, 12]
    assert panel.block.volume[:, 0].tolist() == [100, 200, 300]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_separator_line_ending_and_byte_order_mark_do_not_matter(tmp_path, separator, ending):
    text = (HEADER + BARS).replace(",", separator).replace("\n", ending)
    panel = load(tmp_path, {"A.csv": b"\xef\xbb\xbf" + text.encode()})
    assert panel.block.close[:, 0].tolist() == [11, 12, 13]


def test_columns_may_stand_in_any_order_among_others(tmp_path):
    text = "note,Close,Low,High,Open,Date\nx,11,9,12,10,2024-01-02\ny,12,10,13,11,2024-01-03\n"
    panel = load(tmp_path, {"A.csv": text})
    assert panel.block.open[:, 0].tolist() == [10, 11]
    assert panel.block.volume[:, 0].tolist() == [0, 0]


def test_a_company_name_beside_a_ticker_is_not_the_symbol(tmp_path):
    panel = load(tmp_path, {"x.csv": "Ticker,Name," + HEADER + "A,Acme,2024-01-02,1,1,1,1,1\n"})
    assert panel.symbols == ("A",)


def test_symbols_are_selected_and_ordered(tmp_path):
    texts = {f"{name}.csv": HEADER + BARS.replace("13\n", "13\n") for name in "ABC"}
    assert load(tmp_path, texts, symbols=("C", "A")).symbols == ("C", "A")


def test_files_that_are_not_selected_are_not_judged(tmp_path):
    panel = load(tmp_path, {"A.csv": HEADER + BARS, "B.csv": HEADER + "nonsense,,,,,\n"}, symbols="A")
    assert panel.symbols == ("A",)


def test_an_unknown_symbol_is_an_error_with_near_matches(tmp_path):
    with pytest.raises(JobError, match=r"no 'appl'.*AAPL") as caught:
        load(tmp_path, {"AAPL.csv": HEADER + BARS, "IBM.csv": HEADER + BARS}, symbols="appl")
    assert caught.value.field == "data.symbols"


MISTAKES = {
    "empty": (b"", "is empty"),
    "blank": (b"\n\n  \n", "is empty"),
    "header only": (HEADER, "header and no bars"),
    "binary": (bytes(range(256)) * 8, "binary data"),
    "binary later": (HEADER.encode() + BARS.encode() + b"2024-01-05,1\0,1,1,1,1\n", "A.csv:5: is binary data"),
    "utf-16": ((HEADER + BARS).encode("utf-16"), "UTF-16"),
    "not utf-8 header": (b"Date,Open,High,Low,Close,\xff\n", "A.csv:1: is not UTF-8"),
    "not utf-8": (
        b"symbol," + HEADER.encode() + b"A,2024-01-02,1,1,1,1,1\n\xff\xfe,2024-01-02,1,1,1,1,1\n",
        "A.csv:3, column 'symbol': is not UTF-8",
    ),
    "parted by blanks": (
        (HEADER + BARS).replace(",", " "),
        "A.csv:1: no column for date: the line is one field, 'Date Open High Low Close Volume'; write the file anew",
    ),
    "a line of totals": (
        HEADER + BARS + "Total,,,,,600\n",
        "A.csv:5, column 'Date': 'Total' cannot be read as a date like '2024-01-02'; where the line is no bar, take it",
    ),
    "a title alone": ("Prices of A\n" * 9, "A.csv:1: no column for date: the line is one field, 'Prices of A'; write"),
    "a footer": (HEADER + BARS + "Source: me\n", "A.csv:5: 1 field where the header has 6; mend the line, or take it"),
    "too few fields": (HEADER + BARS + "2024-01-05,1,2\n", "A.csv:5: 3 fields where the header has 6"),
    "too many fields": (HEADER + "2024-01-05,1,1,1,1,1,1\n" + BARS, "A.csv:2: 7 fields where the header has 6"),
    "ragged after blank lines": (HEADER + "\n\n" + BARS + "x\n", "A.csv:7: 1 field where the header has 6"),
    "unreadable": (HEADER + BARS + "2024-01-05,1,abc,1,1,1\n", "A.csv:5, column 'High', symbol A: 'abc'"),
    "missing": (HEADER + BARS + "2024-01-05,1,1,,1,1\n", "A.csv:5, column 'Low', symbol A: 'Low' is empty"),
    "not finite": (HEADER + BARS + "2024-01-05,1,inf,1,1,1\n", "A.csv:5, column 'High', symbol A: inf"),
    "zero": (HEADER + BARS + "2024-01-05,0,1,1,1,1\n", "A.csv:5, column 'Open', symbol A: 'Open' is 0"),
    "negative volume": (HEADER + BARS + "2024-01-05,1,1,1,1,-1\n", "A.csv:5, column 'Volume'"),
    "high below low": (HEADER + BARS + "2024-01-05,1,1,2,1,1\n", "A.csv:5, symbol A: high 1.0 is below low 2.0"),
    "close outside": (HEADER + BARS + "2024-01-05,1,2,1,3,1\n", "A.csv:5, symbol A: close 3.0 lies outside"),
    "unsorted": (HEADER + BARS + "2024-01-01,1,1,1,1,1\n", "A.csv:5, symbol A: 2024-01-01 comes after 2024-01-04"),
    "duplicate": (HEADER + BARS + "2024-01-04,1,1,1,1,1\n", "A.csv:5, symbol A: 2024-01-04 is there a second time"),
    "no close": ("Date,Open,High,Low,Volume\n" + BARS, "A.csv:1: no column for close (found: 'Date', 'Open'"),
    "no names": (BARS, "A.csv:1: no column for date, open, high, low, close"),
    "twice": ("Date,Open,High,Low,Close,close\n" + BARS, "'Close' and 'close' are both a close column"),
    "no symbol": (
        "symbol," + HEADER + "A,2024-01-02,1,1,1,1,1\n ,2024-01-02,1,1,1,1,1\n",
        "A.csv:3: this row names no",
    ),
    "no date": (HEADER + BARS + ",1,1,1,1,1\n", "A.csv:5, column 'Date': there is no date"),
    "first without date": (HEADER + ",1,1,1,1,1\n" + BARS, "A.csv:2, column 'Date': there is no date"),
    "unreadable date": (HEADER + BARS + "tomorrow,1,1,1,1,1\n", "A.csv:5, column 'Date': 'tomorrow' cannot be read"),
    "impossible date": (HEADER + BARS + "2024-02-30,1,1,1,1,1\n", "A.csv:5, column 'Date': '2024-02-30'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_error_that_says_where(tmp_path, mistake):
    text, expected = MISTAKES[mistake]
    message = refusal(tmp_path, {"A.csv": text})
    assert message.startswith("A.csv")
    assert expected in message
    assert "\n" not in message


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv: no such file"):
        load_panel(DataSettings(), {"gone.csv": tmp_path / "gone.csv"})


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    message = refusal(tmp_path, {"A.csv": "\n" + HEADER + "\n" + BARS + "\r\n\n2024-01-05,1,1,?,1,1\n"})
    assert message.startswith("A.csv:9, column 'Low'")


def test_files_are_found_relative_to_the_job_in_sorted_order(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("b.csv", "a.csv", "x.txt"):
        (tmp_path / "data" / name).write_text("x")
    found = resolve_files(DataSettings(files=("data/*.csv", "data/a.csv")), tmp_path)
    assert found == {"data/a.csv": tmp_path / "data/a.csv", "data/b.csv": tmp_path / "data/b.csv"}
    assert list(found) == sorted(found)


def test_an_absolute_path_and_a_name_with_brackets_are_taken_as_they_are(tmp_path):
    path = tmp_path / "a[1].csv"
    path.write_text("x")
    assert list(resolve_files(DataSettings(files=str(path)), Path("/")).values()) == [path]
    assert list(resolve_files(DataSettings(files="a[[]1].csv"), tmp_path).values()) == [path]


@pytest.mark.parametrize(
    ("files", "expected"),
    [((), "names no file"), ("*.csv", "matches no file"), ("a.csv", "there is no file"), (".", "is a folder")],
)
def test_files_that_are_not_there_name_the_setting(tmp_path, files, expected):
    with pytest.raises(JobError, match=expected) as caught:
        resolve_files(DataSettings(files=files), tmp_path)
    assert caught.value.field == "data.files"


def test_real_prices_load_adjusted_without_any_repair(sample_data):
    settings = DataSettings(files="*.csv", adjust="adj_close", calendar="XNYS")
    panel = load_panel(settings, resolve_files(settings, sample_data))
    assert panel.symbols == ("AAPL", "GOOG", "IBM", "MSFT")
    assert len(panel) == 3270
    assert panel.notes == ()
    assert np.isnan(panel.block.close[0, 1])
    assert (panel.block.high >= panel.block.close)[~np.isnan(panel.block.close)].all()


def test_numbers_are_those_that_pandas_reads(sample_data):
    import pandas as pd

    settings = DataSettings(files="*.csv")
    panel = load_panel(settings, resolve_files(settings, sample_data))
    for asset, symbol in enumerate(panel.symbols):
        frame = pd.read_csv(sample_data / f"{symbol}.csv", parse_dates=["Date"])
        traded = ~np.isnan(panel.block.close[:, asset])
        for name in FIELDS:
            mine = getattr(panel.block, name)[traded, asset]
            assert mine.tobytes() == frame[name.capitalize()].to_numpy(dtype=np.float64).tobytes()
        days = frame["Date"].to_numpy().astype("M8[D]").astype(np.int64)
        np.testing.assert_array_equal(panel.block.session[traded], days)


def test_a_number_is_the_same_whichever_way_it_is_read(tmp_path):
    values = np.random.default_rng(7).uniform(1, 2, 200)
    bars = [f"{np.datetime64('2024-01-01') + i},{v!r},{v!r},{v!r},{v!r},1\n" for i, v in enumerate(values.tolist())]
    fast = load(tmp_path, {"A.csv": HEADER + "".join(bars)})
    slow = load(tmp_path, {"A.csv": HEADER + "".join(bars) + "2025-01-01,?,1,1,1,1\n"}, repair={"missing": "hole"})
    assert fast.block.close[:, 0].tobytes() == values.tobytes() == slow.block.close[:200, 0].tobytes()


def test_sample_data_is_written_twice_to_the_same_bytes_and_leaves_nothing_else(sample_data):
    before = {path.name: path.read_bytes() for path in sample_data.glob("*.csv")}
    script = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "sample_data.py"))
    script["write_samples"](sample_data)
    assert {path.name: path.read_bytes() for path in sample_data.glob("*.csv")} == before
    assert sorted(before) == ["AAPL.csv", "GOOG.csv", "IBM.csv", "MSFT.csv"]
    assert before["AAPL.csv"].startswith(b"Date,Open,High,Low,Close,Volume,Adj Close\n2000-03-01,")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(HEADER + BARS)
    path.chmod(0)
    with pytest.raises(DataError, match="cannot be read"):
        load_panel(DataSettings(), {"A.csv": path})


CELL = st.sampled_from(
    [
        "",
        " ",
        "1",
        "-1",
        "1e999",
        "nan",
        "inf",
        "1_0",
        '"',
        '"1',
        "2024-01-02",
        "20240102",
        "1/2/2024",
        "x",
        "\u2028",
        "0",
        "2024-01-02 09:30",
        "2024-01-02T09:30Z",
        "9999-12-31",
        "99999999999999999999",
        "\x00",
        "é",
        "1704067200",
    ]
)


@pytest.mark.slow
@settings(max_examples=300)
@given(
    st.lists(st.lists(CELL, min_size=5, max_size=7).map(",".join), max_size=6), st.sampled_from(["\n", "\r\n", "\r"])
)
@example(["2024-01-02,1,1,1,1,1"], "\r")
def test_whatever_is_in_a_file_it_is_a_panel_or_one_of_our_errors(tmp_path_factory, lines, ending):
    path = tmp_path_factory.mktemp("fuzz") / "A.csv"
    path.write_bytes(ending.join([HEADER.strip(), *lines]).encode())
    for repair in ({}, {"duplicates": "last", "unsorted": "sort", "missing": "hole", "negative": "hole"}):
        try:
            panel = load_panel(DataSettings(repair=repair), {"A.csv": path})
        except BackbusError:
            continue
        assert 1 <= len(panel) <= len(lines)
        assert (np.diff(panel.block.end) > 0).all()


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_one_of_our_errors(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    for content in (data, HEADER.encode() + data):
        (folder / "A.csv").write_bytes(content)
        with pytest.raises(BackbusError):
            load_panel(DataSettings(), {"A.csv": folder / "A.csv"})


def test_a_line_without_an_end_is_no_line_of_prices(tmp_path):
    long = "1" * (2 << 20)
    assert "A.csv:1: is longer than 1 MiB, and no line of prices" in refusal(tmp_path, {"A.csv": long})
    assert "A.csv:3: is longer than 1 MiB" in refusal(tmp_path, {"A.csv": HEADER + BARS[:26] + long + "\n" + BARS})
