"""A line through the loop that reads plain text: after it nothing of the readers is left to compile or to load."""

from __future__ import annotations

from backbus.data.readers.csv_file import CsvFile

_HEADER, _BAR = b"Date,Open,High,Low,Close,Volume\n", b"2024-01-02,1,1,1,1,0\n"


def warm_readers() -> None:
    """Read a bar as a part of a file."""
    CsvFile("BAR.csv", lambda: _HEADER + _BAR).part(lambda: _BAR, lambda: 1)
