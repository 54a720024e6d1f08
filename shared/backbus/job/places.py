"""Where in a job file each setting stands: from TOML text that is valid to the line of each table, key and element.

Paths are tuples of names as ``--set`` writes them, elements of lists by their number. What is not known itself stands
where the nearest table or list around it does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from backbus.errors import Mistake

Path = tuple[str, ...]
SET = "--set"
"""Where a setting is from that no file has."""
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"""("{0,2})' + r"|'''.*?'''('{0,2})" + r"""|"(?:[^"\\]|\\.)*"|'[^']*'""", re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """As the file has them, and then what was set in place of it."""
    return sorted(mistakes, key=lambda mistake: (mistake.place == SET, mistake.line or 0))


@dataclass(frozen=True, slots=True)
class JobOrigin:
    """Where a job's settings are from: a file, and what was set in place of what it says."""

    file: str | None = None
    places: Places | None = None
    overrides: tuple[Path, ...] = ()

    def of(self, path: Iterable[object]) -> tuple[str, int | None]:
        """Where a setting is from, as a message begins with it, and its line; ``--set`` where it was set there."""
        parts = tuple(map(str, path))
        if any(parts[: len(override)] == override for override in self.overrides):
            return SET, None
        line = None if self.places is None else self.places.line_of(parts)
        if self.file is None:
            return "", line
        return (self.file if line is None else f"{self.file}:{line}"), line


class Places:
    """The lines of a job file, which count from 1."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._last: dict[Path, int] = {}
        """The number of the newest table of each array of tables."""
        self._read()

    @property
    def known(self) -> Collection[Path]:
        """All that has a line of its own."""
        return self._lines.keys()

    def line_of(self, path: Iterable[object]) -> int | None:
        """Where a setting stands, or the nearest thing around it; None where nothing of it is in the file."""
        parts = tuple(map(str, path))
        while parts:
            if parts in self._lines:
                return self._lines[parts]
            parts = parts[:-1]
        return None

    def _read(self) -> None:
        table: Path = ()
        while self._skip() < len(self._text):
            if not self._text.startswith("[", self._at):
                self._pair(table)
                continue
            array = self._text.startswith("[[", self._at)
            line = self._line
            self._at += 2 if array else 1
            table = self._opened(self._key(), array, line)
            self._at = self._text.index("]", self._at) + (2 if array else 1)

    def _opened(self, key: Path, array: bool, line: int) -> Path:
        """The table that a header names: of an array of tables, the newest one."""
        path: Path = ()
        for part in key[:-1]:
            path = self._newest((*path, part))
            self._lines.setdefault(path, line)
        path = (*path, key[-1])
        if array:
            self._last[path] = self._last.get(path, -1) + 1
        self._lines.setdefault(path, line)
        path = self._newest(path)
        self._lines[path] = line
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, str(self._last[path])) if path in self._last else path

    def _pair(self, table: Path) -> None:
        line = self._line
        path = table
        for part in self._key():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _key(self) -> Path:
        parts: list[str] = []
        while found := _KEY.match(self._text, self._at):
            self._at = found.end()
            part = found[1]
            parts.append(next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part)
            if not found[2]:
                break
        return tuple(parts)

    def _value(self, path: Path) -> None:
        self._skip()
        opening = self._text[self._at]
        if opening in "\"'":
            found = _TEXT.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
        elif opening in "[{":
            self._at += 1
            number = 0
            while self._text[self._skip()] not in "]}":
                if opening == "{":
                    self._pair(path)
                else:
                    self._lines[*path, str(number)] = self._line
                    self._value((*path, str(number)))
                    number += 1
                if self._text[self._skip()] == ",":
                    self._at += 1
            self._at += 1
        else:
            found = _PLAIN.match(self._text, self._at)
            assert found is not None
            self._at = found.end()

    def _skip(self) -> int:
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._at

    @property
    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
