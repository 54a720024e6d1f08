"""Bars while files are read in parts: each asset's columns, and in the end the rows of all assets.

They stay in memory while there are few of them, and lie on disk otherwise.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from backbus.data.pages import mapped
from backbus.data.panels.collect import Steps
from backbus.data.panels.rows import Rows
from backbus.market.panel import Floats, Ints

MERGED_CELLS = 1 << 21
"""So many numbers of a column are in memory at a time while assets' rows are merged."""


class Spool:
    """One asset's bars in memory, until they are put down: a file on disk for each column."""

    def __init__(self, folder: Path, symbol: str, number: int, source: str, roles: tuple[str, ...]) -> None:
        self.symbol, self.source, self.rows, self.last = symbol, source, 0, 0
        self.steps: dict[int, int] = {}
        self._paths = {role: folder / f"{number}-{place}" for place, role in enumerate(("stamp", *roles))}
        self._kept: dict[str, list[Any]] = {role: [] for role in self._paths}

    def append(self, rows: Rows) -> int:
        """Bars of this asset alone, in order; returns how many bytes they take."""
        stamps = rows.stamp if not self.rows else np.concatenate(([self.last], rows.stamp))
        steps = np.diff(stamps)
        if len(steps):  # nearly all are the same, and what is left is sorted fast
            others = steps[steps != steps[len(steps) // 2]]
            counted = dict(zip(*(each.tolist() for each in np.unique(others, return_counts=True)), strict=True))
            counted[int(steps[len(steps) // 2])] = len(steps) - len(others)
            for step, count in counted.items():
                self.steps[step] = self.steps.get(step, 0) + count
        for role, kept in self._kept.items():
            column = rows.stamp if role == "stamp" else rows.numbers.get(role)
            kept.append(np.full(len(rows), np.nan) if column is None else column)
        self.rows += len(rows)
        self.last = int(rows.stamp[-1])
        return len(self._kept) * 8 * len(rows)

    def put_down(self) -> None:
        """Write what is in memory to disk."""
        for role, path in self._paths.items():
            with path.open("ab") as file:  # not held open: of many assets there would be more than a process may have
                for column in self._kept[role]:
                    file.write(np.ascontiguousarray(column).data)
            self._kept[role] = []

    def stamps(self) -> Ints:
        """[rows]"""
        found: Ints = self._whole("stamp", np.int64, at_once=False)
        return found

    def column(self, role: str, *, at_once: bool = False) -> Floats:
        """[rows]; a mapped file's ``at_once`` where all of it is going to be read."""
        found: Floats = self._whole(role, np.float64, at_once=at_once)
        return found

    def _whole(self, role: str, dtype: Any, *, at_once: bool) -> Any:
        kept = self._kept[role]
        if not kept:  # all of them are down
            return np.frombuffer(mapped(self._paths[role], at_once=at_once), dtype=dtype)
        if len(kept) > 1:
            kept[:] = [_in_one_piece(kept)]
        return kept[0]

    def common_steps(self, number: int) -> Steps | None:
        """How far apart bars are; None of one bar."""
        if not self.steps:
            return None
        most = max(self.steps.values())
        return Steps(number, min(step for step, count in self.steps.items() if count == most), min(self.steps))


def _in_one_piece(parts: list[Any]) -> Any:
    """Parts of a column as one, without a copy where they lie one after the other in one array."""
    first = parts[0]
    at = first.ctypes.data
    for part in parts:
        if part.base is None or part.base is not first.base or part.ctypes.data != at or not part.flags.c_contiguous:
            return np.concatenate(parts)
        at += part.nbytes
    return np.lib.stride_tricks.as_strided(first, (sum(map(len, parts)),))


def merged(each: list[Spool], folder: Path, roles: tuple[str, ...]) -> tuple[Ints, dict[str, Floats]]:
    """Rows of all assets, in which any of them has a bar: stamps [rows] and columns [rows, assets], on disk."""
    window = max(1024, MERGED_CELLS // len(each))
    stamps, at = [spool.stamps() for spool in each], [0] * len(each)
    paths = {role: folder / f"all-{place}" for place, role in enumerate(("stamp", *roles))}
    with ExitStack() as open_files:
        files = {role: open_files.enter_context(path.open("wb")) for role, path in paths.items()}
        while True:
            ahead = [one[place : place + window] for one, place in zip(stamps, at, strict=True)]
            unread = [part for part in ahead if len(part)]
            if not unread:
                break
            # What ends within the window of the asset that ends first is known whole.
            full = [int(part[-1]) for part, one, p in zip(ahead, stamps, at, strict=True) if p + window < len(one)]
            limit = min(full, default=max(int(part[-1]) for part in unread))
            counts = [int(np.searchsorted(part, limit, side="right")) for part in ahead]
            rows = np.unique(np.concatenate([part[:count] for part, count in zip(ahead, counts, strict=True)]))
            files["stamp"].write(np.ascontiguousarray(rows).data)
            for role in roles:
                cells = np.full((len(rows), len(each)), np.nan)
                for number, (spool, count) in enumerate(zip(each, counts, strict=True)):
                    place = np.searchsorted(rows, ahead[number][:count])
                    cells[place, number] = spool.column(role)[at[number] : at[number] + count]
                files[role].write(cells.data)
            at = [place + count for place, count in zip(at, counts, strict=True)]
    shape = (-1, len(each))
    return (
        np.memmap(paths["stamp"], dtype=np.int64, mode="r"),
        {role: np.memmap(paths[role], dtype=np.float64, mode="r").reshape(shape) for role in roles},
    )
