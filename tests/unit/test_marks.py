"""Sums over a market: the same for the same bars however they are cut, and where they differ they say where."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.market.panel import Block, Layout
from backbus.performance.marks import PARTS, Differing, Marking, Marks, differing

FIELDS = ("open", "high", "low", "close", "volume")


def market(rows: int, assets: int, seed: int = 0) -> Block:
    dice = np.random.default_rng(seed)
    fields = {name: dice.uniform(1.0, 2.0, (rows, assets)) for name in FIELDS}
    end = np.arange(rows, dtype=np.int64) * 86_400_000_000_000
    return Block.of(0, end, np.arange(rows, dtype=np.int64), fields, {"dividend": dice.uniform(0, 1, (rows, assets))})


def marks_of(block: Block, cut: int | None = None) -> Marks:
    rows, assets = block.close.shape
    marking = Marking(Layout(tuple(map(str, range(assets))), rows, 0, 0, ("dividend",)))
    for start in range(0, rows, cut or max(1, rows)):
        marking.add(block.rows(start, min(start + (cut or rows), rows)))
    return marking.marks()


def changed(block: Block, name: str, row: int, asset: int) -> Block:
    column = block.column(name).copy()
    column[row, asset] = np.nextafter(column[row, asset], 9.0)
    if name in FIELDS:
        return dataclasses.replace(block, **{name: column})
    return dataclasses.replace(block, extra={**block.extra, name: column})


@pytest.mark.parametrize("rows", [1, 7, PARTS, 3 * PARTS + 5])
def test_no_cut_changes_them(rows: int) -> None:
    block = market(rows, 3)
    assert marks_of(block, 1 if rows < 10 else 97) == marks_of(block, 5) == marks_of(block)
    assert differing(marks_of(block), marks_of(block, 5)) is None


@given(
    st.integers(0, 3 * PARTS + 4),
    st.integers(0, 2),
    st.sampled_from([*FIELDS, "dividend"]),
)
def test_one_bit_of_one_price_is_found(row: int, asset: int, name: str) -> None:
    block = market(3 * PARTS + 5, 3)
    assert differing(marks_of(block), marks_of(changed(block, name, row, asset))) == Differing(row, row + 1, (asset,))


def test_several_rows_of_a_part_are_told_as_that_part() -> None:
    block = market(3 * PARTS, 2)
    other = changed(changed(block, "close", 301, 0), "high", 302, 1)
    found = differing(marks_of(block), marks_of(other))
    assert found is not None
    assert found.assets == (0, 1)
    assert found.first <= 301 < found.stop <= found.first + 3 or found == Differing(301, 302, (0, 1))


def test_one_nan_and_no_negative_zero() -> None:
    block = market(4, 1)
    volume, other = block.volume.copy(), block.volume.copy()
    volume[1], other[1] = 0.0, -0.0
    volume[2] = np.nan
    other[2] = np.array([0xFFF8000000000001], dtype=np.uint64).view(np.float64)[0]
    assert marks_of(dataclasses.replace(block, volume=volume)) == marks_of(dataclasses.replace(block, volume=other))


def test_bars_that_changed_places_and_rows_that_are_missing_are_told() -> None:
    block = market(40, 2)
    swapped = Block.of(0, block.end, block.session, {n: c[:, ::-1] for n, c in block.cells().items() if n in FIELDS}, {
        "dividend": block.extra["dividend"][:, ::-1]
    })  # fmt: skip
    found = differing(marks_of(block), marks_of(swapped))
    assert found is not None and found.first == 0 and found.assets == (0, 1)
    later = dataclasses.replace(block, end=block.end + 1)
    assert differing(marks_of(block), marks_of(later)) is not None
    shorter = differing(marks_of(block), marks_of(block.rows(0, 39)))
    assert shorter is not None and shorter.first == 39
