"""What tells two markets apart and says where: sums over the bars of a run, some kilobytes however long it was.

Rows are counted off in at most ``PARTS`` parts of one length. A bar's number is made of all that is known of it, a
row's of its bars and of its end. Each part has the sum of its rows' numbers, and of these times their places: where one
row of a part differs, the quotient of both differences is its place. Each asset has the sum of its bars' numbers. So
whoever has other bars is told which.

All is modulo 2⁶⁴, of float64 in canonical bit patterns (one NaN, no negative zero), as fingerprints are.
"""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Block, Floats, Ints, Layout
from backbus.performance.fingerprint import Words, canonical

PARTS = 1024
AT_ONCE = 16_384
"""Bars of one column that stay in the caches."""
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers without pattern: 2⁶⁴ over the golden ratio, and xxHash's second prime."""
_SHIFT = np.uint64(32)
_ODD = np.uint64(1)


@loop
def mix_in(words: Words, bars: Words) -> None:
    """Take a column, [rows, assets] as bit patterns, into the bars' numbers."""
    for row in range(words.shape[0]):
        for asset in range(words.shape[1]):
            number = bars[row, asset] * _SECOND + canonical(words[row, asset])
            bars[row, asset] = number ^ (number >> _SHIFT)


@loop
def add_rows(
    bars: Words, ends: Words, first_row: int, part_rows: int, by_asset: Words, assets: Words, parts: Words
) -> None:
    """Add rows of bars that have all columns in them to the sums of assets and of parts."""
    for row in range(bars.shape[0]):
        instant = ends[row] * _SECOND
        instant = (instant ^ (instant >> _SHIFT)) | _ODD
        total = instant
        for asset in range(bars.shape[1]):
            bar = bars[row, asset] * _FIRST
            bar = bar ^ (bar >> _SHIFT)
            assets[asset] += bar * instant
            total += bar * by_asset[asset]
        total = (total ^ (total >> _SHIFT)) * _SECOND
        part = (first_row + row) // part_rows
        place = first_row + row - part * part_rows
        parts[part, 0] += total
        parts[part, 1] += total * np.uint64(place + 1)


class Marks(BaseModel):
    """The sums of a market, warm-up included."""

    model_config = ConfigDict(frozen=True)

    rows: int
    part_rows: int
    """Rows of a part; the last one may have fewer."""
    parts: str
    """[parts, 2] little-endian 64-bit words as base64: the sum of the rows' numbers, and of these times their place."""
    assets: str
    """[assets] words likewise: the sum of its bars' numbers."""

    @field_validator("parts", "assets")
    @classmethod
    def _are_words(cls, text: str, info: ValidationInfo) -> str:
        if len(base64.b64decode(text, validate=True)) % (16 if info.field_name == "parts" else 8):
            raise ValueError("are no whole words")
        return text

    @property
    def digest(self) -> str:
        """Hex BLAKE2b-128 of all of it: equal markets, equal digests."""
        return hashlib.blake2b(self.model_dump_json().encode(), digest_size=16).hexdigest()


class Differing(NamedTuple):
    """Where a market is another than it was."""

    first: int
    """The first row that may differ, and after the last that may in the same part: one row where it is known."""
    stop: int
    assets: tuple[int, ...]
    """The assets of which any bar differs."""


def differing(told: Marks, found: Marks) -> Differing | None:
    """The first place in which two markets of the same assets differ; None where none does."""
    before, after = (_words(marks.parts).reshape(-1, 2) for marks in (told, found))
    own, other = (_words(marks.assets) for marks in (told, found))
    assets = tuple(np.flatnonzero(own != other).tolist()) if len(own) == len(other) else ()
    if told.part_rows != found.part_rows:
        return Differing(0, min(told.rows, found.rows), assets)
    both = min(len(before), len(after))
    unlike = np.flatnonzero((before[:both] != after[:both]).any(axis=1))
    if not len(unlike):
        return None if told == found else Differing(min(told.rows, found.rows), max(told.rows, found.rows), assets)
    part = int(unlike[0])
    first, rows = part * told.part_rows, told.part_rows
    once, weighted = after[part] - before[part]
    places = np.flatnonzero(np.arange(1, rows + 1, dtype=np.uint64) * once == weighted)
    if once and len(places) == 1 and told.rows == found.rows:
        first, rows = first + int(places[0]), 1
    return Differing(first, min(first + rows, max(told.rows, found.rows)), assets)


def _words(text: str) -> Words:
    return np.frombuffer(base64.b64decode(text), dtype="<u8")


class Marking:
    """Takes the bars of a run as they come, in any cut."""

    __slots__ = ("_assets", "_by_asset", "_part_rows", "_parts", "_rows")

    def __init__(self, layout: Layout) -> None:
        self._rows = layout.rows
        self._part_rows = max(1, -(-layout.rows // PARTS))
        self._parts = np.zeros((-(-layout.rows // self._part_rows), 2), dtype=np.uint64)
        self._assets = np.zeros(layout.assets, dtype=np.uint64)
        self._by_asset = _FIRST * (2 * np.arange(layout.assets, dtype=np.uint64) + np.uint64(1))
        """Odd numbers: bars that change places make another row."""

    def add(self, block: Block) -> None:
        """Take the next rows."""
        rows = max(1, AT_ONCE // max(1, len(self._assets)))
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(block), rows):
                self._add(block.rows(start, min(start + rows, len(block))))

    def _add(self, block: Block) -> None:
        bars = np.zeros(block.close.shape, dtype=np.uint64)
        for column in block.cells().values():
            mix_in(_bits(column), bars)
        sums = self._by_asset, self._assets, self._parts
        add_rows(bars, _bits(block.end), block.first_row, self._part_rows, *sums)

    def marks(self) -> Marks:
        """The sums so far."""
        parts, assets = (
            base64.b64encode(words.astype("<u8").tobytes()).decode() for words in (self._parts, self._assets)
        )
        return Marks(rows=self._rows, part_rows=self._part_rows, parts=parts, assets=assets)


def _bits(column: Floats | Ints) -> Words:
    """A column as whole words."""
    return read_only(np.ascontiguousarray(column).view(np.uint64))
