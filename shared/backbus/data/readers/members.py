"""Who was in a universe when: a table of spells (symbol, from, to), or of lists (date, members), as spells.

Days only. ``to`` is the last day in it, and empty where the spell goes on; a list holds from its date on until the day
before the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from backbus.data.readers.headers import is_date_name, is_symbol_name, plain
from backbus.data.readers.small_tables import SmallTable, read_small_table
from backbus.errors import DataError
from backbus.market.panel import session_date

FOR_EVER = 1 << 40
"""The last day of a spell that goes on."""
_FROM = frozenset(["from", "start", "startdate", "fromdate", "datefrom", "since", "begin", "begindate", "firstday"])
_TO = frozenset(["to", "end", "enddate", "todate", "dateto", "until", "thru", "through", "lastday"])
_LIST = frozenset(["members", "tickers", "symbols", "constituents"])
_PARTS = re.compile(r"[,;|\s]+")


class Spell(NamedTuple):
    """Days since 1970 from which and until which, both included, an asset is in it; and where that was told."""

    first: int
    last: int
    row: int


@dataclass(frozen=True, slots=True)
class Members:
    """A universe."""

    name: str
    spells: dict[str, tuple[Spell, ...]]
    """By symbol, in order of time; none overlaps another."""
    lists: int
    """How many lists they were told by; 0 where by spells."""

    def told(self) -> str:
        """How the table was read, as a sentence."""
        count = sum(map(len, self.spells.values()))
        first = session_date(min(spell.first for each in self.spells.values() for spell in each))
        if self.lists:
            return (
                f"{self.name}: {self.lists} lists of members from {first} on, {len(self.spells)} assets in all; each"
                " holds from its date until the day before the next"
            )
        return f"{self.name}: {count} spells of {len(self.spells)} members from {first} on, both days included"


def read_members(name: str, path: Path) -> Members:
    """The universe in a file: CSV, packed or not, Parquet or Arrow. Raises ``DataError`` with file, line and column."""
    table = read_small_table(name, path, "; a list of members needs quotes")
    if not table.rows:
        raise DataError("has no rows; a universe without a member lets nothing be traded", file=name)
    names = [plain(header) for header in table.headers]
    symbol = next((at for at, header in enumerate(table.headers) if is_symbol_name(header)), None)
    first, last, listed = (
        next((at for at, one in enumerate(names) if one in known), None) for known in (_FROM, _TO, _LIST)
    )
    when = next((at for at, header in enumerate(table.headers) if is_date_name(header)), None)
    if symbol is not None and first is not None and last is not None:
        return Members(name, _of_spells(table, symbol, first, last), 0)
    if when is not None and listed is not None and symbol is None:
        return Members(name, *_of_lists(table, when, listed))
    raise DataError(
        f"has the columns {', '.join(table.headers)}; a universe has symbol, from and to (the last day in it, empty"
        " where it still is), or date and members (all of that day on, in one cell)",
        file=name,
    )


def _of_spells(table: SmallTable, symbol: int, first: int, last: int) -> dict[str, tuple[Spell, ...]]:
    begins, ends = table.days(first, last, first="the first day on which it is in it", missing=FOR_EVER)
    found: dict[str, list[Spell]] = {}
    for row, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        name = table.rows[row][symbol].strip()
        if not name:
            raise table.error(row, "this row names no symbol", symbol)
        if end < begin:
            text = f"{session_date(end)} is before {session_date(begin)}, its first day; correct one of them"
            raise table.error(row, text, last, name)
        found.setdefault(name, []).append(Spell(begin, end, row))
    for name, spells in found.items():
        spells.sort()
        for before, spell in pairwise(spells):
            if spell.first <= before.last:
                until = "and goes on" if before.last == FOR_EVER else f"to {session_date(before.last)}"
                at, other = sorted((before.row, spell.row))[::-1]
                text = (
                    f"this spell overlaps that of {table.place(other)}: one is from {session_date(before.first)}"
                    f" {until}, the other from {session_date(spell.first)}; make them one, or end the first"
                    " before the second"
                )
                raise table.error(at, text, first, name)
    return {name: tuple(spells) for name, spells in found.items()}


def _of_lists(table: SmallTable, when: int, listed: int) -> tuple[dict[str, tuple[Spell, ...]], int]:
    (days,) = table.days(when, first="the day from which on this list holds")
    order = sorted(range(len(days)), key=days.__getitem__)
    found: dict[str, list[Spell]] = {}
    for place, row in enumerate(order):
        after = FOR_EVER + 1 if place + 1 == len(order) else days[order[place + 1]]
        if after == days[row]:
            at = max(row, order[place + 1])
            raise table.error(at, f"a second list of {session_date(after)}; keep one of them", when)
        for name in dict.fromkeys(_listed(table.rows[row][listed])):
            spells = found.setdefault(name, [])
            if spells and spells[-1].last == days[row] - 1:
                spells[-1] = spells[-1]._replace(last=after - 1)
            else:
                spells.append(Spell(days[row], after - 1, row))
    if not found:
        raise DataError("has no member in any list; it lets nothing be traded", file=table.name)
    return {name: tuple(spells) for name, spells in found.items()}, len(order)


def _listed(text: str) -> Iterator[str]:
    for part in _PARTS.split(text.strip(" []()")):
        name = part.strip("'\"")
        if name:
            yield name
