"""Files that appear together: each is written under a hidden name and gets its own at the end, in their order.

Who writes into a folder holds a lock on it, which the system lets go when the process ends, however that ends. Where
nobody holds it, hidden files, and folders that were to pass, are of processes that were killed: whoever writes there
next removes them.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from backbus.errors import BackbusError

_MOST = 40
"""Signs of a name that its hidden one has, which is longer."""
_HIDDEN = re.compile(r"\..*\.[0-9a-f]{16}\.part")
_LOCKED_TRIES, _LOCKED_S = 100, 0.01
"""How often, and how far apart, a folder's lock is asked for: who removes holds it for some milliseconds, and somebody
who locks the folder for reasons of their own is not waited for."""
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


@contextmanager
def passing_folder(home: Path, prefix: str) -> Iterator[Path]:
    """A folder of one's own below ``home``, which is made, for as long as it lasts. Those with this prefix that
    processes that were killed have left are removed before."""
    home.mkdir(parents=True, exist_ok=True)
    left = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}")  # as tempfile names them
    with held(home, {}, left), tempfile.TemporaryDirectory(dir=home, prefix=prefix) as folder:
        yield Path(folder)


@contextmanager
def held(folder: Path, parts: Mapping[str, Path], passing: re.Pattern[str] | None = None) -> Iterator[None]:
    """Write into a folder: while it lasts nobody removes what is hidden there. What processes that were killed have
    left is removed before, and of ``parts``, hidden files by place, those that have no name of their own after it.
    ``passing`` are names of folders that go with whoever made them."""
    with _told_of(folder):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _remove_left(folder, handle, passing)
        for _ in range(_LOCKED_TRIES):
            with suppress(BlockingIOError):
                _lock(handle, fcntl.LOCK_SH)
                break
            time.sleep(_LOCKED_S)
        yield
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
        os.close(handle)


def remove_left(folder: Path) -> int:
    """Remove what processes that were killed have left hidden in a folder; how many files it was."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _remove_left(folder, handle)
    finally:
        os.close(handle)


def _remove_left(folder: Path, handle: int, passing: re.Pattern[str] | None = None) -> int:
    # Found before the lock is asked for: what is made while it is held is no one's who was killed.
    there = [path for path in folder.iterdir() if not path.is_symlink()]
    found = [path for path in there if _HIDDEN.fullmatch(path.name)]
    folders = [path for path in there if passing is not None and passing.fullmatch(path.name) and path.is_dir()]
    if not found and not folders:
        return 0
    try:
        _lock(handle, fcntl.LOCK_EX)
    except BlockingIOError:
        return 0
    for path in found:
        path.unlink(missing_ok=True)
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)
    _lock(handle, fcntl.LOCK_UN)
    return len(found) + len(folders)


def _lock(handle: int, how: int) -> None:
    """Raises BlockingIOError where somebody else has it."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        if how == fcntl.LOCK_EX:
            raise BlockingIOError from None


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
    with held(folder, parts):
        for place, write in files.items():
            part = parts[place] = hidden(folder, place)
            with _told_of(folder / place, part):
                write(part)
        show(folder, parts)


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
