"""Headers of several rows, as frames with two levels of columns are saved: fields in one row, assets in another.

Price,Close,Close,Open,Open            Ticker,AAA,AAA,BBB,BBB
Ticker,AAA,BBB,AAA,BBB       or        Price,Open,Close,Open,Close
Date,,,,                               Date,,,,
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backbus.data.readers.headers import STAMP, find_columns, is_date_name, is_field
from backbus.data.readers.table import Codes, Stamps, Table, of_ticks
from backbus.market.columns import PRICES
from backbus.market.panel import Floats, Ints

_FIELDS, _ASSETS = (
    ("price", "attributes", "field", "", "unnamed: 0"),
    ("ticker", "tickers", "symbol", "symbols", "", "date"),
)
_LEAST = 4


class Stack(NamedTuple):
    """What the rows of a header say of each column but the first, which is the date's."""

    fields: tuple[str, ...]
    symbols: tuple[str, ...]
    lines: int
    """Rows of the header."""

    def columns(self, symbol: str) -> list[int]:
        """Positions of an asset's columns in the file."""
        return [place for place, each in enumerate(self.symbols, 1) if each == symbol]


def stack_of(rows: Sequence[Sequence[str]]) -> Stack | None:
    """The header that the first rows of a file are, where they are one of several rows; None otherwise."""
    if len(rows) < 3 or len({len(row) for row in rows[:2]}) > 1:
        return None
    first, second, third = ([cell.strip() for cell in row] for row in rows[:3])
    for fields, assets in ((first, second), (second, first)):
        known = sum(is_field(cell) for cell in fields[1:])
        names = assets[1:]
        if known < _LEAST or known < len(fields) - 1 or not all(names) or any(map(_is_number, names)):
            continue
        if fields[0].lower() not in _FIELDS or assets[0].lower() not in _ASSETS:
            continue
        if any(is_field(name) for name in names) or len(set(zip(fields[1:], names, strict=True))) < len(names):
            continue
        further = is_date_name(third[0]) and not any(third[1:])
        return Stack(tuple(fields[1:]), tuple(names), 3 if further else 2)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def roles_of(stack: Stack, file: str, names: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """For each asset the positions of its columns, by their roles."""
    found = {}
    for symbol in dict.fromkeys(stack.symbols):
        places = stack.columns(symbol)
        headers = ["date", *(stack.fields[place - 1] for place in places)]
        roles = find_columns(headers, file, 1, names)
        found[symbol] = {role: places[at - 1] for role, at in roles.items() if role != STAMP}
    return found


class Cells(NamedTuple):
    """What was read of a file whose header has several rows."""

    stamps: Stamps
    numbers: Mapping[tuple[str, str], Floats]
    """By asset and role."""
    unreadable: Mapping[tuple[tuple[str, str], int], str]
    lines: Callable[[], Ints]


def stacked(name: str, cells: Cells, headers: Mapping[str, str]) -> Table:
    """One table of all assets, one after the other. Where there are several, a row in which one of them has no number
    at all is none of its bars."""
    symbols = tuple(dict.fromkeys(symbol for symbol, _ in cells.numbers))
    values = cells.stamps.values
    order = np.arange(len(values))
    if len(values) > 1 and not (np.diff(values) > 0).any():
        order = order[::-1]  # the newest bar comes first
    roles = list(dict.fromkeys(role for _, role in cells.numbers))
    rows, codes, numbers = [], [], {role: list[Any]() for role in roles}
    unreadable: dict[tuple[str, int], str] = {}
    begun = 0
    for code, symbol in enumerate(symbols):
        mine = {role: cells.numbers.get((symbol, role), np.full(len(values), np.nan)) for role in roles}
        wrong = np.zeros(len(values), dtype=np.bool_)
        here = {key: text for key, text in cells.unreadable.items() if key[0][0] == symbol}
        wrong[[row for _, row in here]] = True
        there = wrong.copy()
        for role in (*PRICES, "bid", "ask"):
            if role in mine:
                there |= ~np.isnan(mine[role])
        chosen = order[there[order]] if len(symbols) > 1 else order
        place = np.full(len(values), -1)
        place[chosen] = begun + np.arange(len(chosen))
        unreadable |= {(role, int(place[row])): text for ((_, role), row), text in here.items()}
        rows.append(chosen)
        codes.append(np.full(len(chosen), code, dtype=np.int32))
        for role in roles:
            numbers[role].append(mine[role][chosen])
        begun += len(chosen)
    at = np.concatenate(rows)
    wall, lines = cells.stamps.wall, cells.lines
    all_codes: Codes = np.concatenate(codes)
    return of_ticks(
        Table(
            name=name,
            stamps=Stamps(
                cells.stamps.kind, values[at], None if wall is None else lambda: wall()[at], cells.stamps.zone
            ),
            symbols=symbols,
            codes=all_codes,
            numbers={role: np.concatenate(parts) for role, parts in numbers.items()},
            headers=headers,
            lines=lambda: lines()[at],
            unreadable=unreadable,
            zone=cells.stamps.zone,
        )
    )
