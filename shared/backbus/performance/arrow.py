"""A run's tables as Arrow's: codes become words, and what is none becomes null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.arrow_columns import array_of, texts_of
from backbus.performance.tables import CATEGORIES, TABLES, ColumnKind, Columns, Piece
from backbus.performance.trades import NO_TIME

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowColumns:
    """How the columns of one table are written; ``symbols`` are the run's, in the order of its assets."""

    def __init__(self, columns: dict[str, ColumnKind], symbols: Sequence[str]) -> None:
        import pyarrow as pa

        self.kinds = columns
        self._words = {
            kind: texts_of(symbols if kind is ColumnKind.SYMBOL else CATEGORIES[kind])
            for kind in columns.values()
            if kind is ColumnKind.SYMBOL or kind in CATEGORIES
        }
        self.schema: pa.Schema = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()])

    @property
    def worded(self) -> list[str]:
        """The columns that hold words."""
        return [name for name, kind in self.kinds.items() if kind in self._words]

    def table(self, columns: Columns) -> pa.Table:
        """Rows of the table."""
        import pyarrow as pa

        arrays = [self._array(columns[name], kind) for name, kind in self.kinds.items()]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _array(self, column: NDArray[Any], kind: ColumnKind) -> Any:
        import pyarrow as pa

        match kind:
            case ColumnKind.NUMBER:
                return array_of(column.astype(np.float64, copy=False), pa.float64())
            case ColumnKind.NUMBER_OR_NONE:
                return array_of(column.astype(np.float64, copy=False), pa.float64(), _mask(np.isnan(column)))
            case ColumnKind.COUNT:
                return array_of(column.astype(np.int64, copy=False), pa.int64(), _mask(column < 0))
            case ColumnKind.DATE:
                return array_of(column.astype(np.int32), pa.date32())
            case ColumnKind.INSTANT:
                return array_of(column.astype(np.int64, copy=False), arrow_type(kind), _mask(column == NO_TIME))
            case _:
                none = _mask(column < 0) if kind is ColumnKind.SYMBOL else None
                return pa.DictionaryArray.from_arrays(
                    array_of(column.astype(np.int32), pa.int32(), none), self._words[kind]
                )


def _mask(none: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """A mask where anything is none. Without one a file's bytes are the same, and cost two thirds of the time."""
    return none if none.any() else None


def arrow_type(kind: ColumnKind) -> Any:
    """A column's type."""
    import pyarrow as pa

    match kind:
        case ColumnKind.NUMBER | ColumnKind.NUMBER_OR_NONE:
            return pa.float64()
        case ColumnKind.COUNT:
            return pa.int64()
        case ColumnKind.DATE:
            return pa.date32()
        case ColumnKind.INSTANT:
            return pa.timestamp("ns", tz="UTC")
        case _:
            return pa.dictionary(pa.int32(), pa.string())


class HeldTables:
    """The tables of one run in memory, made of pieces as they come; ``symbols`` are the run's."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = tuple(symbols)
        self._pieces: dict[str, list[Columns]] = {name: [] for name in TABLES}

    def write(self, pieces: Iterable[Piece]) -> None:
        """Append pieces to their tables."""
        for name, columns in pieces:  # a field of records is a part of a larger array: it is let go
            self._pieces[name].append({key: np.ascontiguousarray(column) for key, column in columns.items()})

    def table(self, name: str) -> pa.Table:
        """One of them, as its file would hold it."""
        import pyarrow as pa

        made = ArrowColumns(TABLES[name], self._symbols)
        parts = [made.table(columns) for columns in self._pieces[name]]
        return pa.concat_tables(parts) if parts else made.schema.empty_table()
