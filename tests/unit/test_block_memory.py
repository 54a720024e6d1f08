"""Memory that a source and its readers have in common: what lies in it stays while anybody looks, and no longer."""

from __future__ import annotations

import errno
import fcntl
import gc
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from backbus.errors import ProtocolError, StackError
from backbus.market.panel import Block, Layout
from backbus.streams import codec, placed
from backbus.streams.event import Event
from backbus.streams.topology import DATA, READERS, Kind
from backbus.transport.block_memory import MORE_SLOTS, BlockMemory, BorrowedMemory, where

ROWS, BLOCK, WINDOW = 1000, 10, 40
LAYOUT = Layout(("A", "B"), ROWS, 0, 60, columns=("carry",), timeframes=("1h",))
SLOTS = WINDOW // BLOCK + MORE_SLOTS


@contextmanager
def memory_of(layout: Layout = LAYOUT, block: int = BLOCK) -> Iterator[BlockMemory]:
    lent = BlockMemory(layout, block, WINDOW)
    try:
        yield lent
    finally:
        lent.close()


def borrowed(lent: BlockMemory, *, run: str = "job", attempt: int = 1) -> dict[str, BorrowedMemory]:
    return {reader: BorrowedMemory.opened(lent.fact(), run, attempt, reader) for reader in READERS}


