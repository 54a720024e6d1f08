"""The Data Handler: history as a stream of blocks, never further ahead of its slowest reader than a window.

In: PROGRESS, how many rows each reader has worked off. Out: NEW_DATA. Credit is handed out in whole blocks, so that
how fast readers are never cuts the stream into slivers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from backbus.market.panel import Source
from backbus.market.ticks import PHASES
from backbus.streams.credit import WINDOW_LIMIT_ROWS
from backbus.streams.event import Event
from backbus.streams.stream import StreamReader, StreamWriter
from backbus.streams.topology import DATA, Kind

BLOCK_ROWS = 32_768
"""Default rows per block of few assets: 1.75 MiB of one, and eight of them are as far ahead as a source may be."""
BLOCK_CELLS = 65_536
SMALLEST_BLOCK = 16
WINDOW_BLOCKS = 8


def block_and_window(assets: int, block: int | None = None, window: int | None = None) -> tuple[int, int]:
    """Rows per block, and rows that the source may be ahead; given ones are kept where they fit together.

    A block is at most half of the window: a given block raises a window that is too small for it, as far as a window
    may go; a default one yields to the window.
    """
    if block is None:
        block = min(BLOCK_ROWS, max(SMALLEST_BLOCK, BLOCK_CELLS // max(assets, 1)))
        if window is not None:
            block = min(block, max(1, window // 2))
    if window is None:
        window = WINDOW_BLOCKS * block
    window = min(max(window, 2 * block), WINDOW_LIMIT_ROWS)
    return min(block, window // 2 or 1), window


class DataHandler:
    """The source of a run, of history or of a market that is made as it goes."""

    def __init__(self, source: Source, *, block: int, window: int, readers: Collection[str]) -> None:
        """``readers`` are the roles whose PROGRESS is waited for; without any, nothing holds the source back."""
        if block < 1 or window < 1:
            raise ValueError(f"block ({block}) and window ({window}) must be at least one row")
        self.writer = StreamWriter(Kind.NEW_DATA, DATA)
        self.writers = {Kind.NEW_DATA: self.writer}
        self.readers: Mapping[Kind, StreamReader] = {}
        self.vouched: Mapping[Kind, StreamWriter] = {}
        self._rows = len(source)
        self._block = min(block, max(1, window // 2))
        self._blocks = source.blocks(self._block)
        self._window = window
        self._worked_off = dict.fromkeys(readers, 0)

    @property
    def slowest(self) -> int:
        """Rows that every reader has worked off: nobody will ask for them again."""
        return min(self._worked_off.values(), default=self.writer.end)

    @property
    def rows_done(self) -> int:
        """Rows sent."""
        return self.writer.end

    @property
    def done(self) -> bool:
        """Whether every row has been sent."""
        return self.writer.end == self._rows

    def start(self) -> Iterable[Event]:
        """The blocks that may be sent before anybody has read one."""
        return self._send()

    def receive(self, event: Event) -> Iterable[Event]:
        """The blocks that a reader's PROGRESS makes room for.

        A repeated or late PROGRESS changes nothing; one of a role that is not a reader is not counted.
        """
        before = self._worked_off.get(event.source)
        if event.kind is not Kind.PROGRESS or before is None or event.end <= before:
            return ()
        # Nobody can have worked off what was not sent.
        self._worked_off[event.source] = min(event.end, self.writer.end)
        return self._send()

    def _send(self) -> list[Event]:
        rows = self._rows
        limit = min(min(self._worked_off.values(), default=rows) + self._window, rows)
        events = []
        while self.writer.end < rows:
            stop = min(self.writer.end + self._block, rows)
            if stop > limit:
                break
            events.append(self.writer.write(next(self._blocks), PHASES * stop))
        return events
