"""A run's streams in one table: who writes each kind of event, who reads it, what it carries and how it is digested.

Whatever has to know this reads it here: the codec, what is let in, the digests, the handlers, what services subscribe
to, and the tables and the picture of the docs (``make pages``). A new kind is a name in ``Kind`` and a row in
``STREAMS``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np

from backbus.market.columns import FIELDS
from backbus.market.panel import Block
from backbus.trading.account_rows import BookRows, EquityRows
from backbus.trading.records import BOOKING, FILL, ORDER, SIGNAL

DATA, STRATEGY, PORTFOLIO, EXECUTION, PERFORMANCE = "data", "strategy", "portfolio", "execution", "performance"
"""The roles of a run, by which events name who said them."""
SOURCES = (DATA, "simulator")
"""Services that can play ``data`` in a run: its bars come from one of them."""


class Kind(StrEnum):
    """The kinds of event on the bus; a run has one stream of each, and one PROGRESS per reader of the source."""

    NEW_DATA = "NEW_DATA"
    SIGNAL = "SIGNAL"
    ORDER = "ORDER"
    FILL = "FILL"
    EQUITY = "EQUITY"
    BOOK = "BOOK"
    PROGRESS = "PROGRESS"


class PayloadRows(Protocol):
    """What an event of a stream of rows carries: consecutive rows, with an array for each column."""

    @property
    def first_row(self) -> int:
        """The run's row that the first one here is."""
        ...

    def __len__(self) -> int:
        """How many rows."""
        ...

    def rows(self, start: int, stop: int) -> Self:
        """Rows ``start`` to ``stop`` counted from the first one here; views."""
        ...


class Column(NamedTuple):
    """An array that every message with rows has, by the name of the payload's field."""

    name: str
    dtype: str
    per_asset: bool
    """Whether it has a value for each asset, [rows, assets] row by row, or one for each row, [rows]."""
    meaning: str = ""


class PackedRecords(NamedTuple):
    """Packed records that come with rows where there are any, by the name of the payload's field."""

    name: str
    dtype: np.dtype[np.void]
    digested: bool
    """Whether they count in the stream's digest; not where they are copies of another stream's."""
    meaning: str


class StreamType(NamedTuple):
    """One kind of event: its ends, and what its messages hold. It has packed records, or rows, or neither."""

    writer: str | None
    """The role that says it; None where each reader of the source does."""
    readers: tuple[str, ...]
    contents: str
    """What one of its records is."""
    watermark: str
    """How far it is said to be complete: not including which logical time."""
    record: np.dtype[np.void] | None = None
    """The record of a stream of records."""
    rows: Callable[..., PayloadRows] | None = None
    """What makes the payload of a stream of rows, of its first row, its columns in their order, and its records."""
    columns: tuple[Column, ...] = ()
    records: tuple[PackedRecords, ...] = ()
    more_columns: bool = False
    """Whether a run can have columns of its own behind these."""
    digest: Literal["crc", "lanes"] = "crc"
    """CRC-32 costs least for small records; where columns are megabytes, lanes take a sixth of its time."""
    where_book_is_read: bool = False
    """Whether a run has it only if its strategy reads the book."""
    compared_by: tuple[str, ...] = ()
    """Roles that can work it out themselves, and hear it to compare it with that."""
    vouched_by: tuple[str, ...] = ()
    """Roles that can work it out themselves, and say at their end which records they worked out."""


STREAMS: dict[Kind, StreamType] = {
    Kind.NEW_DATA: StreamType(
        DATA,
        (STRATEGY, PORTFOLIO, EXECUTION, PERFORMANCE),
        "a row; record number = row",
        "6 × rows sent",
        rows=Block,
        columns=(
            Column("end", "<i8", False, "instant at which the row's bars end"),
            Column("session", "<i8", False, "trading day in days since 1970"),
            *(Column(name, "<f8", True) for name in FIELDS),
        ),
        more_columns=True,
        digest="lanes",
    ),
    Kind.SIGNAL: StreamType(
        STRATEGY, (PORTFOLIO, PERFORMANCE), "a signal record", "6 × rows worked off", record=SIGNAL
    ),
    Kind.ORDER: StreamType(
        PORTFOLIO,
        (EXECUTION, PERFORMANCE),
        "an order record",
        "the next tick at which anything may be decided",
        record=ORDER,
        compared_by=(STRATEGY,),
    ),
    Kind.FILL: StreamType(
        EXECUTION,
        (PORTFOLIO, PERFORMANCE),
        "a fill record",
        "the next tick that is not matched yet",
        record=FILL,
        compared_by=(STRATEGY,),
    ),
    Kind.EQUITY: StreamType(
        PORTFOLIO,
        (PERFORMANCE,),
        "a traded row; record 0 is row `warmup`",
        "6 × (last row + 1)",
        rows=EquityRows,
        columns=tuple(
            Column(name, "<f8", False, "cash units, after `CLOSE_MATCH`") for name in ("equity", "cash", "gross")
        ),
        records=(PackedRecords("bookings", BOOKING, True, "packed BOOKING records of these rows"),),
        digest="lanes",
        vouched_by=(STRATEGY,),
    ),
    Kind.BOOK: StreamType(
        PORTFOLIO,
        (STRATEGY,),
        "a traded row, and what was decided and done since the row before; record 0 is row `warmup`",
        "the row's `CLOSE_DECIDE` tick",
        rows=BookRows,
        columns=(
            *(
                Column(name, "<f8", False, "marked at the close, before the row's signals")
                for name in ("equity", "cash")
            ),
            Column("position", "<f8", True, "signed quantity"),
            Column("average_cost", "<f8", True, "price, 0 where flat"),
        ),
        records=(
            PackedRecords("orders", ORDER, False, "packed ORDER records, as many as there are since the row before"),
            PackedRecords("fills", FILL, False, "packed FILL records, as many as there are since the row before"),
        ),
        where_book_is_read=True,
    ),
    Kind.PROGRESS: StreamType(None, (DATA,), "nothing", "6 × rows worked off; `from` = `to` = rows worked off"),
}

READERS = STREAMS[Kind.NEW_DATA].readers
"""The roles that read the source: each says PROGRESS, and the source is never far ahead of the slowest."""


def read_by(role: str, *, reads_book: bool = True) -> tuple[Kind, ...]:
    """The kinds that come to a role, or to a service that plays one."""
    played = DATA if role in SOURCES else role
    return tuple(kind for kind, stream in STREAMS.items() if played in stream.readers and _has(stream, reads_book))


def written_by(role: str, *, reads_book: bool = True) -> tuple[Kind, ...]:
    """The kinds that are a role's own streams; PROGRESS, which several say, is none of them."""
    return tuple(kind for kind, stream in STREAMS.items() if stream.writer == role and _has(stream, reads_book))


def compared_by(role: str) -> tuple[Kind, ...]:
    """The kinds that a role hears besides where it works the book out itself."""
    return tuple(kind for kind, stream in STREAMS.items() if role in stream.compared_by)


def vouched_by(role: str) -> tuple[Kind, ...]:
    """The kinds that a role says at its end to have worked out, where it works the book out itself."""
    return tuple(kind for kind, stream in STREAMS.items() if role in stream.vouched_by)


def _has(stream: StreamType, reads_book: bool) -> bool:
    return reads_book or not stream.where_book_is_read
