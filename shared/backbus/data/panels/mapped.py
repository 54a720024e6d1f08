"""A panel file that is mapped into memory: prices to read, and which of their pages need not stay resident."""

from __future__ import annotations

import mmap

import numpy as np

from backbus.data.pages import put_in_place
from backbus.market.panel import Panel


class MappedPanel:
    """A panel file that is mapped; ``panel`` is its prices, read-only views of the file."""

    def __init__(self, panel: Panel, pages: mmap.mmap) -> None:
        self.panel = panel
        self._pages = pages
        self._start = np.frombuffer(pages, dtype=np.uint8).ctypes.data
        self._released = 0

    def __repr__(self) -> str:
        layout = self.panel.layout
        return f"<MappedPanel: {layout.rows} rows of {layout.assets} assets>"

    def put_in_place(self) -> None:
        """Have all pages there at once, for a reader of all rows."""
        put_in_place(self._pages)

    def release(self, row: int) -> None:
        """Let go of the memory of the rows before ``row``: what is sent and not read again need not stay resident.

        Nothing is lost: a row that is looked at again is read again from the file. A row before the last one that was
        named begins another pass.
        """
        block = self.panel.block
        if row < self._released:
            self._released = 0
        for column in (block.end, block.session, *block.cells().values()):
            begin = column.ctypes.data - self._start + self._released * column.strides[0]
            # From the page that the last release ended in; to the last one that is whole.
            first = begin // mmap.PAGESIZE * mmap.PAGESIZE
            stop = (begin + (row - self._released) * column.strides[0]) // mmap.PAGESIZE * mmap.PAGESIZE
            if stop > first:
                self._pages.madvise(mmap.MADV_DONTNEED, first, stop - first)
        self._released = max(row, self._released)
