"""Sessions of calendars on the disk: what exchange_calendars told once is read again in a millisecond.

Each file is what was told of one calendar for a range of days, in a folder for each version of the libraries that tell
it; the rules of its zone's clock, which decide when a session opens, are looked at before it is believed. A file that
is broken, or was made by other rules, counts as none, and where nothing can be written, nothing is kept: both only cost
the time that this saves. A file appears whole or not at all, whoever else writes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zoneinfo
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import numpy as np

from backbus.errors import BackbusError
from backbus.jit.sources import cache_home, versions
from backbus.market.calendars import Keeper, Known, Sessions, keep_with
from backbus.together import hidden

_FORM = 1
"""Of the files; another one has another folder."""
_SUFFIX = ".sessions"
_DIGEST = 16
_NUMBERS = np.dtype("<i8")


class Files(Keeper):
    """Those of a folder."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def find(self, calendar: str, first: int | None, last: int | None) -> Known | None:
        """What is kept of a calendar: of these days at least, or of any."""
        for path, begin, stop in self._of(calendar):
            if first is None or last is None or (begin <= first and last <= stop):
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                    return _read(path.read_bytes(), begin, stop)
        return None

    def keep(self, calendar: str, known: Known) -> None:
        """Keep what is known, in place of what is no more than a part of it."""
        with contextlib.suppress(OSError, ValueError, BackbusError):
            whole = _written(known)
            folder = self._folder()
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / f"{quote(calendar, safe='')}.{known.first}.{known.last}{_SUFFIX}"
            part = hidden(folder, place.name)
            try:
                part.write_bytes(whole)
                part.replace(place)
            finally:
                part.unlink(missing_ok=True)
            for path, begin, stop in self._of(calendar):
                if path != place and known.first <= begin and stop <= known.last:
                    path.unlink(missing_ok=True)

    def _folder(self) -> Path:
        told = versions()
        return self._home / f"sessions-{told['exchange_calendars']}-{told['pandas']}-{_FORM}"

    def _of(self, calendar: str) -> Iterator[tuple[Path, int, int]]:
        """The files of a calendar, and of which days each is."""
        begins = f"{quote(calendar, safe='')}."
        with contextlib.suppress(OSError):
            for name in sorted(os.listdir(self._folder())):  # noqa: PTH208  (names alone)
                if name.startswith(begins) and name.endswith(_SUFFIX):
                    with contextlib.suppress(ValueError):
                        first, last = map(int, name.removeprefix(begins).removesuffix(_SUFFIX).split("."))
                        yield self._folder() / name, first, last


def keep_sessions() -> None:
    """Have this process keep what it is told of calendars beside compiled code, and look there first."""
    keep_with(Files(cache_home()))


def _written(known: Known) -> bytes:
    """The bytes of a file: a hash of all others, a line of JSON, and the numbers."""
    head = {"bounds": known.bounds, "zone": known.zone, "clock": _clock(known.zone), "days": len(known.sessions.days)}
    numbers = np.stack(known.sessions).astype(_NUMBERS)
    rest = json.dumps(head).encode() + b"\n" + numbers.tobytes()
    return hashlib.blake2b(rest, digest_size=_DIGEST).digest() + rest


def _read(whole: bytes, first: int, last: int) -> Known:
    """What is written in a file. Raises ValueError where it is not to be believed."""
    told, rest = whole[:_DIGEST], whole[_DIGEST:]
    if hashlib.blake2b(rest, digest_size=_DIGEST).digest() != told:
        raise ValueError("it is broken")
    line, _, numbers = rest.partition(b"\n")
    head = json.loads(line)
    if head["clock"] != _clock(head["zone"]):
        raise ValueError("it was made by other clocks")
    earliest, latest = head["bounds"]
    sessions = np.frombuffer(numbers, _NUMBERS).astype(np.int64).reshape(3, head["days"])
    return Known((earliest, latest), head["zone"], first, last, Sessions(*sessions))


def _clock(zone: str) -> str:
    """A hash of a zone's rules. Raises ValueError where there are none."""
    for folder in zoneinfo.TZPATH:
        with contextlib.suppress(OSError):
            return _hash((Path(folder) / zone).read_bytes())
    try:
        return _hash(resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes())
    except (OSError, ImportError) as error:
        raise ValueError(f"no rules are known for {zone}") from error


def _hash(rules: bytes) -> str:
    return hashlib.blake2b(rules, digest_size=_DIGEST).hexdigest()
