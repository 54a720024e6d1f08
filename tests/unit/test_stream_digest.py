"""Stream digests: what docs/protocol.md says, whatever the cut, and never the same for what differs."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.market.columns import FIELDS
from backbus.market.panel import Block
from backbus.streams.digest import StreamDigest
from backbus.streams.event import Event, Payload
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.account_rows import BookRows, EquityRows

ROWS, ASSETS = 11, 3


def lanes_of(data: bytes) -> str:
    """The rule of the protocol, word by word."""
    factor, all_bits = 0x9E3779B97F4A7C15, 2**64 - 1
    lanes = [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5]

    def mix(lane: int, word: int) -> int:
        lane = (lane ^ word) * factor & all_bits
        return lane ^ (lane >> 32)

    for (word,) in struct.iter_unpack("<Q", data):
        lanes = [*lanes[1:], mix(lanes[0], word)]
    folded = lanes[0]
    for lane in lanes[1:]:
        folded = mix(folded, lane)
    return f"{folded:016x}"


def block() -> Block:
    chance = np.random.default_rng(1)
    stamps = np.arange(ROWS, dtype=np.int64)
    return Block(0, stamps, stamps * 7, *(chance.standard_normal((ROWS, ASSETS)) for _ in FIELDS))


def equity() -> EquityRows:
    chance = np.random.default_rng(2)
    bookings = rec.empty(rec.BOOKING, ROWS // 2)
    bookings["tick"] = 6 * np.arange(0, ROWS - 1, 2)[: ROWS // 2]
    bookings["amount"] = chance.standard_normal(len(bookings))
    return EquityRows(0, *(chance.standard_normal(ROWS) for _ in range(3)), bookings)


def book() -> BookRows:
    chance = np.random.default_rng(3)
    rows, cells = (chance.standard_normal(shape) for shape in (ROWS, (ROWS, ASSETS)))
    return BookRows(0, rows, rows + 1.0, cells, cells + 1.0)


def fills() -> rec.Records:
    records = rec.empty(rec.FILL, ROWS)
    records["tick"] = 6 * np.arange(ROWS) + 1
    records["price"] = 100.5
    return records


def digest(kind: Kind, payload: Block | EquityRows | BookRows | rec.Records, cuts: list[int]) -> str:
    """The digest of a stream that was cut into events at ``cuts``."""
    found = StreamDigest()
    for start, stop in zip([0, *cuts], [*cuts, ROWS], strict=True):
        part: Payload = payload[start:stop] if isinstance(payload, np.ndarray) else payload.rows(start, stop)
        found.add(Event(kind, "any", start, stop, 0, part))
    assert found.records == ROWS
    return found.value()


def test_columns_of_rows_are_mixed_as_the_protocol_says() -> None:
    whole = block()
    columns = [whole.end, whole.session, *(getattr(whole, name) for name in FIELDS)]
    assert digest(Kind.NEW_DATA, whole, []) == "".join(lanes_of(column.tobytes()) for column in columns)
    account = equity()
    parts = (account.equity, account.cash, account.gross, account.bookings)
    assert digest(Kind.EQUITY, account, []) == "".join(lanes_of(column.tobytes()) for column in parts)


def test_records_and_books_have_crcs() -> None:
    assert digest(Kind.FILL, fills(), []) == f"{zlib.crc32(fills().tobytes()):08x}"
    rows = book()
    parts = (rows.equity, rows.cash, rows.position, rows.average_cost)
    assert digest(Kind.BOOK, rows, []) == "".join(f"{zlib.crc32(column.tobytes()):08x}" for column in parts)


def test_a_stream_without_records_has_no_digest() -> None:
    found = StreamDigest()
    found.add(Event(Kind.FILL, "execution", 0, 0, 6))
    assert (found.records, found.value()) == (0, "")


@given(st.sets(st.integers(1, ROWS - 1)))
@settings(deadline=None)
def test_the_cut_changes_nothing(cuts: set[int]) -> None:
    for kind, payload in (
        (Kind.NEW_DATA, block()),
        (Kind.EQUITY, equity()),
        (Kind.BOOK, book()),
        (Kind.FILL, fills()),
    ):
        assert digest(kind, payload, sorted(cuts)) == digest(kind, payload, [])


@pytest.mark.parametrize("row", range(ROWS))
def test_one_bit_changes_it(row: int) -> None:
    changed = block()
    changed.volume.view(np.uint64)[row, 1] ^= np.uint64(1) << np.uint64(63)
    assert digest(Kind.NEW_DATA, changed, []) != digest(Kind.NEW_DATA, block(), [])
