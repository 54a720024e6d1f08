"""Plain arrays for strategies that compute their own: the rows of a block with those before it in front."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from backbus.errors import StrategyError
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Floats


def unknown_column(name: str, columns: tuple[str, ...]) -> StrategyError:
    """The error of a column that the run does not have."""
    if name in FIELDS:
        return StrategyError(f"{name!r} is no further column, which data.columns could name: write .{name}")
    there = f"names {', '.join(columns)}" if columns else "is left out"
    return StrategyError(f"the data has no column {name!r}; the job's data.columns {there}: add it there")


def unknown_timeframe(name: str, timeframes: tuple[str, ...]) -> StrategyError:
    """The error of longer bars that the run does not have."""
    there = f"names {', '.join(timeframes)}" if timeframes else "is left out"
    return StrategyError(f"there are no bars of {name!r}; the job's data.timeframes {there}: add it there")


class Tail:
    """The last ``depth`` rows of all fields; NaN where the run has not had as many."""

    __slots__ = ("depth", "fields")

    def __init__(self, assets: int, depth: int, columns: tuple[str, ...] = ()) -> None:
        self.depth = depth
        self.fields = {name: np.full((depth, assets), np.nan) for name in (*FIELDS, *columns)}

    def advance(self, block: Block) -> None:
        """Take in the rows of a block that has been worked on."""
        for name, before in self.fields.items():
            new = block.column(name)[-self.depth :]
            self.fields[name] = np.concatenate((before[len(new) :], new))


class Raw:
    """Read-only [lookback + rows, assets] arrays; the block's own rows are the last ones, holes are NaN."""

    def __init__(self, tail: Tail, block: Block) -> None:
        self._tail = dict(tail.fields)
        self._block = block

    def _joined(self, name: str) -> Floats:
        joined: Floats = np.concatenate((self._tail[name], self._block.column(name)))
        joined.flags.writeable = False
        return joined

    def __getitem__(self, name: str) -> Floats:
        """Another column of the data, by its name."""
        if name not in self._tail:
            raise unknown_column(name, tuple(self._block.extra))
        return self._joined(name)

    @cached_property
    def open(self) -> Floats:
        """Opening prices."""
        return self._joined("open")

    @cached_property
    def high(self) -> Floats:
        """Highest prices."""
        return self._joined("high")

    @cached_property
    def low(self) -> Floats:
        """Lowest prices."""
        return self._joined("low")

    @cached_property
    def close(self) -> Floats:
        """Closing prices."""
        return self._joined("close")

    @cached_property
    def volume(self) -> Floats:
        """Volumes."""
        return self._joined("volume")
