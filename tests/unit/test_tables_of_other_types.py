"""Tables of runs and searches that hold something else than was written: one error names file and column, wherever
they are read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from backbus import compare, explain, read_run, rerun, run_sweep, top_points
from backbus.cli.app import app
from backbus.errors import BackbusError, DataError, UsageError
from backbus.job.job import Job
from backbus.performance.tables import TABLES, ColumnKind
from tests.unit.kept_runs import home, ran

__all__ = ["home"]

Change = Callable[[pa.Table, str], pa.Table]


def _of_texts(table: pa.Table, column: str) -> pa.Table:
    texts = pa.array([str(one) for one in table.column(column).to_pylist()], pa.string())
    return table.set_column(table.column_names.index(column), column, texts)


def _of_bytes(table: pa.Table, column: str) -> pa.Table:
    return table.set_column(table.column_names.index(column), column, pa.array([b"x"] * len(table), pa.binary()))


def _without(table: pa.Table, column: str) -> pa.Table:
    return table.drop_columns([column])


def _holed(table: pa.Table, column: str) -> pa.Table:
    place = table.column_names.index(column)
    values = [None, *table.column(column).to_pylist()[1:]]
    return table.set_column(place, column, pa.array(values, table.schema.field(place).type))


def _changed(path: Path, change: Change, column: str) -> None:
    pq.write_table(change(pq.read_table(path), column), path)


@pytest.fixture
def hurt(home: Path) -> Path:
    """A run's folder, to be hurt, beside a whole one."""
    whole = ran(home, "whole")
    return Path(shutil.copytree(whole, whole.parent / "hurt"))


ASKED: dict[str, Callable[[Any], object]] = {
    "fills": lambda result: result.fills,
    "equity": lambda result: result.equity,
    "orders": lambda result: result.orders,
    "trades": lambda result: result.trades,
}


@pytest.mark.parametrize(
    ("table", "column", "change", "words"),
    [
        ("fills", "price", _of_texts, r"fills\.parquet, column 'price': is of type string, and numbers stand in it"),
        ("fills", "price", _without, r"fills\.parquet: is no table of the fills of a run: it has no column 'price'"),
        ("fills", "symbol", _of_bytes, r"column 'symbol': is of type binary, and words stand in it"),
        ("equity", "equity", _of_texts, r"equity\.parquet, column 'equity': is of type string"),
        ("equity", "session", _of_texts, r"column 'session': is of type string, and dates stand in it"),
        ("equity", "time", _of_texts, r"column 'time': is of type string, and times stand in it"),
        ("equity", "row", _of_texts, r"column 'row': is of type string, and whole numbers stand in it"),
        ("equity", "row", _holed, r"column 'row': a row of the equity has none of it: it is damaged"),
        ("trades", "pnl", _of_texts, r"trades\.parquet, column 'pnl': is of type string"),
        ("orders", "kind", _without, r"orders\.parquet: .*no column 'kind'"),
    ],
)
def test_file_and_column_are_named_wherever_it_is_read(
    table: str, column: str, change: Change, words: str, hurt: Path
) -> None:
    _changed(hurt / f"{table}.parquet", change, column)
    with pytest.raises(DataError, match=words):
        ASKED[table](read_run(hurt))
    asked = (lambda: compare("whole", hurt), lambda: explain(hurt, order=1), lambda: read_run(hurt).report("page.html"))
    told = []
    for ask in asked:
        try:
            ask()
        except BackbusError as error:
            told.append(str(error))
    assert told and all("run the job again" in one for one in told)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["show", "hurt"], ["report", "hurt"], ["report", "hurt", "--md"], ["diff", "whole"]])
@pytest.mark.parametrize("change", [_of_texts, _without, _of_bytes])
def test_no_command_ends_otherwise(words: list[str], change: Change, hurt: Path) -> None:
    for table, columns in TABLES.items():
        for column in list(columns)[::3]:
            shutil.copy(hurt.parent / "whole" / f"{table}.parquet", hurt)
            _changed(hurt / f"{table}.parquet", change, column)
            said = CliRunner().invoke(app, [*words, "hurt"] if words[0] == "diff" else words)
            assert said.exception is None or isinstance(said.exception, BackbusError), (table, column, said.exception)
        shutil.copy(hurt.parent / "whole" / f"{table}.parquet", hurt)


@pytest.mark.parametrize("table", list(TABLES))
def test_a_table_without_rows_ends_nothing_in_a_traceback(table: str, hurt: Path) -> None:
    path = hurt / f"{table}.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    result: Any = read_run(hurt)
    asked = [
        *(lambda name=name: getattr(result, name) for name in ("equity", "returns", "fills", "trades", "positions")),
        *(lambda name=name: result.figures[name] for name in result.figures),
        result._repr_html_,
        lambda: result.rolling(5),
        lambda: result.report(hurt / "page.html"),
        lambda: compare("whole", hurt).report(hurt / "both.html"),
        lambda: compare("whole", hurt).plain(),
        lambda: explain(hurt),
        lambda: explain(hurt, order=1),
        lambda: explain(hurt, asset="A"),
    ]
    for ask in asked:
        try:
            ask()
        except BackbusError as error:
            assert "run the job again" in str(error) or "the run has" in str(error) or "its orders" in str(error)


def test_what_was_written_is_what_is_looked_for(hurt: Path) -> None:
    result: Any = read_run(hurt)
    for name, columns in TABLES.items():
        assert list(result.frame(name)) == list(columns)
    assert {kind for columns in TABLES.values() for kind in columns.values()} == set(ColumnKind)
    with pytest.raises(UsageError, match=r"the table fills has no column 'prise'; it has logical_time, "):
        result.column("fills", "prise")


def test_so_are_those_of_a_search(home: Path) -> None:
    sweep = {"parameters": {"n": [3, 4, 5]}}
    job = Job.parse({**Job.load(home / "job.toml").plain(), "sweep": sweep})
    job.come_from(home)
    found = run_sweep(job, folder="searched", workers=0)
    assert isinstance(found.column("table", "sharpe")[0], float)
    with pytest.raises(UsageError, match=r"the table table has no column 'sharp'"):
        found.column("table", "sharp")
    goal = top_points("searched", 1)[0]["point"]
    shutil.copy("searched/points.parquet", "whole.parquet")
    _changed(Path("searched/points.parquet"), _of_texts, "sharpe")
    for ask in (lambda: top_points("searched", 1, "sharpe"), lambda: read_run("searched").column("table", "sharpe")):
        with pytest.raises(DataError, match=r"points\.parquet, column 'sharpe': is of type string"):
            ask()
    shutil.copy("whole.parquet", "searched/points.parquet")
    _changed(Path("searched/points.parquet"), lambda table, _: table.slice(0, 0), "point")
    with pytest.raises(DataError, match=rf"points\.parquet: has no row of point {goal}"):
        rerun("searched", goal)
