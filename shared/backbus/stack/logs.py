"""What the services wrote: the last lines, and what comes after them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

BLOCK = 65536


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file without reading the rest of it; none where there is no file."""
    try:
        with path.open("rb") as file:
            position = file.seek(0, 2)
            found = b""
            while position > 0 and found.count(b"\n") <= lines:
                step = min(BLOCK, position)
                position -= step
                file.seek(position)
                found = file.read(step) + found
    except FileNotFoundError:
        return []
    return found.decode("utf-8", errors="replace").splitlines()[-lines:] if lines > 0 else []


def follow(paths: dict[str, Path], pause_s: float = 0.2) -> Iterator[tuple[str, str]]:
    """Every whole line that is written from now on, with its service's name; goes on when a log is rotated. Endless."""
    places = {
        name: (path.stat().st_ino, path.stat().st_size) if path.exists() else (0, 0) for name, path in paths.items()
    }
    rest = dict.fromkeys(paths, b"")
    while True:
        for name, path in paths.items():
            try:
                with path.open("rb") as file:
                    inode, position = places[name]
                    now = path.stat()
                    if now.st_ino != inode or now.st_size < position:
                        position = 0
                    file.seek(position)
                    fresh = file.read()
                    places[name] = (now.st_ino, position + len(fresh))
            except FileNotFoundError:
                continue
            *whole, rest[name] = (rest[name] + fresh).split(b"\n")
            for line in whole:
                yield name, line.decode("utf-8", errors="replace")
        time.sleep(pause_s)
