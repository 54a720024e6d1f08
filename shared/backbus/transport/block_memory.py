"""Memory of one machine for a source's blocks: written once, read by every reader of the attempt where it lies.

It has no name, so that nothing of it outlives the processes that have it, however these end. Readers open it through
the source's own process: whoever may do so says the same ``where`` in READY. Two pieces of it: the slots, which only
the source can write, and a number for each reader and slot: the last turn of which nothing that the reader made is
there any more. A slot is written again when all readers have let go of it, whatever they said of their progress.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from backbus.errors import ProtocolError, StackError
from backbus.market.panel import Layout
from backbus.streams import placed
from backbus.streams.topology import READERS

MORE_SLOTS = 8
"""Slots besides those of a window: for blocks that are worked off and not let go of yet. Tables of 131 072 rows are
written at once, and until then four blocks wait."""
_PAGE = mmap.PAGESIZE
_NAME = "backbus-blocks"
_F_ADD_SEALS, _F_GET_SEALS = 1033, 1034
_SEAL_SHRINK, _SEAL_GROW, _SEAL_FUTURE_WRITE = 0x2, 0x4, 0x10
_PR_GET_DUMPABLE = 3


def where() -> str:
    """Which processes may open each other's memory, as a text: those that say the same, and not none. Empty where
    there is no such memory."""
    if not hasattr(os, "memfd_create"):
        return ""
    try:
        if ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 1:
            return ""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        rooms = "/".join(str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("pid", "user"))
        if str(Path("/proc/self").readlink()) != str(os.getpid()):
            return ""  # the processes that are to be seen are those of another room
    except (AttributeError, OSError, ValueError):
        return ""
    return f"{boot}/{rooms}/{os.geteuid()}/{os.getegid()}"


class BlockMemory:
    """A source's memory for one attempt. Raises OSError where the system has none to give."""

    def __init__(self, layout: Layout, block: int, window: int) -> None:
        rows = max(1, layout.rows)
        self._bytes = -(-placed.size_of(layout, min(block, rows)) // _PAGE) * _PAGE
        blocks = -(-rows // block)
        self._most = min(blocks, window // block + MORE_SLOTS)
        self._turns = np.zeros(self._most, dtype=np.uint64)
        self._turn = 0
        self._files: list[int] = []
        self.full: OSError | None = None
        """Why there are fewer slots than there could be."""
        try:
            slots, let_go = self._most * self._bytes, 8 * len(READERS) * self._most
            self._slots: placed.Bytes = np.frombuffer(mmap.mmap(self._opened(slots), slots), dtype=np.uint8)
            with suppress(OSError):  # Linux has it since 5.1: without it readers are trusted to read only
                fcntl.fcntl(self._files[0], _F_ADD_SEALS, _SEAL_FUTURE_WRITE)
            os.posix_fallocate(self._opened(let_go), 0, let_go)
            shared = mmap.mmap(self._files[1], let_go)
            self._let_go: placed.Words = np.frombuffer(shared, dtype=np.uint64).reshape(len(READERS), self._most)
        except BaseException:
            self.close()
            raise
        self._there = 0
        """Slots that have memory."""

    def _opened(self, size: int) -> int:
        file = os.memfd_create(_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._files.append(file)
        os.ftruncate(file, size)
        fcntl.fcntl(file, _F_ADD_SEALS, _SEAL_SHRINK | _SEAL_GROW)
        return file

    def fact(self) -> dict[str, Any]:
        """Where it is, for START."""
        return {
            "process": os.getpid(),
            "files": list(self._files),
            "inodes": [os.fstat(file).st_ino for file in self._files],
            "slots": self._most,
            "bytes": self._bytes,
        }

    def take(self) -> placed.BlockPlace | None:
        """A slot for the next block; None where there is none that all readers have let go of, or no memory for it."""
        free = np.flatnonzero((self._let_go[:, : self._there] >= self._turns[: self._there]).all(axis=0))
        if len(free):
            slot = int(free[0])
        elif self._there < self._most and self._more():
            slot = self._there - 1
        else:
            return None
        self._turn += 1
        self._turns[slot] = self._turn
        return placed.BlockPlace(slot, self._turn, self._slots[slot * self._bytes : (slot + 1) * self._bytes])

    def _more(self) -> bool:
        try:
            os.posix_fallocate(self._files[0], self._there * self._bytes, self._bytes)
        except OSError as error:
            self.full, self._most = error, self._there
            return False
        self._there += 1
        return True

    def close(self) -> None:
        """Let go of it; readers that have opened it keep what they look at."""
        for file in self._files:
            os.close(file)
        self._files = []
        self._slots, self._let_go = np.empty(0, dtype=np.uint8), np.empty((0, 0), dtype=np.uint64)


class BorrowedMemory:
    """A reader's side of a source's memory: it is what codec reads blocks from."""

    def __init__(self, run: str, attempt: int, reader: str, slots: mmap.mmap, let_go: placed.Words, size: int) -> None:
        self._origin = (run, attempt)
        self._slots, self._bytes = slots, size
        self._let_go = let_go[READERS.index(reader)]
        self._held: dict[int, int] = {}

    @classmethod
    def opened(cls, fact: Mapping[str, Any], run: str, attempt: int, reader: str) -> Self:
        """What the source's fact tells of. Raises ``StackError`` where it cannot be opened."""
        count, size = int(fact["slots"]), int(fact["bytes"])
        try:
            slots = _mapped(fact, 0, os.O_RDONLY, count * size)
            let_go = _mapped(fact, 1, os.O_RDWR, 8 * len(READERS) * count)
        except (OSError, ValueError) as error:
            raise StackError(
                f"{reader} cannot open the memory in which the source, process {fact['process']}, puts its blocks: "
                f"{error}; the next attempt has them over the bus"
            ) from None
        return cls(
            run,
            attempt,
            reader,
            slots,
            np.frombuffer(let_go, dtype=np.uint64).reshape(len(READERS), count),
            size,
        )

    def look(self, run: str, attempt: int, slot: int, turn: int) -> placed.Bytes | None:
        """The bytes of a slot; see ``placed.SourceMemory``."""
        if (run, attempt) != self._origin:
            return None
        if (slot + 1) * self._bytes > len(self._slots):
            raise ProtocolError(f"a block is said to lie in slot {slot}, and there are {len(self._let_go)}")
        if int(self._let_go[slot]) >= turn:
            return None
        # An array of its own, on which all that is made of it is based: a part of another one would pass that on.
        data: placed.Bytes = np.frombuffer(self._slots, dtype=np.uint8, count=self._bytes, offset=slot * self._bytes)
        self._held[slot] = self._held.get(slot, 0) + 1
        weakref.finalize(data, self._drop, slot, turn).atexit = False
        return data

    def _drop(self, slot: int, turn: int) -> None:
        self._held[slot] -= 1
        if not self._held[slot]:
            self._let_go[slot] = turn


def _mapped(fact: Mapping[str, Any], at: int, how: int, size: int) -> mmap.mmap:
    """Memory of the source's process; raises OSError, or ValueError where it is not what it is said to be."""
    file = os.open(f"/proc/{int(fact['process'])}/fd/{int(fact['files'][at])}", how | os.O_CLOEXEC)
    try:
        found = os.fstat(file)
        if found.st_ino != fact["inodes"][at] or found.st_size != size:
            raise ValueError("something else lies there")
        if not fcntl.fcntl(file, _F_GET_SEALS) & _SEAL_SHRINK:
            raise ValueError("it could shrink while it is read")
        return mmap.mmap(file, size, prot=mmap.PROT_READ | (mmap.PROT_WRITE if how == os.O_RDWR else 0))
    finally:
        os.close(file)
