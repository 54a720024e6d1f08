"""Files to which somebody listens while they are written, as a hash does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

Hear = Callable[[Any], None]
"""Told each piece that is written."""


class Heard:
    """A file, as Arrow writes one, to which somebody listens."""

    closed = False

    def __init__(self, file: BinaryIO, hear: Hear) -> None:
        self._file, self._hear = file, hear
        self.flush, self.tell = file.flush, file.tell

    def write(self, data: Any) -> int:
        """Write on."""
        self._hear(data)
        return self._file.write(data)

    def close(self) -> None:
        """Leave the file to whoever opened it."""