def block_at(number: int) -> Block:
    rng = np.random.default_rng(number)
    first = number * BLOCK
    rows = np.arange(first, first + BLOCK)
    fields = [rng.random((BLOCK, 2)) for _ in range(5)]
    fields[0][3, 1] = np.nan
    return Block(first, rows, rows // 7, *fields, extra={"carry": rng.random((BLOCK, 2))}, frames={"1h": rows // 60})


def said(lent: BlockMemory, number: int) -> tuple[placed.BlockPlace | None, list[bytes]]:
    place = lent.take()
    end = (number + 1) * BLOCK
    event = Event(Kind.NEW_DATA, DATA, number * BLOCK, end, 6 * end, block_at(number))
    return place, codec.encode(event, "job", 1, place)


def heard(frames: list[bytes], memory: BorrowedMemory) -> Block:
    event = codec.decode(frames, memory)[1]
    assert event is not None and isinstance(event.payload, Block)
    return event.payload


def equal(one: Block, other: Block) -> bool:
    columns = [
        (one.end, other.end),
        (one.session, other.session),
        *zip(one.cells().values(), other.cells().values(), strict=True),
    ]
    frames = [(one.frames[name], other.frames[name]) for name in other.frames]
    return one.first_row == other.first_row and all(np.array_equal(a, b, True) for a, b in (*columns, *frames))


def test_a_block_is_read_where_it_lies_and_cannot_be_written() -> None:
    with memory_of() as lent:
        readers = borrowed(lent)
        _, frames = said(lent, 0)
        assert len(frames[1]) < 300
        for memory in readers.values():
            block = heard(frames, memory)
            assert equal(block, block_at(0))
            assert list(block.extra) == ["carry"] and list(block.frames) == ["1h"]
            for column in (block.end, block.session, *block.cells().values(), *block.frames.values()):
                assert column.flags.aligned and column.flags.c_contiguous and not column.flags.writeable
                with pytest.raises(ValueError, match="read-only"):
                    column[0] = 0
                with pytest.raises(ValueError, match="WRITEABLE"):
                    column.setflags(write=True)


def test_a_slot_is_written_again_when_the_last_reader_has_let_go_of_all_that_it_made_of_it() -> None:
    with memory_of() as lent:
        readers = borrowed(lent)
        kept = []
        for number in range(60):
            place, frames = said(lent, number)
            assert place is not None and place.turn == number + 1
            blocks = [heard(frames, memory) for memory in readers.values()]
            if number % 10 == 0:
                kept.append((blocks[number % len(blocks)].rows(3, 5), block_at(number).rows(3, 5)))
            del blocks
        assert all(equal(view, before) for view, before in kept)
        assert len(kept) == 6


def test_who_holds_all_slots_has_further_blocks_over_the_bus() -> None:
    with memory_of() as lent:
        readers = borrowed(lent)
        kept = []
        for number in range(SLOTS):
            place, frames = said(lent, number)
            assert place is not None and place.slot == number
            for memory in readers.values():
                kept.append(heard(frames, memory))
        place, frames = said(lent, SLOTS)
        assert place is None and lent.full is None
        assert all(equal(heard(frames, memory), block_at(SLOTS)) for memory in readers.values())
        assert all(equal(block, block_at(at // len(READERS))) for at, block in enumerate(kept))
        # One reader that looks at a block still is enough to keep its slot.
        del kept[4 * len(READERS) : 5 * len(READERS) - 1]
        assert said(lent, SLOTS)[0] is None
        del kept[4 * len(READERS)]
        place, _ = said(lent, SLOTS)
        assert place is not None and place.slot == 4


def test_a_message_that_comes_again_brings_the_numbers_alone_once_its_block_was_let_go_of() -> None:
    with memory_of() as lent:
        memory = borrowed(lent)[READERS[0]]
        _, frames = said(lent, 0)
        first, again = heard(frames, memory), heard(frames, memory)
        del first
        assert equal(again, block_at(0))
        del again
        assert codec.decode(frames, memory)[1] == Event(Kind.NEW_DATA, DATA, BLOCK, BLOCK, 6 * BLOCK)


def test_a_message_of_another_attempt_lets_go_of_nothing() -> None:
    with memory_of() as lent:
        ours, others = borrowed(lent)[READERS[0]], borrowed(lent, attempt=2)[READERS[0]]
        _, frames = said(lent, 0)
        assert codec.decode(frames, others)[1] == Event(Kind.NEW_DATA, DATA, BLOCK, BLOCK, 6 * BLOCK)
        assert equal(heard(frames, ours), block_at(0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"slot": SLOTS}, "slot 12, and there are 12"),
        ({"slot": None}, "no slot and turn"),
        ({"turn": None}, "no slot and turn"),
        ({"places": None}, "no places in it"),
        ({"places": {"close": mmap.PAGESIZE}}, "do not lie in a slot"),
        ({"places": {"close": 4}}, "do not lie in a slot"),
        ({"places": {"close": 0}}, r"columns \['close'\] found"),
        ({"to": 1 << 40}, "do not lie in a slot"),
        ({"assets": 1 << 20}, "do not lie in a slot"),
        ({"to": 0}, "carries none"),
        ({"columns": {}}, "carries none"),
    ],
    ids=str,
)
def test_a_message_whose_places_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    with memory_of() as lent:
        memory = borrowed(lent)[READERS[0]]
        topic, body = said(lent, 0)[1]
        with pytest.raises(ProtocolError, match=reason):
            codec.decode([topic, msgpack.packb(msgpack.unpackb(body) | changes)], memory)


def test_places_are_for_blocks_of_the_source_and_for_who_has_its_memory() -> None:
    with memory_of() as lent:
        memory = borrowed(lent)[READERS[0]]
        topic, body = said(lent, 0)[1]
        with pytest.raises(ProtocolError, match="which this reader does not have"):
            codec.decode([topic, body])
        equity = msgpack.unpackb(body) | {"kind": "EQUITY", "stream": "portfolio"}
        with pytest.raises(ProtocolError, match="one of NEW_DATA"):
            codec.decode([b"job/1/EQUITY/", msgpack.packb(equity)], memory)


def test_where_the_system_gives_no_more_memory_some_blocks_go_over_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    allocate = os.posix_fallocate

    def scarce(file: int, offset: int, size: int) -> None:
        if offset:
            raise OSError(errno.ENOSPC, "No space left on device")
        allocate(file, offset, size)

    with memory_of() as lent:
        readers = borrowed(lent)
        monkeypatch.setattr(os, "posix_fallocate", scarce)
        _, frames = said(lent, 0)
        kept = [heard(frames, memory) for memory in readers.values()]
        place, frames = said(lent, 1)
        assert place is None and lent.full is not None and lent.full.errno == errno.ENOSPC
        assert all(equal(heard(frames, memory), block_at(1)) for memory in readers.values())
        kept.clear()
        place, _ = said(lent, 2)
        assert place is not None and place.slot == 0


def test_memory_that_a_limit_forbids_is_an_error_that_leaves_nothing_open() -> None:
    code = """
import os, resource
from backbus.market.panel import Layout
from backbus.transport.block_memory import BlockMemory
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
before = len(os.listdir("/proc/self/fd"))
try:
    BlockMemory(Layout(("A",), 1000, 0, 60), 100, 400)
except OSError as error:
    print(error.errno, len(os.listdir("/proc/self/fd")) - before)
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(errno.EFBIG), "0"]


def test_what_is_not_the_memory_that_was_told_of_is_not_opened(tmp_path: Path) -> None:
    with memory_of() as lent:
        fact = lent.fact()
        with pytest.raises(StackError, match=r"portfolio cannot open .*something else lies there; the next attempt"):
            BorrowedMemory.opened(fact | {"inodes": [1, 2]}, "job", 1, "portfolio")
        with pytest.raises(StackError, match="something else lies there"):
            BorrowedMemory.opened(fact | {"slots": fact["slots"] + 1}, "job", 1, "portfolio")
        with pytest.raises(StackError, match="No such file"):
            BorrowedMemory.opened(fact | {"process": (1 << 22) - 1}, "job", 1, "portfolio")
        with (tmp_path / "file").open("wb") as file:
            file.truncate(fact["slots"] * fact["bytes"])
            found = {"files": [file.fileno(), 0], "inodes": [os.fstat(file.fileno()).st_ino, 0]}
            with pytest.raises(StackError, match="cannot open"):
                BorrowedMemory.opened(fact | found, "job", 1, "portfolio")


def test_readers_cannot_write_the_blocks_and_nobody_can_cut_them_off() -> None:
    with memory_of() as lent:
        place = f"/proc/self/fd/{lent.fact()['files'][0]}"
        file = os.open(place, os.O_RDWR)
        try:
            with pytest.raises(PermissionError):
                os.pwrite(file, b"x", 0)
            with pytest.raises(PermissionError):
                os.ftruncate(file, 0)
        finally:
            os.close(file)


def test_who_is_gone_leaves_no_memory_and_what_is_looked_at_stays() -> None:
    gc.collect()
    before = _memory_of_blocks()  # what tests before this one still look at
    lent = BlockMemory(LAYOUT, BLOCK, WINDOW)
    block = heard(said(lent, 0)[1], borrowed(lent)[READERS[0]])
    lent.close()
    lent.close()
    assert equal(block, block_at(0))
    del block
    assert _memory_of_blocks() <= before


def _memory_of_blocks() -> set[str]:
    """What this process has mapped or opened of such memory: addresses, and descriptors with what they are."""
    maps = Path("/proc/self/maps").read_text(encoding="ascii").splitlines()
    files = {f"{file} {_target(file)}" for file in Path("/proc/self/fd").iterdir()}
    return {line for line in {*maps, *files} if "backbus-blocks" in line}


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except FileNotFoundError:
        return ""


def test_processes_of_one_user_on_one_machine_say_the_same_place() -> None:
    code = "from backbus.transport.block_memory import where; print(where())"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == where() != ""


def test_a_process_that_none_of_its_user_may_look_into_says_no_place() -> None:
    code = """
import ctypes
from backbus.transport.block_memory import where
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
print([where()])
"""
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['']"


def test_the_seal_against_shrinking_is_asked_for() -> None:
    with memory_of() as lent:
        assert fcntl.fcntl(lent.fact()["files"][0], 1034) & 0x2
        fact = lent.fact()
        bare = os.memfd_create("bare")
        try:
            os.ftruncate(bare, fact["slots"] * fact["bytes"])
            told = {"files": [bare, fact["files"][1]], "inodes": [os.fstat(bare).st_ino, fact["inodes"][1]]}
            with pytest.raises(StackError, match="could shrink"):
                BorrowedMemory.opened(fact | told, "job", 1, "portfolio")
        finally:
            os.close(bare)
