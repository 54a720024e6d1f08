"""What tells two runs apart: a setting, a file, a bar, an order, a fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backbus.market.panel import Block, session_date
from backbus.performance.table_files import read_table_file
from backbus.runs.receipt import Receipt

UNIMPORTANT = ("name", "run")
"""Tables of a job that change no result."""
_CAME_OUT = ("fingerprint", "fills_digest", "equity_digest", "final_equity", "counts", "booked", "metrics", "tails")
_DECISIONS = ("logical_time", "order", "symbol", "kind", "quantity", "type", "limit", "stop", "trail", "reason")
_FILLED = ("logical_time", "order", "symbol", "quantity", "price", "fee")


class RunDifference(NamedTuple):
    """One of them."""

    of: str
    """``settings``, ``strategy``, ``data``, ``bar``, ``backbus``, ``report``, ``order`` or ``fill``; or ``damaged``: a
    file of the run that cannot be read."""
    where: str
    first: Any
    """What it is in the first of both; None where it is not there."""
    second: Any

    def told(self, first: str = "in the first", second: str = "in the second") -> str:
        """As a sentence, with these words for which is which."""
        if self.of == "damaged":
            return f"damaged: {self.second}"
        what = self.where if self.of == "settings" else f"{self.of} {self.where}"
        if self.of == "bar":
            return f"{what} differs: {second} {self.second}" if self.second else f"{what} differs"
        return f"{what}: {first} {_shown(self.first)}, {second} {_shown(self.second)}"


def _shown(value: Any) -> str:
    return "not there" if value is None else f"{value:,.10g}" if isinstance(value, float) else str(value)


def settings_apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[RunDifference]:
    """Settings of two jobs that differ, by their dotted names, but for those that change no result."""
    one, other = (dict(leaves(fields)) for fields in (first, second))
    for name in sorted(one.keys() | other.keys()):
        if name.partition(".")[0] not in UNIMPORTANT and one.get(name) != other.get(name):
            yield RunDifference("settings", name, one.get(name), other.get(name))


def reports_apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[RunDifference]:
    """Figures, counts and digests that two reports tell differently, of those that both have."""
    one, other = (dict(leaves({name: said.get(name) for name in _CAME_OUT})) for said in (first, second))
    for name in sorted(one.keys() & other.keys()):
        if one[name] != other[name]:
            yield RunDifference("report", name, one[name], other[name])


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Settings of a job's plain values by their dotted names, but for those that are None."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    elif value is not None:
        yield path, value


def files_apart(of: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[RunDifference]:
    """Files whose bytes differ, or that one of both alone has."""
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            yield RunDifference(of, name, *(blobs[name][:12] if name in blobs else None for blobs in (first, second)))


def versions_apart(first: Receipt, second: Receipt) -> Iterator[RunDifference]:
    """Another backbus, interpreter or library."""
    if first.sources != second.sources:
        yield RunDifference(
            "backbus", "sources", f"{first.backbus} ({first.sources})", f"{second.backbus} ({second.sources})"
        )
    for name in sorted(first.versions.keys() | second.versions.keys()):
        if first.versions.get(name) != second.versions.get(name):
            yield RunDifference("backbus", name, first.versions.get(name), second.versions.get(name))


def bar_told(block: Block, symbols: Sequence[str], assets: Sequence[int]) -> str:
    """Which bar it is, and what is in it now; ``block`` is one row."""
    date = session_date(int(block.session[0]))
    ends = str(np.datetime64(int(block.end[0]), "ns")).rstrip("0").rstrip(".").replace("T", " ")
    some = list(assets) or list(range(len(symbols)))
    cells = block.cells()
    told = ", ".join(f"{name} {column[0, some[0]]:.10g}" for name, column in cells.items())
    names = ", ".join(symbols[asset] for asset in some[:5])
    return f"{names} {date} (ends {ends} UTC) has {told}"


def first_row_apart(table: str, first: Path, second: Path) -> RunDifference | None:
    """The first order or fill in which two folders' tables differ."""
    columns = _FILLED if table == "fills" else _DECISIONS
    one, other = (read_table_file(folder / f"{table}.parquet", table, list(columns)) for folder in (first, second))
    count = min(len(one), len(other))
    unlike = np.zeros(count, dtype=np.bool_)
    for name in columns:
        mine, theirs = (whole.column(name).slice(0, count).to_numpy(zero_copy_only=False) for whole in (one, other))
        same = mine == theirs
        if mine.dtype.kind == "f":
            same |= np.isnan(mine) & np.isnan(theirs)
        unlike |= ~same
    of = table.removesuffix("s")
    if unlike.any():
        row = int(np.argmax(unlike))
        return RunDifference(
            of, f"number {row + 1}", _row_told(folder_row(first, table, row)), _row_told(folder_row(second, table, row))
        )
    if len(one) == len(other):
        return None
    longer = first if len(one) > len(other) else second
    told = _row_told(folder_row(longer, table, count))
    alone = (told, None) if longer is first else (None, told)
    return RunDifference(of, f"number {count + 1}", *alone)


def folder_row(folder: Path, table: str, row: int) -> dict[str, Any]:
    """One row of a table, with all its columns."""
    found: dict[str, Any] = read_table_file(folder / f"{table}.parquet", table).slice(row, 1).to_pylist()[0]
    return found


def _row_told(row: Mapping[str, Any]) -> str:
    time = f"{row['time']:%Y-%m-%d %H:%M} UTC"
    if "price" in row:
        when = f"{row['phase']}, {time}, fee {row['fee']:,.10g}"
        return f"{row['quantity']:+,.10g} {row['symbol']} at {row['price']:,.10g} ({when})"
    levels = "".join(f" {name} {row[name]:,.10g}" for name in ("limit", "stop", "trail") if row[name] is not None)
    why = f", {row['reason']}" if row["reason"] else ""
    return f"{row['kind']} {row['quantity']:+,.10g} {row['symbol']} {row['type']}{levels} ({time}{why})"
