"""Columns of Arrow's as arrays and back: what pyarrow and pandas make of them, without pandas."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from backbus.arrow_columns import array_of, numbers_of, texts_of

KINDS = (
    pa.float64(), pa.float32(), pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.uint64(), pa.uint8(), pa.date32(),
    pa.timestamp("ns"), pa.timestamp("ns", "UTC"), pa.timestamp("us"), pa.string(), pa.bool_(), pa.decimal128(9, 2),
)  # fmt: skip


def values_of(kind: Any) -> list[Any]:
    if pa.types.is_string(kind):
        return list("abcde")
    return [True, False, True, True, False] if pa.types.is_boolean(kind) else [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("nulls", [(), (1, 4), (0, 1, 2, 3, 4)])
def test_a_column_is_what_pyarrow_makes_of_it_in_one_piece_or_in_some_or_a_part_of_them(
    kind: Any, nulls: tuple[int, ...]
) -> None:
    texts = [None if at in nulls else value for at, value in enumerate(values_of(kind))]
    whole = pa.array(texts, kind)
    pieces = pa.chunked_array([whole[1:], whole, pa.array([], kind)])
    for column in (pieces, pieces.slice(2, 5), pa.chunked_array([whole]), pa.chunked_array([], kind), pieces.slice(9)):
        mine, theirs = numbers_of(column), column.to_numpy()
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    "kind", [pa.float64(), pa.int64(), pa.int32(), pa.timestamp("ns", tz="UTC"), pa.date32()], ids=str
)
def test_an_array_is_what_pyarrow_makes_of_it_with_nulls_and_without(kind: Any) -> None:
    dtype = {pa.float64(): np.float64, pa.int32(): np.int32, pa.date32(): np.int32}.get(kind, np.int64)
    number = {pa.timestamp("ns", tz="UTC"): pa.int64(), pa.date32(): pa.int32()}.get(kind, kind)
    numbers = np.arange(40, dtype=dtype)[::2]
    for none in (None, numbers % 3 == 0, np.ones(20, dtype=np.bool_)):
        made = array_of(numbers, kind, none)
        made.validate(full=True)
        assert made.equals(pa.array(numbers, number, mask=none).cast(kind))
    assert array_of(numbers[:0], kind).equals(pa.array([], kind))


def test_numbers_that_are_none_stay_what_they_are_where_no_mask_says_so() -> None:
    assert array_of(np.array([np.nan, 1.0]), pa.float64()).null_count == 0


def test_texts_are_what_pyarrow_makes_of_them() -> None:
    for texts in ([], [""], ["A", "", "BRK.B", "日経"]):
        made = texts_of(texts)
        made.validate(full=True)
        assert made.equals(pa.array(texts, pa.string()))


def test_reading_and_writing_columns_loads_no_pandas() -> None:
    done = """
import sys
import numpy as np, pyarrow as pa
from backbus.arrow_columns import array_of, numbers_of, texts_of
column = array_of(np.arange(3.0), pa.float64(), np.array([True, False, False]))
numbers_of(pa.chunked_array([column, column]))
texts_of(["a"])
print("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", done], capture_output=True, text=True, check=True).stdout == "False\n"
