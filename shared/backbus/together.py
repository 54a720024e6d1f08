"""Files that appear together: each is written under a hidden name and gets its own at the end, in their order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backbus.errors import BackbusError

_HALVES = re.compile("[\ud800-\udfff]")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Tell what the system refuses while files are written. Raises BackbusError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise BackbusError(
            f"{error.filename or folder}: cannot be written: {reason}; make room, or name another folder"
        ) from None


def hidden(folder: Path, place: str) -> Path:
    """Where a file is written that is to be ``place`` in ``folder``."""
    return folder / f".{place.replace('/', '.')}.part"


def show(folder: Path, places: Iterable[str]) -> None:
    """Give files that are written their names, and take the place of older ones; whoever has the last has all."""
    for place in places:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(hidden(folder, place), path)  # noqa: PTH105  (replaces, on every system)


def write_together(folder: Path, files: Mapping[str, Callable[[Path], object]]) -> None:
    """Write files by their place in ``folder``, which is made: all of them, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for place, write in files.items():
            write(hidden(folder, place))
        show(folder, files)
    finally:
        for place in files:
            hidden(folder, place).unlink(missing_ok=True)


def text_file(text: str) -> Callable[[Path], object]:
    """What writes a text."""
    return lambda path: path.write_text(encodable(text), encoding="utf-8")


def encodable(text: str) -> str:
    """A text with a sign of its own for each half of a surrogate pair: UTF-8 has none for these."""
    return text if text.isascii() else _HALVES.sub("�", text)
