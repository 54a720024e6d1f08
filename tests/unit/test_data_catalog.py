"""Datasets: what is imported is what the files say, however it was read, and what is looked at is told truly."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from backbus.api.run import run
from backbus.cli.app import app
from backbus.data import Catalog, load_panel, map_panel, panel_from_frame, resolve_files
from backbus.data.catalog.importing import import_files
from backbus.errors import BackbusError, DataError, JobError, UsageError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.panel import Panel

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    runpy.run_path(str(ROOT / "examples" / "sample_data.py"))["write_samples"](folder)
    return folder


def prices(rows, seed, start="2010-01-01", step="D", drop=()):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows))).round(4)
    stamps = np.datetime64(start) + np.arange(rows).astype(f"m8[{step}]")
    return [
        f"{stamp},{c},{c + 1},{c - 1},{c},{c / 2},{1000 + row},{row / 7}"
        for row, (stamp, c) in enumerate(zip(stamps, close.tolist(), strict=True))
        if row not in drop
    ]


HEADER = "date,open,high,low,close,adj close,volume,rate"


def write(path, lines, header=HEADER):
    path.write_text("\n".join([header, *lines]) + "\n")


def long_file():
    """Two assets, row by row in turns."""
    both = zip(prices(800, 1), prices(800, 2), strict=True)
    return [f"{line},{symbol}" for two in both for line, symbol in zip(two, "BA", strict=True)]


def imported(folder, files, **options):
    settings = {key: options.pop(key) for key in list(options) if key in DataSettings.model_fields}
    out = folder / f"out-{len(list(folder.iterdir()))}.arrow"
    import_files({name: folder / name for name in files}, DataSettings(**settings), out, **options)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    return map_panel(out).panel


def same(one: Panel, other: Panel) -> None:
    assert one.layout == other.layout
    for name in ("end", "session"):
        assert getattr(one.block, name).tobytes() == getattr(other.block, name).tobytes(), name
    for name, values in one.block.cells().items():
        assert values.tobytes() == other.block.column(name).tobytes(), name


CASES = {
    "one asset": ({"A.csv": prices(3000, 1)}, HEADER, {}),
    "a rate": ({"A.csv": prices(3000, 1)}, HEADER, {"columns": ["rate"]}),
    "assets that come and go": (
        {
            "A.csv": prices(3000, 1, drop=range(100, 200)),
            "B.csv": prices(900, 2, "2021-06-01"),
            "C.csv": prices(50, 3, "2019-01-01"),
        },
        HEADER,
        {},
    ),
    "minutes by a clock": (
        {"A.csv": prices(2000, 1, "2024-01-02T09:30", "m"), "B.csv": prices(1500, 2, "2024-01-02T09:31", "m")},
        HEADER.replace("date", "timestamp"),
        {"timezone": "America/New_York", "dates": {"marks": "end"}},
    ),
    "a long file": (
        {"all.csv": long_file()},
        f"{HEADER},symbol",
        {},
    ),
    "some of a long file": (
        {"all.csv": long_file()},
        f"{HEADER},symbol",
        {"symbols": ["A"]},
    ),
    "no adjusted close": ({"A.csv": prices(500, 1), "B.csv": prices(500, 2)}, HEADER.replace("adj close", "other"), {}),
    "repairs": (
        {"A.csv": [line.replace(",1100,", ",,") if row % 3 else line for row, line in enumerate(prices(600, 1))]},
        HEADER,
        {"repair": {"missing": "hole"}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_files_that_are_read_in_parts_make_the_same_dataset(tmp_path, case):
    files, header, settings = CASES[case]
    for name, lines in files.items():
        write(tmp_path / name, lines, header)
    whole = imported(tmp_path, files, **settings)
    parts = imported(tmp_path, files, **settings, at_once_bytes=0, part_bytes=20_000)
    same(parts, whole)
    assert parts.notes == whole.notes
    expected = load_panel(DataSettings(**settings), {name: tmp_path / name for name in files})
    for name in ("end", "session", *FIELDS):
        assert getattr(whole.block, name).tobytes() == getattr(expected.block, name).tobytes()
    assert ("adj_close" in whole.layout.columns) == ("adj close" in header)


def test_a_file_in_parts_must_be_in_order(tmp_path):
    lines = prices(3000, 1)
    write(tmp_path / "A.csv", [*lines[:2000], lines[5], *lines[2000:]])
    with pytest.raises(DataError, match=r"A\.csv:2002, .*2010-01-06 does not come after 2015-0.*sort"):
        imported(tmp_path, ["A.csv"], at_once_bytes=0, part_bytes=9_000, repair={"unsorted": "sort"})
    write(tmp_path / "B.csv", [*lines[:2000], lines[1999], *lines[2000:]])
    with pytest.raises(DataError, match=r"B\.csv:2002, .*(there a second time|does not come after)"):
        imported(tmp_path, ["B.csv"], at_once_bytes=0, part_bytes=9_000)


def test_lines_of_later_parts_are_named(tmp_path):
    lines = prices(3000, 1)
    lines[2500] = lines[2500].replace(",", ",oops", 1)
    write(tmp_path / "A.csv", lines)
    for options in ({}, {"at_once_bytes": 0, "part_bytes": 9_000}):
        with pytest.raises(DataError, match=r"A\.csv:2502, column 'open', symbol A: 'oops.* is not a number"):
            imported(tmp_path, ["A.csv"], **options)


def test_intervals_that_differ_are_refused_in_parts_too(tmp_path):
    write(tmp_path / "A.csv", prices(500, 1))
    write(tmp_path / "B.csv", prices(500, 2, "2010-01-01", "W"))
    for options in ({}, {"at_once_bytes": 0, "part_bytes": 9_000}):
        with pytest.raises(DataError, match=r"B\.csv, symbol B: bars of 7 days, and A\.csv \(A\) has bars of 1 day"):
            imported(tmp_path, ["A.csv", "B.csv"], **options)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"adjust": "adj_close"}, r"data\.adjust.*keeps raw prices"),
        ({"start": "2020-01-02"}, r"data\.start.*keeps all rows"),
        ({"symbols": ["Q"]}, "has no 'Q'"),
        ({"columns": ["mood"]}, "no column 'mood'"),
    ],
)
def test_what_a_dataset_cannot_be_is_refused(tmp_path, settings, says):
    write(tmp_path / "A.csv", prices(100, 1))
    for options in ({}, {"at_once_bytes": 0, "part_bytes": 9_000}):
        with pytest.raises(BackbusError, match=says):
            imported(tmp_path, ["A.csv"], **settings, **options)


# --- the catalog ----------------------------------------------------------------------------------------------------


def objects(folder):
    return sorted(path.name for path in (folder / "objects").iterdir())


def test_what_a_killed_import_has_left_is_removed_by_the_next_one(tmp_path, samples):
    left = tmp_path / "catalog" / "objects" / ".new-0a1b_2cd" / ".import-0a1b_2cd"
    left.mkdir(parents=True)
    (left / "half").write_text("half of it")
    settings = DataSettings(files=(f"{samples}/IBM.csv",))
    about = Catalog(tmp_path / "catalog").add("one", resolve_files(settings, tmp_path), settings)
    assert objects(tmp_path / "catalog") == [f"{about['hash']}.arrow"]


def test_equal_data_lies_in_one_object_until_nobody_names_it(tmp_path, samples):
    catalog = Catalog(tmp_path / "catalog")
    settings = DataSettings(files=(f"{samples}/*.csv",))
    files = resolve_files(settings, tmp_path)
    one, two = catalog.add("one", files, settings), catalog.add("two", files, settings)
    assert one["hash"] == two["hash"] and objects(tmp_path / "catalog") == [f"{one['hash']}.arrow"]
    assert catalog.names() == ["one", "two"] and catalog.about("one") == one
    assert (one["rows"], one["assets"], one["first"], one["last"]) == (3270, 4, "2000-03-01", "2013-03-01")
    with pytest.raises(UsageError, match="a dataset 'one' already"):
        catalog.add("one", files, settings)
    three = catalog.add("two", dict([next(iter(files.items()))]), settings, replace=True)
    assert three["assets"] == 1 and len(objects(tmp_path / "catalog")) == 2
    catalog.remove("one")
    assert objects(tmp_path / "catalog") == [f"{three['hash']}.arrow"]
    catalog.remove("two")
    assert objects(tmp_path / "catalog") == [] and catalog.names() == []


def test_an_import_that_fails_leaves_what_was_there(tmp_path):
    catalog = Catalog(tmp_path / "catalog")
    write(tmp_path / "A.csv", prices(100, 1))
    settings = DataSettings()
    before = catalog.add("mine", {"A.csv": tmp_path / "A.csv"}, settings)
    write(tmp_path / "B.csv", ["2020-01-01,1,2,3,oops,1,1,1"])
    with pytest.raises(DataError):
        catalog.add("mine", {"B.csv": tmp_path / "B.csv"}, settings, replace=True)
    assert catalog.about("mine") == before
    assert objects(tmp_path / "catalog") == [f"{before['hash']}.arrow"]


@pytest.mark.parametrize("name", ["", "../outside", "a/b", ".hidden", "a b", "x" * 101, "ä"])
def test_a_name_is_never_a_path(tmp_path, name):
    catalog = Catalog(tmp_path / "catalog")
    for call in (catalog.about, catalog.path, catalog.remove, catalog.check):
        with pytest.raises(JobError, match="is no name of a dataset"):
            call(name)


def test_what_is_not_there_or_has_changed_is_told(tmp_path):
    catalog = Catalog(tmp_path / "catalog")
    with pytest.raises(JobError, match=r"no dataset 'mine'.*none yet"):
        catalog.about("mine")
    write(tmp_path / "A.csv", prices(100, 1))
    about = catalog.add("mine", {"A.csv": tmp_path / "A.csv"}, DataSettings())
    path = catalog.path("mine")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="its bytes have changed"):
        catalog.check("mine")
    path.unlink()
    with pytest.raises(DataError, match="is gone; import it again"):
        catalog.path("mine")
    note = tmp_path / "catalog" / "names" / "mine.json"
    note.write_text(json.dumps({**about, "hash": "../../etc/passwd"}))
    with pytest.raises(DataError, match=r"no note of a dataset.*--replace"):
        catalog.about("mine")
    catalog.add("other", {"A.csv": tmp_path / "A.csv"}, DataSettings())
    catalog.remove("other")
    assert len(objects(tmp_path / "catalog")) == 1  # whose it is cannot be known while a note cannot be read
    note.write_text("no JSON")
    assert catalog.add("mine", {"A.csv": tmp_path / "A.csv"}, DataSettings(), replace=True) == catalog.about("mine")
    note.write_text("no JSON")
    catalog.remove("mine")
    assert catalog.names() == []


# --- by name --------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch, samples):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices").symlink_to(samples)
    return CliRunner()


def job(**data):
    return {"data": data, "strategy": {"use": "SmaCross", "fast": 20, "slow": 100}}


@pytest.mark.parametrize("adjust", ["none", "adj_close"])
def test_a_run_by_name_is_the_run_on_the_files(here, adjust):
    said = here.invoke(app, ["data", "import", "prices", "--name", "sample", "--set", "calendar=XNYS"])
    assert said.exit_code == 0, said.exception
    assert 'dataset = "sample"' in said.stdout and "2 × split: 2000-06-21 (ratio 2:1" in said.stdout
    by_name = run(job(dataset="sample", adjust=adjust, start="2002-01-01", symbols=["IBM", "AAPL"]), tables=False)
    files = {"files": "prices/*.csv", "calendar": "XNYS"}
    by_files = run(job(**files, adjust=adjust, start="2002-01-01", symbols=["IBM", "AAPL"]), tables=False)
    assert by_name.fingerprint == by_files.fingerprint
    assert [note.split(":")[0] for note in by_name.summary.warnings] == [
        note.split(":")[0] for note in by_files.summary.warnings
    ] or adjust == "none"


def test_the_commands_of_the_catalog(here, tmp_path):
    def ask(*arguments):
        said = here.invoke(app, ["data", *arguments, "--json"])
        assert said.exit_code == 0, said.exception
        return json.loads(said.stdout)

    about = ask("import", "prices/IBM.csv", "prices/AAPL.csv", "--name", "two")
    assert about["symbols"] == ["AAPL", "IBM"] and about["columns"] == ["adj_close"]
    assert ask("list") == {"datasets": [about]}
    assert ask("show", "two") == about
    assert ask("check", "two") == {"dataset": "two", "findings": about["findings"]}
    data = ask("export", "two", "--out", "out")["data"]
    again = load_panel(
        DataSettings(columns="adj_close"), {f"{s}.csv": tmp_path / "out" / f"{s}.csv" for s in ("AAPL", "IBM")}
    )
    same(again, map_panel(Catalog(tmp_path / "var" / "data").path("two")).panel)
    assert data["files"] == "out/*.csv"
    for arguments in (["list"], ["show", "two"], ["check", "two"]):
        said = here.invoke(app, ["data", *arguments])
        assert said.exit_code == 0 and "two" in said.stdout
    assert ask("rm", "two") == {"removed": ["two"]}
    refused = here.invoke(app, ["data", "rm", "two"])
    assert "there is no dataset 'two'" in str(refused.exception)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import", "nothing", "--name", "x"], "there is no file 'nothing'"),
        (["import", "prices", "--name", "a/b"], "is no name of a dataset"),
        (["import", "prices", "--name", "x", "--set", "calender=XNYS"], r"data\.calender.*calendar"),
        (["import", "prices", "--name", "x", "--set", "calendar=NOWHERE"], "knows no calendar"),
    ],
)
def test_bad_input_is_one_error_and_leaves_nothing(here, tmp_path, arguments, says):
    refused = here.invoke(app, ["data", *arguments])
    assert isinstance(refused.exception, BackbusError)
    with pytest.raises(BackbusError, match=says):
        raise refused.exception
    assert not list((tmp_path / "var" / "data").rglob("*.arrow"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"dataset": "x", "files": "a.csv"}, "cannot both be given"),
        ({"dataset": "x", "timezone": "UTC"}, "timezone is settled when a dataset is imported"),
        ({"dataset": "x", "repair": {"missing": "hole"}}, "repair is settled"),
    ],
)
def test_what_cannot_be_asked_of_a_dataset(data, says):
    with pytest.raises(JobError, match=says):
        Job.parse(job(**data))


def test_a_frame_that_is_handed_over_adjusts_itself(samples):
    import pandas as pd

    frame = pd.read_csv(samples / "AAPL.csv")
    panel = panel_from_frame({"AAPL": frame}, settings=DataSettings(adjust="adj_close"))
    assert panel.block.close[0, 0] == pytest.approx(frame["Adj Close"][0])


def test_a_run_on_a_dataset_is_that_on_its_files_calendar_and_all(tmp_path, monkeypatch, sample_data):
    monkeypatch.setenv("BACKBUS_DATASETS", str(tmp_path / "datasets"))
    catalog = Catalog(tmp_path / "datasets")
    files = {path.name: path for path in sample_data.glob("*.csv")}
    catalog.add("sample", files, DataSettings(calendar="XNYS"))
    strategy = {"use": "SmaCross", "fast": 20, "slow": 100}
    chosen = {"adjust": "adj_close", "start": "2004-01-01", "timeframes": ["1mo"]}
    of_files = run(
        {"data": {"files": str(sample_data / "*.csv"), "calendar": "XNYS", **chosen}, "strategy": strategy},
        tables=False,
    )
    of_dataset = run({"data": {"dataset": "sample", **chosen}, "strategy": strategy}, tables=False)
    assert of_dataset.summary.metrics == of_files.summary.metrics
    assert of_dataset.fingerprint == of_files.fingerprint
    without = run({"data": {"files": str(sample_data / "*.csv"), **chosen}, "strategy": strategy}, tables=False)
    assert without.summary.metrics.volatility != of_files.summary.metrics.volatility


def test_a_parquet_file_is_read_in_parts_of_its_row_groups(tmp_path):
    rows = 3000
    days = np.datetime64("2010-01-01") + np.arange(rows)
    close = 100.0 + np.arange(rows) % 7
    columns = {"date": days, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": close}
    pq.write_table(pa.table(columns), tmp_path / "A.parquet", row_group_size=100)
    files = {"A.parquet": tmp_path / "A.parquet"}
    import_files(files, DataSettings(), tmp_path / "once.arrow")
    told = []
    import_files(
        files,
        DataSettings(),
        tmp_path / "parts.arrow",
        at_once_bytes=0,
        part_bytes=8000,
        progress=lambda done, total: told.append((done, total)),
    )
    assert len(told) == 5
    assert told[-1][0] <= told[-1][1]
    assert (tmp_path / "once.arrow").read_bytes() == (tmp_path / "parts.arrow").read_bytes()
    columns["close"] = np.where(np.arange(rows) == 2500, -1.0, close)
    pq.write_table(pa.table(columns), tmp_path / "A.parquet", row_group_size=100)
    with pytest.raises(DataError, match=r"A\.parquet, row 2500, .*is -1, and must be above zero"):
        import_files(files, DataSettings(), tmp_path / "no.arrow", at_once_bytes=0, part_bytes=8000)


def test_a_panel_file_is_imported_as_it_is(tmp_path):
    write(tmp_path / "A.csv", prices(400, 1))
    write(tmp_path / "B.csv", prices(300, 2))
    catalog = Catalog(tmp_path / "datasets")
    one = catalog.add("one", {name: tmp_path / name for name in ("A.csv", "B.csv")}, DataSettings())
    two = catalog.add("two", catalog.file("one"), DataSettings())
    assert two["hash"] == one["hash"]
    chosen = catalog.add("three", catalog.file("one"), DataSettings(symbols=("B",)))
    assert (chosen["assets"], chosen["rows"]) == (1, 300)
    with pytest.raises(JobError, match="must be the only file"):
        catalog.add("four", {**catalog.file("one"), "A.csv": tmp_path / "A.csv"}, DataSettings())
