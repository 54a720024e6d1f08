"""A file's tables a part at a time, where it is larger than memory; the next part is read while one is worked on."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from backbus.data.pages import mapped
from backbus.data.readers.asked import asked_of
from backbus.data.readers.by_name import TEXT, read_file
from backbus.data.readers.columnar import PARQUET, parquet_parts
from backbus.data.readers.csv_file import CsvFile
from backbus.data.readers.plain import ROOM_BYTES
from backbus.data.readers.table import Table

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

_HEAD_BYTES = 4 << 20
_BLANK_BYTES = 1 << 16
_READERS = 2
"""So many parts are read at a time, each by one thread."""

Part = tuple[Table, int]


def ahead(parts: Iterator[Part]) -> Iterator[Part]:
    """The same, the next one being read while one is worked on."""
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, parts, None)
        while (part := following.result()) is not None:
            following = reader.submit(next, parts, None)
            yield part


def parts_of(name: str, path: Path, settings: DataSettings, size: int) -> Iterator[Part]:
    """The tables of a file, and how many of its bytes were read for each."""
    there = path.stat().st_size
    if there > size and PurePath(name).suffix.lower() in PARQUET:
        yield from parquet_parts(name, path, size, asked_of(settings))
        return
    if PurePath(name).suffix.lower() not in TEXT or there <= size:
        tables = read_file(name, path, None, asked_of(settings))
        yield from ((table, there // len(tables)) for table in tables)
        return
    with path.open("rb") as file:
        csv = CsvFile(name, lambda: _read(path, 0, _HEAD_BYTES), asked_of(settings))
        begin = csv.body + (3 if file.read(3) == b"\xef\xbb\xbf" else 0)
        room = csv.room(there) if there <= ROOM_BYTES else None
        begun = deque[tuple[Future[Table], int]]()
        with ThreadPoolExecutor(_READERS) as readers:
            while begin < there:
                file.seek(min(begin + size, there))
                file.readline(_HEAD_BYTES)
                stop = file.tell()
                if stop - begin < _BLANK_BYTES and not _read(path, begin, stop - begin).strip():
                    break
                text = mapped(path, begin, stop - begin, at_once=True)
                place = room.place(text) if room is not None and csv.plain else None
                part = functools.partial(_again, [text], path, begin, stop - begin)
                lines_before = functools.partial(_lines_before, path, begin)
                begun.append((readers.submit(csv.part, part, lines_before, place), stop - begin))
                del text
                if len(begun) == _READERS:
                    yield _first(begun)
                begin = stop
            while begun:
                yield _first(begun)


def _first(begun: deque[tuple[Future[Table], int]]) -> Part:
    table, size = begun.popleft()
    return table.result(), size


def _again(there: list[memoryview], path: Path, begin: int, size: int) -> memoryview:
    """Bytes of a file, which are there the first time."""
    return there.pop() if there else mapped(path, begin, size, at_once=True)


def _read(path: Path, begin: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(size)


def _lines_before(path: Path, offset: int) -> int:
    lines = 0
    with path.open("rb") as file:
        while offset > 0 and (data := file.read(min(offset, 1 << 22))):
            lines += data.count(b"\n")
            offset -= len(data)
    return lines
