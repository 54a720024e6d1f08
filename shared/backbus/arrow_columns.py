"""Arrow's columns as numpy's arrays and back, without pandas.

``to_numpy`` and ``pa.array`` load pandas, which takes a third of a second, to know its kinds of columns when they see
one. Nothing that comes in or goes out here is pandas': the same numbers are looked at where they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERS = {
    "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8",
    "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
    "float": "f4", "double": "f8",
    "timestamp[ns]": "M8[ns]", "timestamp[ns, tz=UTC]": "M8[ns]",
}  # fmt: skip
"""Types whose values lie side by side, as numpy has them."""


def numbers_of(column: Any) -> NDArray[Any]:
    """A column of numbers, times or dates as an array: what is null is NaN or NaT. Of one piece without nulls it is the
    column's own memory, which cannot be written. Of any other kind it is what ``to_numpy`` makes of it."""
    if str(column.type) == "date32[day]" and not column.null_count:
        return numbers_of(column.cast("int32")).astype("M8[D]")
    kind = _NUMBERS.get(str(column.type))
    if kind is None or (column.null_count and kind[0] not in "fM"):
        return np.asarray(column.to_numpy())
    pieces = column.chunks if hasattr(column, "chunks") else [column]
    arrays = [_piece(piece, np.dtype(kind)) for piece in pieces if len(piece)]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


def _piece(piece: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    there, values = piece.buffers()
    numbers = np.frombuffer(values, dtype, len(piece), piece.offset * dtype.itemsize)
    if not piece.null_count:
        return numbers
    bits = np.unpackbits(np.frombuffer(there, np.uint8), count=piece.offset + len(piece), bitorder="little")
    return np.where(bits[piece.offset :] == 1, numbers, np.array("NaT" if dtype.kind == "M" else np.nan, dtype))


def array_of(numbers: NDArray[Any], kind: pa.DataType, none: NDArray[np.bool_] | None = None) -> pa.Array:
    """Numbers, of the array's own type, as an Arrow array of that memory; null where ``none`` says so."""
    import pyarrow as pa

    there = None if none is None else pa.py_buffer(np.packbits(~none, bitorder="little"))
    values = pa.py_buffer(np.ascontiguousarray(numbers))
    return pa.Array.from_buffers(kind, len(numbers), [there, values])


def texts_of(texts: Sequence[str]) -> pa.Array:
    """Texts as an Arrow array."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(each) for each in encoded], out=ends[1:])
    return pa.Array.from_buffers(pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])
