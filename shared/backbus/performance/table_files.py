"""Tables of finished jobs as they are read: a file in, its rows out, or one DataError that names file and column.

Here alone it is seen whether a file holds what was written: whoever reads on relies on names and types of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.errors import DataError, UsageError
from backbus.performance.metrics import FIGURES
from backbus.performance.tables import TABLES, ColumnKind

if TYPE_CHECKING:
    import pyarrow as pa

Filters = list[tuple[str, str, Any]]
"""What rows must be, all of it: column, comparison, value."""
LATER = ("trail_from", "trail_from_fraction", "trail_then", "group")
"""Columns that runs of before do not have."""
_AGAIN = "run the job again"
_ALWAYS = ("row", "logical_time", "session", "entry_row")
"""Columns in which something stands in every row."""


def read_table_file(
    path: Path, table: str, columns: list[str] | None = None, filters: Filters | None = None
) -> pa.Table:
    """Rows of a table (``TABLES``, or one of a search by any other name), or some of its columns, all or those that
    ``filters`` let pass. Raises DataError."""
    import pyarrow.parquet as pq

    with _reading(path):
        schema = pq.read_schema(path)
        known = TABLES.get(table)
        if columns is not None:
            wanted: Iterable[str] = columns
        elif known is not None:
            wanted = [name for name in known if name not in LATER or name in schema.names]
        else:
            wanted = schema.names
        for name in dict.fromkeys((*wanted, *(one for one, _, _ in filters or ()))):
            _check(path, table, schema, name)
        found = pq.read_table(path, columns=columns, filters=filters) if filters else _plainly(path, columns)
    if table == "equity" and not filters and not len(found):
        raise DataError(f"has no rows, and every run has some: it is damaged; {_AGAIN}", file=str(path))
    for name in found.column_names:
        if known is not None and name in _ALWAYS and found.column(name).null_count:
            raise DataError(
                f"a row of the {table} has none of it: it is damaged; {_AGAIN}", file=str(path), column=name
            )
    return found


def _plainly(path: Path, columns: list[str] | None) -> pa.Table:
    """As ``read_table`` without filters, which loads all that reads folders of files, and pandas."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        found = file.read(columns=columns)
    return found if columns is None else found.select(columns)


def rows_in_file(path: Path) -> int:
    """How many rows a table has. Raises DataError."""
    import pyarrow.parquet as pq

    with _reading(path):
        return int(pq.read_metadata(path).num_rows)


def _check(path: Path, table: str, schema: pa.Schema, name: str) -> None:
    """Raise DataError where a column is not there, or is not of its type."""
    place = schema.get_field_index(name)
    known = TABLES.get(table)
    of = f"no table of the {table} of a run" if known is not None else "no table of a search"
    if place < 0 and known is None and name != "point" and name not in FIGURES:
        raise UsageError(f"the table {table} has no column {name!r}; it has {', '.join(schema.names)}")
    if place < 0:
        raise DataError(f"is {of}: it has no column {name!r}; {_AGAIN}", file=str(path))
    kind = known.get(name) if known is not None else ColumnKind.NUMBER if name in FIGURES else None
    if name == "point" and known is None:
        kind = ColumnKind.COUNT
    words = None if kind is None else _other_than(kind, schema.field(place).type)
    if words is not None:
        problem = f"is of type {schema.field(place).type}, and {words} stand in it where backbus has written it"
        raise DataError(f"{problem}; {_AGAIN}", file=str(path), column=name)


def _other_than(kind: ColumnKind, found: Any) -> str | None:
    """What a column holds, where its type does not; None where it is right."""
    import pyarrow.types as t

    match kind:
        case ColumnKind.COUNT:
            return None if t.is_integer(found) else "whole numbers"
        case ColumnKind.NUMBER | ColumnKind.NUMBER_OR_NONE:
            return None if t.is_floating(found) or t.is_integer(found) else "numbers"
        case ColumnKind.INSTANT:
            return None if t.is_timestamp(found) else "times"
        case ColumnKind.DATE:
            return None if t.is_date(found) else "dates"
    worded = found.value_type if t.is_dictionary(found) else found
    return None if t.is_string(worded) or t.is_large_string(worded) else "words"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tell a file that is gone or damaged by its place."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0]
        raise DataError(f"cannot be read as a table of a run: {said}; {_AGAIN}", file=str(path)) from None
