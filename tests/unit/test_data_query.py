"""Bars out of DuckDB and SQLite, and polars' own frames: the same as out of files."""

from __future__ import annotations

import sqlite3
import sys

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from backbus.api.run import run
from backbus.api.run_sweep import run_sweep
from backbus.data import panel_from_frame
from backbus.engine.inputs import files_of
from backbus.errors import BackbusError, UsageError
from backbus.job.job import Job
from tests.processes import own_cache

ROWS = 300


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    parts = []
    for symbol in ("A", "B"):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, ROWS)))
        parts.append(
            pd.DataFrame(
                {
                    "date": pd.date_range("2020-01-01", periods=ROWS),
                    "symbol": symbol,
                    "open": close,
                    "high": close + 1,
                    "low": close - 1,
                    "close": close,
                    "volume": 1000.0,
                    "rate": rng.normal(size=ROWS),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def here(tmp_path, monkeypatch, frame):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKBUS_CACHE", str(own_cache(tmp_path)))
    frame.to_csv(tmp_path / "bars.csv", index=False)
    with duckdb.connect(str(tmp_path / "prices.duckdb")) as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE bars AS SELECT * FROM frame")
    with sqlite3.connect(tmp_path / "prices.sqlite") as connection:
        frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d")).to_sql("bars", connection, index=False)
    connection.close()
    return tmp_path


def job(folder=None, **data):
    made = Job.parse({"data": data, "strategy": {"use": "SmaCross", "fast": 5, "slow": 20}})
    if folder is not None:
        made.come_from(folder)
    return made


SOURCES = {
    "DuckDB": {"query": "SELECT * FROM bars", "database": "prices.duckdb"},
    "SQLite": {"query": "SELECT * FROM bars ORDER BY symbol, date", "database": "prices.sqlite"},
    "a file by DuckDB": {"query": "SELECT * FROM 'bars.csv'"},
}


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_a_query_s_rows_are_bars(here, source, tmp_path):
    by_files = run(job(here, files="bars.csv", start="2020-02-01"), tables=False)
    by_query = run(job(here, **SOURCES[source], start="2020-02-01"), tables=False)
    assert by_query.fingerprint == by_files.fingerprint
    rates = run(job(here, **SOURCES[source], columns=["rate"]), tables=False)
    assert rates.fingerprint == run(job(here, files="bars.csv"), tables=False).fingerprint
    swept = {"parameters": {"fast": [3, 5], "slow": [20, 30]}}
    tables = [
        run_sweep(
            Job.parse({"data": data, "strategy": {"use": "SmaCross"}, "sweep": swept}),
            folder=tmp_path / name,
            workers=1,
        ).summary["table_sha256"]
        for name, data in (("files", {"files": "bars.csv"}), ("query", SOURCES[source]))
    ]
    assert tables[0] == tables[1]


def test_an_answer_is_kept_under_the_hash_of_its_bytes(here):
    one, two = (files_of(job(here, **SOURCES["DuckDB"])) for _ in range(2))
    assert one == two and list(one) == ["query.arrow"]
    with duckdb.connect(str(here / "prices.duckdb")) as connection:
        connection.execute("DELETE FROM bars WHERE symbol = 'B'")
    assert files_of(job(here, **SOURCES["DuckDB"])) != one


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"query": "SELECT * FROM nothing", "database": "prices.duckdb"}, "query of prices.duckdb: fails: .*nothing"),
        ({"query": "SELECT * FROM nothing", "database": "prices.sqlite"}, "query of prices.sqlite: fails: .*nothing"),
        ({"query": "DELETE FROM bars", "database": "prices.sqlite"}, "fails: attempt to write a readonly database"),
        ({"query": "DELETE FROM bars", "database": "prices.duckdb"}, "fails: .*read-only"),
        (
            {"query": "SELECT date, close FROM bars", "database": "prices.duckdb"},
            "has trades or quotes .found: date, close",
        ),
        ({"query": "SELECT * FROM bars WHERE close < 0", "database": "prices.duckdb"}, "has no rows"),
        ({"query": "SELECT * FROM bars WHERE close < 0", "database": "prices.sqlite"}, "has no rows"),
        ({"query": "SELECT 1", "database": "gone.duckdb"}, r"data\.database.*no file 'gone.duckdb'"),
        ({"query": "SELECT 1", "database": "bars.csv"}, "query of bars.csv: fails"),
        ({"query": "SELECT 1", "files": "bars.csv"}, "files and query cannot both be given"),
        ({"database": "prices.duckdb"}, "database is missing its query"),
    ],
)
def test_a_query_that_is_wrong_is_one_error(here, data, says):
    with pytest.raises(BackbusError, match=says):
        run(job(here, **data), tables=False)
    assert not list((here / "cache").rglob(".new-*"))


def test_without_duckdb_the_extra_is_named(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(UsageError, match=r'pip install "duckdb'):
        run(job(here, **SOURCES["DuckDB"]), tables=False)
    run(job(here, **SOURCES["SQLite"]), tables=False)


def test_a_polars_frame_is_the_pandas_one(frame):
    expected = panel_from_frame(frame)
    for given in (pl.from_pandas(frame), pl.from_pandas(frame).with_columns(pl.col("symbol").cast(pl.Categorical))):
        found = panel_from_frame(given)
        assert found.layout == expected.layout
        assert found.block.close.tobytes() == expected.block.close.tobytes()
    one = pl.from_pandas(frame[frame["symbol"] == "A"].drop(columns="symbol"))
    assert panel_from_frame({"A": one}).symbols == ("A",)
    with pytest.raises(BackbusError, match="not LazyFrame"):
        panel_from_frame(one.lazy())
