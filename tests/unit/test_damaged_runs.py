"""What is left of a run that was damaged: it breaks no list of runs, and one error names the file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from backbus import compare, explain, run
from backbus.api.kept import read_run
from backbus.cli.app import app
from backbus.cli.completion import runs as completed
from backbus.errors import BackbusError, DataError
from backbus.job.job import Job
from backbus.performance.artifacts import ArtifactWriter
from backbus.runs.library import ORDERS, find_run, kept_runs, sorted_by
from tests.unit.kept_runs import home, ran

__all__ = ["home"]

DEEP = b"[" * 100_000


def _whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder ``var/runs`` of the current folder, with one whole run."""
    monkeypatch.chdir(home)
    return ran(home, "whole").parent


def _changed(report: Path, section: str, name: str, value: Any) -> bytes:
    told = json.loads(report.read_text())
    (told[section] if section else told)[name] = value
    return json.dumps(told).encode()


DAMAGES: dict[str, Callable[[Path], bytes]] = {
    "deep": lambda _: DEEP,
    "truncated": lambda report: report.read_bytes()[:100],
    "binary": lambda _: b"\xff\xfe\x00",
    "empty": lambda _: b"",
    "a list": lambda _: b"[1, 2]",
    "nothing in it": lambda _: b"{}",
    "begun_at": lambda report: _changed(report, "ran", "begun_at", 5),
    "total_return": lambda report: _changed(report, "metrics", "total_return", "abc"),
    "first_session": lambda report: _changed(report, "", "first_session", 5),
    "name": lambda report: _changed(report, "", "name", ["x"]),
    "strategy": lambda report: _changed(report, "settings", "strategy", "ab"),
    "half a letter": lambda report: _changed(report, "", "name", "\ud800"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_breaks_no_list_and_is_named_where_it_is_asked_for(
    damage: Callable[[Path], bytes], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = _whole(home, monkeypatch)
    shutil.copytree(runs / "whole", runs / "hurt")
    (runs / "hurt" / "report.json").write_bytes(damage(runs / "whole" / "report.json"))
    listed = kept_runs(Path("var/runs"))
    assert {one.id: one.kind for one in listed} == {"whole": "run", "hurt": "damaged"}
    for order in ORDERS:
        assert len(sorted_by(listed, order)) == len(sorted_by(listed, f"-{order}")) == 2
    assert {"whole", "hurt"} <= {told for told, _ in completed("")}
    found = find_run("hurt", Path("var/runs"))
    for asked in (read_run, explain, lambda folder: compare("whole", folder)):
        with pytest.raises(DataError, match=r"runs/hurt/report\.json: .*run the job again"):
            asked(found)


SUMMARIES = {
    "deep": DEEP,
    "truncated": b'{"kind": "swe',
    "binary": b"\xff\xfe\x00",
    "a list": b"[]",
    "nothing in it": b"{}",
    "no job": b'{"job": [], "table_sha256": ""}',
    "a moment": b'{"job": {"name": "s", "strategy": {"use": "x"}}, "table_sha256": "", "ran": {"begun_at": 5}}',
}


@pytest.mark.parametrize("summary", SUMMARIES.values(), ids=SUMMARIES)
def test_so_is_a_damaged_sweep(summary: bytes, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _whole(home, monkeypatch)
    (runs / "hurt").mkdir()
    (runs / "hurt" / "sweep.json").write_bytes(summary)
    assert {one.id: one.kind for one in kept_runs(runs)} == {"whole": "run", "hurt": "damaged"}
    for asked in (read_run, lambda folder: compare("whole", folder)):
        with pytest.raises(DataError, match=r"runs/hurt/sweep\.json: .*run the job again"):
            asked(runs / "hurt")


TABLES = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"row,time\n"),
    "foreign": lambda path: pq.write_table(pa.table({"row": [0, 1], "price": [1.0, 2.0]}), path),
    "of another table": lambda path: shutil.copy(path.parent / "trades.parquet", path),
}


@pytest.mark.parametrize("table", ["fills", "equity", "orders", "order_ends", "account_activity", "signals"])
@pytest.mark.parametrize("damage", TABLES.values(), ids=TABLES)
def test_explain_names_a_damaged_table(
    table: str, damage: Callable[[Path], object], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _whole(home, monkeypatch) / "whole"
    damage(folder / f"{table}.parquet")
    with pytest.raises(DataError, match=rf"whole/{table}\.parquet: .*run the job again"):
        for asked in ({}, {"order": 1}, {"asset": "A"}, {"date": "2020-02-03"}, {"asset": "A", "date": "2020-02-03"}):
            explain(folder, **asked)


def test_explain_says_that_tables_are_of_two_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _whole(home, monkeypatch) / "whole"
    equity = folder / "equity.parquet"
    pq.write_table(pq.read_table(equity).slice(0, 1), equity)
    for asked in ({}, {"order": 1}, {"asset": "A"}):
        with pytest.raises(DataError, match=r"\w+\.parquet: names row \d+, which is not in equity\.parquet"):
            explain(folder, **asked)


def _badly_named(path: Path, name: bytes) -> None:
    """Rename a file or folder; skip where the system takes no such name."""
    try:
        path.rename(path.parent / os.fsdecode(name))
    except OSError:
        pytest.skip("this file system takes names that are UTF-8 alone")


@pytest.mark.parametrize("files", ["data/*.csv", "data"])
def test_a_price_file_whose_name_is_not_utf_8_is_refused_before_anything_is_written(home: Path, files: str) -> None:
    _badly_named(home / "data" / "B.csv", b"\xff\xfe.csv")
    job = Job.load(home / "job.toml", overrides=[f'data.files=["{files}"]'])
    with pytest.raises(DataError, match=r"^data/\\xff\\xfe\.csv: its name is not UTF-8.*rename it"):
        run(job, folder=home / "var" / "one")
    assert not (home / "var").exists()


def test_what_fails_while_files_are_made_leaves_none(home: Path) -> None:
    folder = home / "var" / "one"
    with pytest.raises(UnicodeEncodeError):
        ArtifactWriter(folder, ["A", "\udcff"])
    assert list(folder.iterdir()) == []


def test_a_folder_whose_name_is_not_utf_8_is_told_and_nothing_of_the_run_is_left(home: Path) -> None:
    place = home / "place"
    place.mkdir()
    for part in ("data", "own.py", "helping.py", "job.toml"):
        (home / part).rename(place / part)
    _badly_named(place, b"\xff\xfe")
    job = Job.load(home / os.fsdecode(b"\xff\xfe") / "job.toml")
    with pytest.raises(BackbusError, match="is not UTF-8, a name of a folder or a file most often: rename it"):
        run(job, folder=home / "var" / "one")
    assert not (home / "var" / "one").exists()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), *TABLES.values()], ids=["gone", *TABLES])
def test_compare_tells_of_a_damaged_curve_before_it_shows_anything(
    damage: Callable[[Path], object], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = _whole(home, monkeypatch)
    shutil.copytree(runs / "whole", runs / "hurt")
    damage(runs / "hurt" / "equity.parquet")
    shown = CliRunner().invoke(app, ["compare", "whole", "hurt"])
    assert isinstance(shown.exception, DataError) and shown.output == ""
    assert "runs/hurt" in str(shown.exception) and "equity.parquet" in str(shown.exception)
    assert "run the job again" in str(shown.exception)
