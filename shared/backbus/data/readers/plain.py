"""Bars that are written in the plainest way, read without a text of them in between; any others are left to Arrow.

Which these are says ``plain_lines``, whose loop reads them: what it refuses, a line of a part, has the whole part read
by Arrow. Both give the same bits, and only Arrow's way has anything to say of what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.asked import Asked
from backbus.data.readers.csv_text import Text
from backbus.data.readers.dates import ISO_DATE
from backbus.data.readers.headers import STAMP
from backbus.data.readers.table import Kind, Stamps
from backbus.jit.arrays import read_only
from backbus.market.panel import Floats

_TIME = re.compile(
    r"(?:1[7-9]|2[01])\d\d-(?:0\d|1[0-2])-[0-3]\d[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?P<zone>Z?)$", re.ASCII
)
PLAIN_BYTES = 64 << 20
"""A text that is read at once, and is smaller, is left to Arrow: loading the compiler takes 0.3 s, and 100 MB are read
0.2 s faster."""
ROOM_BYTES = 1 << 29
"""So much of a file's bars stays in memory, and is there in one piece."""
_STRETCH = 1 << 18
"""So many bytes stay in a processor's cache."""
_DATE_BYTES = 10
_HEAD_BYTES = 1 << 12
_NEWLINE = 10
_LONGEST = 1 << 12
Bytes = NDArray[np.uint8]


class Plain(NamedTuple):
    """What was read."""

    stamps: Stamps
    numbers: dict[str, Floats]
    """By role, in the order of the roles."""


class Room:
    """Memory for the rows of all parts of a file, one after the other, so that no column is ever put together."""

    def __init__(self, most: int, numbers: int) -> None:
        self.stamps, self.numbers = np.empty(most, dtype=np.int64), np.empty((numbers, most))
        self._rows = 0

    @classmethod
    def of(cls, size: int, columns: int, numbers: int) -> Room:
        """Room for all rows that so many bytes can hold. What no row is written to is never the process's memory."""
        return cls(size // (_DATE_BYTES + columns) + 2, numbers)

    def place(self, text: memoryview) -> RoomFrom | None:
        """Where the rows of the next part go; None where they are too many."""
        row = self._rows
        data = np.frombuffer(text, dtype=np.uint8)
        stretches = (data[at : at + _STRETCH] for at in range(0, len(data), _STRETCH))
        lines = sum(int(np.count_nonzero(stretch == _NEWLINE)) for stretch in stretches)
        lines += int(data[-1] != _NEWLINE)
        if row + lines > len(self.stamps) or 8 * (row + lines) * (len(self.numbers) + 1) > ROOM_BYTES:
            return None
        self._rows += lines
        return RoomFrom(self, row)


class RoomFrom(NamedTuple):
    """From which row on a part goes into a room."""

    room: Room
    row: int


def read_plain(
    text: Text, roles: Mapping[str, int], of_numbers: Collection[str], asked: Asked, place: RoomFrom | None = None
) -> Plain | None:
    """The bars of a text; None where any of its lines is not of the plainest kind."""
    wanted = [role for role in roles if role != STAMP]
    positions = set(roles.values())
    if not all(role in of_numbers for role in wanted) or len(positions) < len(roles) or len(text.headers) < 2:
        return None
    if asked.form is not None or asked.decimal not in (None, "."):
        return None
    kind = _kind(text, roles[STAMP])
    if kind is None:
        return None
    from backbus.data.readers import plain_lines as lines  # compiled: who reads no such text does without

    form = {"date": lines.DATE, "local": lines.LOCAL, "instant": lines.UTC}[kind]
    columns = np.full(len(text.headers), lines.SKIPPED, dtype=np.int64)
    columns[roles[STAMP]] = lines.STAMP
    columns[[roles[role] for role in wanted]] = np.arange(len(wanted))
    data = np.frombuffer(text.data, dtype=np.uint8)
    whole, rest = _last_line(data)
    if not lines.COMPILED or (len(whole) and whole[-1] != _NEWLINE):
        return None
    room, first = place or RoomFrom(Room.of(len(data) - text.body, len(text.headers), len(wanted)), 0)
    stamps, numbers = room.stamps, room.numbers
    known = read_only(columns), form, lines.TENS
    rows = first
    for piece, begin in ((whole, text.body), (rest, max(text.body - len(whole), 0))):
        if begin < len(piece):
            rows = lines.read_lines(read_only(piece), begin, ord(text.separator), *known, stamps, numbers, rows)
        if rows == lines.REFUSED:
            return None
    if rows == first:
        return None
    return Plain(
        Stamps(kind, stamps[first:rows]), {role: numbers[number, first:rows] for number, role in enumerate(wanted)}
    )


def _kind(text: Text, position: int) -> Kind | None:
    """How the first bar's stamp is written; None where that is not plain."""
    head = bytes(text.data[text.body : text.body + _HEAD_BYTES]).lstrip(b"\r\n")
    cells = re.split(rb"[\r\n]", head, maxsplit=1)[0].decode("latin-1").split(text.separator)
    first = cells[position] if position < len(cells) else ""
    if ISO_DATE.match(first) and first.isascii():
        return "date"
    found = _TIME.match(first)
    return None if found is None else "instant" if found["zone"] else "local"


def _last_line(data: Bytes) -> tuple[Bytes, Bytes]:
    """All lines that end, and the last one with an end, where it has none; the first of them does not end where the
    last line is very long."""
    cut = len(data)
    while cut and data[cut - 1] != _NEWLINE and len(data) - cut <= _LONGEST:
        cut -= 1
    rest = bytes(data[cut:]) + b"\n" if cut < len(data) else b""
    return data[:cut], np.frombuffer(rest, dtype=np.uint8)
