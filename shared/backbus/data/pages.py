"""Files that are mapped into memory: their pages all at once, where they are going to be read once and soon."""

from __future__ import annotations

import mmap
from contextlib import suppress
from pathlib import Path

_POPULATE_READ = 22
"""Linux's MADV_POPULATE_READ, from 5.14 on; Python has no name for it yet."""
MOST_BYTES = 1 << 30
"""So many are put in place at most: a mapping that is larger than memory would be read from the disk twice."""


def mapped(path: Path, begin: int = 0, size: int = 0, *, at_once: bool) -> memoryview:
    """Bytes of a file that are not copied; to its end where no size is named. It must not be empty."""
    first = begin // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    with path.open("rb") as file:
        length = begin + size - first if size else 0
        pages = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=first)
    if at_once:
        put_in_place(pages)
    return memoryview(pages)[begin - first :]


def put_in_place(pages: mmap.mmap) -> None:
    """Map all pages by one call, where the system has it: a fault for each few of them takes longer than to copy what
    is in them."""
    if len(pages) <= MOST_BYTES:
        with suppress(OSError):
            pages.madvise(_POPULATE_READ)
