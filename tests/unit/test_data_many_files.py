"""Many files, some of them broken: what is needed and cannot be read is named at once, what is not needed is left."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from backbus.data import Catalog, load_panel, resolve_files
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job

GOOD = "Date,Open,High,Low,Close,Volume\n2024-01-02,10,11,9,10.5,1000\n2024-01-03,10.5,11,10,10.8,1200\n"


def folder_of(tmp_path: Path) -> dict[str, Path]:
    texts = {
        "ACME.csv": GOOD,
        "EMPTY.csv": "",
        "NOTE.csv": "Exceeded the daily hits limit\n",
        "SHORT.csv": GOOD + "2024-01-04,10\n",
        "OTHER.csv": GOOD,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "BROKEN.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "BROKEN.zip").write_bytes(b"PK no more")
    return {name: tmp_path / name for name in (*texts, "BROKEN.parquet", "BROKEN.zip")}


def test_a_file_that_nobody_asks_for_is_no_concern_and_is_told(tmp_path):
    panel = load_panel(DataSettings(symbols=["ACME"]), folder_of(tmp_path))
    assert panel.symbols == ("ACME",)
    assert len(panel.notes) == 1
    note = panel.notes[0]
    assert all(name in note for name in ("EMPTY.csv", "NOTE.csv", "BROKEN.zip"))
    assert "could not be read" in note


def test_all_files_that_cannot_be_read_are_named_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        load_panel(DataSettings(), folder_of(tmp_path))
    message = str(caught.value)
    assert message.startswith("5 files cannot be read:\n")
    for told in (
        "EMPTY.csv: is empty",
        "NOTE.csv:1: no column for",
        "SHORT.csv:4: 2 fields",
        "BROKEN.parquet",
        "BROKEN.zip",
    ):
        assert told in message


def test_of_files_that_are_asked_for_only_those_are_named(tmp_path):
    with pytest.raises(DataError) as caught:
        load_panel(DataSettings(symbols=["ACME", "EMPTY", "SHORT"]), folder_of(tmp_path))
    message = str(caught.value)
    assert "EMPTY.csv" in message
    assert "SHORT.csv:4" in message
    assert "NOTE" not in message


def test_a_symbol_that_may_be_in_a_broken_file_is_not_said_to_be_missing(tmp_path):
    with pytest.raises(DataError, match=r"files cannot be read"):
        load_panel(DataSettings(symbols=["ACME", "ELSEWHERE"]), folder_of(tmp_path))


def test_an_import_leaves_and_names_them_too(tmp_path):
    files = folder_of(tmp_path)
    catalog = Catalog(tmp_path / "catalog")
    with pytest.raises(DataError, match="5 files cannot be read"):
        catalog.add("all", files, DataSettings())
    about = catalog.add("one", files, DataSettings(symbols=["ACME"]))
    assert about["assets"] == 1
    assert any("could not be read" in note for note in about["notes"])


def test_many_are_counted(tmp_path):
    for number in range(40):
        (tmp_path / f"F{number:02d}.csv").write_text("")
    with pytest.raises(DataError, match=r"40 files cannot be read:(.|\n)*and 20 more"):
        load_panel(DataSettings(), resolve_files(DataSettings(files=["*.csv"]), tmp_path))


# --- columns -------------------------------------------------------------------------------------------------------


def load(folder: Path, text: str, **settings: object):
    (folder / "A.csv").write_text(text)
    return load_panel(DataSettings(**settings), {"A.csv": folder / "A.csv"})


ODD = "Date,Open,High,Low,Close,Volume ETH,Volume BTC\n2024-01-02,1,1,1,1,7,8\n2024-01-03,1,1,1,1,7,8\n"


def test_a_volume_that_was_not_recognised_is_told_and_can_be_named(tmp_path):
    panel = load(tmp_path, ODD)
    assert panel.notes == (
        "A.csv: no column was taken for the volume (others there: 'Volume ETH', 'Volume BTC'), which is zero;"
        ' data.names.volume names it, or "" says that there is none',
    )
    named = load(tmp_path, ODD, names={"volume": "Volume ETH"})
    assert named.block.volume[:, 0].tolist() == [7.0, 7.0]
    assert named.notes == ()
    none = load(tmp_path, ODD, names={"volume": ""})
    assert none.notes == ()
    assert none.block.volume[:, 0].tolist() == [0.0, 0.0]


def test_actions_of_other_names_are_told(tmp_path):
    text = (
        "Date,Open,High,Low,Close,Volume,Cash Div Paid,My Split\n2024-01-02,1,1,1,1,7,0,1\n2024-01-03,1,1,1,1,7,0,1\n"
    )
    notes = load(tmp_path, text).notes
    assert any("no column was taken for splits, and there is 'My Split'" in note for note in notes)
    assert any("no column was taken for dividends, and there is 'Cash Div Paid'" in note for note in notes)
    names = {"split": "My Split", "dividend": "Cash Div Paid"}
    panel = load(tmp_path, text, names=names, adjust="total_return")
    assert panel.notes == ("A.csv: took splits from 'My Split', dividends from 'Cash Div Paid'",)


def test_a_name_that_is_not_there_and_a_name_of_nothing_are_refused(tmp_path):
    with pytest.raises(JobError, match=r"^data\.names\.volume: A\.csv has no column 'Turnover' \(found: Date, Open"):
        load(tmp_path, ODD, names={"volume": "Turnover"})
    with pytest.raises(DataError, match=r"no column for close .* name it by data\.names, as close"):
        load(tmp_path, ODD.replace("Close", "Final"))
    assert load(tmp_path, ODD.replace("Close", "Final"), names={"close": "Final"}).block.close[0, 0] == 1.0


def test_a_name_of_ours_that_is_none_is_refused():
    from backbus.data.readers.headers import ROLES_BY_NAME
    from backbus.market.columns import NAMES

    assert set(ROLES_BY_NAME) == set(NAMES)
    with pytest.raises(JobError, match="names: 'vol' is no column of ours; known are date, time, symbol, open"):
        Job.parse({"data": {"names": {"vol": "Lots"}}, "strategy": {"use": "x"}})
    Job.parse({"data": {"names": {"rate": "Lots"}, "columns": ["rate"]}, "strategy": {"use": "x"}})


def test_a_further_column_has_a_name_of_ours(tmp_path):
    text = "Date,Open,High,Low,Close,Volume,Int. Rate\n2024-01-02,1,1,1,1,7,0.5\n2024-01-03,1,1,1,1,7,0.6\n"
    panel = load(tmp_path, text, columns=["rate"], names={"rate": "Int. Rate"})
    assert panel.block.extra["rate"][:, 0].tolist() == [0.5, 0.6]


def test_a_volume_that_is_minus_one_throughout_is_none(tmp_path):
    text = "date,open,high,low,close,volume\n20240102,1,1,1,1,-1.0\n20240103,1,1,1,1,-1\n"
    panel = load(tmp_path, text)
    assert panel.block.volume[:, 0].tolist() == [0.0, 0.0]
    assert panel.notes == ("A.csv: 'volume' is -1 throughout, which is taken for no volume: zero",)
    with pytest.raises(DataError, match="'volume' is -1, and must be at least zero"):
        load(tmp_path, text.replace("-1\n", "5\n"))


# --- several rows of a header ---------------------------------------------------------------------------------------


def test_a_header_of_fields_and_assets_is_a_table_of_both(tmp_path):
    text = (
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker,A,B,A,B,A,B,A,B,A,B\nDate,,,,,,,,,,\n"
        "2024-01-03,12,22,12,22,12,22,12,22,3,4\n2024-01-02,11,,11,,11,,11,,5,\n"
    )
    panel = load(tmp_path, text)
    assert panel.symbols == ("A", "B")
    assert panel.block.close[:, 0].tolist() == [11.0, 12.0]
    assert str(panel.block.close[0, 1]) == "nan"
    frame = pd.read_csv(tmp_path / "A.csv", header=[0, 1], index_col=0, parse_dates=True)
    from backbus.data.panels.frame import panel_from_frame

    same = panel_from_frame(frame.sort_index())
    assert same.symbols == ("A", "B")
    assert same.block.close.tobytes() == panel.block.close.tobytes()


def test_a_wrong_cell_under_such_a_header_is_named_by_its_line(tmp_path):
    text = "Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\nDate,,,,,\n2024-01-02,11,11,11,11,5\n"
    text += "2024-01-03,11,x,11,11,5\n"
    with pytest.raises(DataError, match=r"A\.csv:5, column 'High', symbol A: 'x' in 'High' is not a number"):
        load(tmp_path, text)


def test_bars_of_an_open_and_a_close_are_read_where_the_job_says_what_stands_for_the_rest(tmp_path):
    text = "Date,Open,Close,Volume\n2024-01-02,10,11,5\n2024-01-03,12,11.5,6\n"
    panel = load(tmp_path, text, high_low="open_close")
    assert panel.block.high[:, 0].tolist() == [11.0, 12.0]
    assert panel.block.low[:, 0].tolist() == [10.0, 11.5]
    whole = load(tmp_path, GOOD, high_low="open_close")
    assert whole.block.high[:, 0].tolist() == [11.0, 11.0]
