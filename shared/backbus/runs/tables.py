"""The tables of a finished job, wherever they lie: files of a folder, or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from backbus import renamed
from backbus.arrow_columns import numbers_of
from backbus.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from backbus.performance.table_files import Filters

Place = Path | Callable[[], "pa.Table"]


class Tables:
    """Tables by name; each is read when it is first asked for. ``there`` says where each is: a Parquet file, or what
    makes it."""

    def __init__(self, there: Mapping[str, Place]) -> None:
        self._there = dict(there)
        self._made: dict[str, pa.Table] = {}
        self._columns: dict[tuple[str, str], NDArray[Any]] = {}

    def __repr__(self) -> str:
        return f"<Tables: {', '.join(self) or 'none'}>"

    def __contains__(self, name: object) -> bool:
        return name in self._there

    def __iter__(self) -> Iterator[str]:
        return iter(self._there)

    @property
    def files(self) -> dict[str, Path]:
        """Those that are files."""
        return {name: place for name, place in self._there.items() if isinstance(place, Path)}

    def held(self) -> Tables:
        """The same in memory: their files may go."""
        return Tables({name: partial(_itself, self.read(name)) for name in self})

    def read(self, name: str, columns: list[str] | None = None, filters: Filters | None = None) -> pa.Table:
        """One of them, or some of its columns, of all rows or of those that ``filters`` let pass. Raises UsageError
        for one that is not there, and DataError for a file that cannot be read."""
        from backbus.performance.table_files import read_table_file
        from backbus.performance.tables import TABLES

        place = self._place(name)
        if name in TABLES:
            _check_names(name, columns or (), TABLES[name])
        if isinstance(place, Path):
            return read_table_file(place, name, columns, filters)
        if name not in self._made:
            self._made[name] = place()
        made = self._made[name]
        _check_names(name, columns or (), made.column_names)
        if filters:
            import pyarrow.parquet as pq

            made = made.filter(pq.filters_to_expression(filters))
        return made if columns is None else made.select(columns)

    def rows(self, name: str) -> int:
        """How many rows a table has."""
        place = self._place(name)
        if isinstance(place, Path):
            from backbus.performance.table_files import rows_in_file

            return rows_in_file(place)
        return int(self.read(name).num_rows)

    def column(self, table: str, name: str) -> NDArray[Any]:
        """[rows] one column; words as objects, times as UTC nanoseconds."""
        key = table, name
        if key not in self._columns:
            self._columns[key] = numbers_of(self.read(table, [name]).column(0))
        return self._columns[key]

    def frame(self, name: str) -> pd.DataFrame:
        """One of them as a pandas frame."""
        found: pd.DataFrame = self.read(name).to_pandas()
        return found

    def _place(self, name: str) -> Place:
        if isinstance(name, str) and name in self._there:
            return self._there[name]
        if isinstance(name, str) and name in renamed.TABLES:
            raise UsageError(renamed.is_now(name, renamed.TABLES[name]))
        there = ", ".join(self._there)
        raise UsageError(
            f"there is no table {name!r}; "
            + (f"there are {there}" if there else "none were kept: leave tables=False out")
        )


def _check_names(table: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raise UsageError for a column that the table never has."""
    for name in names:
        if name not in known:
            raise UsageError(f"the table {table} has no column {name!r}; it has {', '.join(known)}")


def _itself(table: pa.Table) -> pa.Table:
    return table
