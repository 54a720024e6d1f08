"""Bars that a database is asked for: DuckDB, or SQLite, where the query runs on the machine that has the database.

What comes out is kept as a panel file and goes everywhere else like any: to other processes, and to a stack, which
never runs a query.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.data.panels.assemble import assemble
from backbus.data.panels.panel_file import SUFFIX, write_panel
from backbus.data.readers.asked import asked_of
from backbus.data.readers.columnar import table_of
from backbus.errors import DataError, JobError, UsageError
from backbus.extras import install
from backbus.together import passing_folder
from backbus.transport.blobs import hash_of_file

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

SYMBOL = "ASSET"
"""The asset of rows that name none."""
KEPT_S = 86_400.0
"""An answer that nobody has asked for again for a day is removed."""
_SQLITE = b"SQLite format 3\0"


def answer(settings: DataSettings, base: Path, folder: Path) -> dict[str, Path]:
    """The panel file of the rows that ``settings.query`` gives, in ``folder``, by the name that messages use.

    Paths in the query, and the database's, are relative to ``base``. Rows are bars, with columns that are named as in
    files. Raises ``DataError``, ``JobError``, or ``UsageError`` where DuckDB is not installed.
    """
    assert settings.query is not None
    database = None if settings.database is None else base / Path(settings.database).expanduser()
    if database is not None and not database.is_file():
        raise JobError(f"there is no file {settings.database!r} in {base}", field="data.database")
    name = f"query of {settings.database}" if settings.database else "query"
    ask = _ask_sqlite if database is not None and _is_sqlite(database) else _ask_duckdb
    found = ask(settings.query, database, base, name)
    table = table_of(name, SYMBOL, found.column_names, None, lambda names: found, asked_of(settings))
    assert table is not None
    whole: dict[str, Any] = {"adjust": "none", "start": None, "end": None, "warmup": None, "symbols": None}
    whole |= {"align": False, "holes": "leave", "columns": settings.columns_made}
    if not table.ticks:
        whole |= {"bars": None, "columns": settings.headers_read}
    panel = assemble([table], settings.model_copy(update=whole), keep_adjusted=True)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"*{SUFFIX}"):
        if time.time() - old.stat().st_atime > KEPT_S:
            old.unlink(missing_ok=True)
    with passing_folder(folder, ".new-") as place:
        made = place / f"new{SUFFIX}"
        write_panel(panel, made, sync=False)
        kept = folder / f"{hash_of_file(made)}{SUFFIX}"
        made.replace(kept)
    return {f"query{SUFFIX}": kept}


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _ask_sqlite(query: str, database: Path | None, base: Path, name: str) -> Any:
    import pyarrow as pa

    assert database is not None
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            if cursor.description is None:
                raise DataError("gives no rows: it must be a SELECT", file=name)
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        return pa.table([pa.array(column) for column in zip(*rows, strict=True)] or [[] for _ in names], names=names)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise DataError(f"fails: {error}", file=name) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"gives a column of several types: {str(error).splitlines()[0]}", file=name) from None


def _ask_duckdb(query: str, database: Path | None, base: Path, name: str) -> Any:
    try:
        import duckdb
    except ImportError:
        raise UsageError(f"a query needs DuckDB: {install('sql')}") from None
    try:
        with duckdb.connect("" if database is None else str(database), read_only=database is not None) as connection:
            connection.execute("SET file_search_path = ?", [str(base.resolve())])
            relation = connection.sql(query)
            if relation is None:
                raise DataError("gives no rows: it must be a SELECT", file=name)
            to_arrow: Callable[[], Any] = getattr(relation, "to_arrow_table", relation.arrow)
            return to_arrow()
    except duckdb.Error as error:
        raise DataError(f"fails: {str(error).splitlines()[0]}", file=name) from None
