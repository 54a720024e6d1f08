"""Files that appear together: each is written under a hidden name and gets its own at the end, in their order."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backbus.errors import BackbusError

_MOST = 40
"""Signs of a name that its hidden one has, which is longer."""
_HALVES = re.compile("[\ud800-\udfff]")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Tell what the system refuses while a file, or those of a folder, are written. Raises BackbusError."""
    try:
        yield
    except IsADirectoryError as error:
        raise BackbusError(f"{error.filename or place}: cannot be written: it is a folder; name a file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BackbusError(
            f"{error.filename or place}: cannot be written: {reason}; make room, or name another folder"
        ) from None
    except UnicodeEncodeError as error:
        begin = max(0, error.start - 40)
        raise BackbusError(
            f"{place}: cannot be written: {error.object[begin : error.end + 40]!r} is not UTF-8, a name of a folder "
            "or a file most often: rename it"
        ) from None


def hidden(folder: Path, place: str) -> Path:
    """Make the file that is written before it becomes ``place`` in ``folder``. Nobody can foresee its name, so that no
    link waits there, and no other process writes it."""
    name = place.replace("/", ".")[:_MOST]
    with _told_of(folder / place):
        part = folder / f".{name}.{secrets.token_hex(8)}.part"
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def show(folder: Path, parts: Mapping[str, Path]) -> None:
    """Give files that are written their names, by place, and take the place of older ones; whoever has the last has
    all."""
    for place, part in parts.items():
        path = folder / place
        with _told_of(path, part):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, path)  # noqa: PTH105  (replaces, on every system)


def write_together(folder: Path, files: Mapping[str, Callable[[Path], object]]) -> None:
    """Write files by their place in ``folder``, which is made: all of them, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Path] = {}
    try:
        for place, write in files.items():
            part = parts[place] = hidden(folder, place)
            with _told_of(folder / place, part):
                write(part)
        show(folder, parts)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


@contextmanager
def _told_of(path: Path, part: Path | None = None) -> Iterator[None]:
    """Have what the system refuses name the file that is to be, and not the one that is written for it."""
    try:
        yield
    except OSError as error:
        if part is None or error.filename in (None, str(part), part):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from None
        raise


def text_file(text: str) -> Callable[[Path], object]:
    """What writes a text."""
    return lambda path: path.write_text(encodable(text), encoding="utf-8")


def encodable(text: str) -> str:
    """A text with a sign of its own for each half of a surrogate pair: UTF-8 has none for these."""
    return text if text.isascii() else _HALVES.sub("�", text)
