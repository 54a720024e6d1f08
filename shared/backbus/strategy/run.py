"""What one run of a strategy remembers from block to block.

Each indicator call of ``signals`` takes the next numbered slot, in call order. The slots of the first block are the
pattern for all others: a call that differs means that the strategy branches on data between its indicators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from backbus.errors import StrategyError
from backbus.jit.arrays import read_only
from backbus.market.columns import MEMBER
from backbus.market.panel import Block, Layout
from backbus.strategy.raw import Tail
from backbus.strategy.saying.emission import Emission
from backbus.strategy.sharing import Key
from backbus.trading.records import SIGNAL, Records

Bools = NDArray[np.bool_]
State = TypeVar("State")


def _call(key: Key) -> str:
    name, *arguments = key
    return f"{name}({', '.join(map(str, arguments))})"


class Run:
    """State slots of one run, and the block that is being worked on."""

    __slots__ = (
        "_complete",
        "_cursor",
        "_room",
        "_scratch",
        "_slots",
        "block",
        "cold",
        "emission",
        "layout",
        "tail",
        "unwritten",
        "whole",
    )

    def __init__(
        self,
        layout: Layout,
        lookback: int = 0,
        instruments: Records | None = None,
        *,
        whole: bool = False,
        unwritten: bool = False,
    ) -> None:
        self.layout = layout
        self.whole = whole
        """Whether a block is the whole panel, and no other one follows."""
        self.unwritten = unwritten
        """Whether signals may be left for others to write: of one asset alone, in a block that is whole."""
        self.cold = 0
        """Rows before all that its indicators tell is known, over a whole panel."""
        self.emission = Emission(layout, instruments)
        self.block: Block | None = None
        self.tail = Tail(layout.assets, lookback, layout.columns) if lookback else None
        """The rows before the block, for array-style strategies that declare a lookback."""
        self._slots: list[tuple[Key, object]] = []
        self._cursor = 0
        self._complete = False
        self._room = np.empty(0, SIGNAL)
        self._scratch = np.empty(0, np.uint64)

    def restart(self) -> None:
        """Forget all: the next block is the first one of another run."""
        self._slots.clear()
        self._complete = False
        self.cold = 0

    def members(self, block: Block) -> Bools | None:
        """[rows, assets] which assets are in the universe; None where there is none, and all are."""
        return None if self.layout.universe is None else read_only(block.extra[MEMBER] == 1.0)

    def room(self, signals: int) -> Records:
        """Where a block's signals are written: the same memory each time."""
        if len(self._room) < signals:
            self._room = np.empty(signals, SIGNAL)
        return self._room

    def scratch(self, cells: int) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """Room for a byte for each cell and some more, and the same by eights: the same memory each time."""
        if len(self._scratch) < cells // 8 + 2:
            self._scratch = np.empty(cells // 8 + 2, np.uint64)
        return self._scratch.view(np.uint8), self._scratch

    def begin(self, block: Block) -> None:
        """Start a block: the next indicator call is the first again."""
        self.block = block
        self._cursor = 0

    def finish(self) -> None:
        """End a block: every indicator of the first one must have been called."""
        if self.tail is not None and self.block is not None and not self.whole:
            self.tail.advance(self.block)
        self.block = None
        if self._complete and self._cursor < len(self._slots):
            raise _disorder(f"{_call(self._slots[self._cursor][0])} was not called in this one")
        self._complete = True

    def slot(self, key: Key, make: Callable[[], State]) -> State:
        """The state of this call: kept from the block before, made now in the first one."""
        index = self._cursor
        self._cursor += 1
        if index < len(self._slots):
            known, state = self._slots[index]
            if known != key:
                raise _disorder(f"{_call(known)} came here before, now {_call(key)}")
            return cast(State, state)
        if self._complete:
            raise _disorder(f"{_call(key)} was not called in the first one")
        state = make()
        self._slots.append((key, state))
        return state


def _disorder(what: str) -> StrategyError:
    return StrategyError(
        f"indicators must be called in the same order in each block, with the same parameters: {what}. "
        "Call them all at the top of signals(), outside if and for over data"
    )
