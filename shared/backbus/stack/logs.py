"""What the services wrote: the last lines, and what comes after them."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

BLOCK = 65536


_OF_A_SERVICE = re.compile(r'^(\d{4}-\d\d-\d\dT[\d:.]+Z) |"timestamp": "([^"]+)"')
_OF_THE_SUPERVISOR = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ([A-Z]+) (.*)$")
_LEVELS = {"CRIT": "critical", "ERRO": "error", "WARN": "warning"}


class LogLine(NamedTuple):
    """A line, and when it was written."""

    time: str
    """UTC, ISO 8601; of a line that does not say, such as one of a traceback, that of the line before."""
    service: str
    text: str


def told(service: str, line: str, before: str = "") -> LogLine:
    """A line of a service's log in the one format of all: the supervisor writes its local time in another one."""
    theirs = _OF_THE_SUPERVISOR.match(line)
    if theirs is not None:
        at = datetime.datetime.strptime(theirs[1], "%Y-%m-%d %H:%M:%S,%f").astimezone(datetime.UTC)
        when = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        level = _LEVELS.get(theirs[2], theirs[2].lower())
        return LogLine(when, service, f"{when} [{level:9}] {theirs[3]}")
    ours = _OF_A_SERVICE.search(line)
    return LogLine(ours[1] or ours[2] if ours else before, service, line)


def by_time(tails: Mapping[str, Sequence[str]], lines: int) -> list[LogLine]:
    """The last lines of several logs together, in the order of their times; what has none stays with the line before
    it."""
    found: list[LogLine] = []
    for service, written in tails.items():
        before = ""
        for line in written:
            found.append(told(service, line, before))
            before = found[-1].time
    found.sort(key=lambda line: line.time)
    return found[-lines:] if lines > 0 else []


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
