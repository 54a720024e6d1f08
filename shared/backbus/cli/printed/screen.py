"""Where a command's words go: how wide the terminal is, whether it has colours, and the words as they fit.

A pipe or a file has no width and no colours: each line is as long as it is. ``NO_COLOR`` (no-color.org) and a dumb
terminal take colours away.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from backbus.folders import RUNS

Colour = Literal["", "bold", "red", "green", "yellow", "dim"]
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33}
_LEAST = 20
"""Columns that any terminal is taken to have."""
_UNIT = re.compile(r"(?<=[0-9–]) (?=(?:%|s|h|MiB)(?:\W|$))")
"""Between a number and its unit, where no line ends."""
NO_BREAK = "\u00a0"
"""A space at which no line ends; it is written as a plain one."""


class Screen(NamedTuple):
    """What is written to."""

    width: int | None
    """Columns; None of a pipe or a file."""
    colours: bool


def screen_of(stream: TextIO) -> Screen:
    """What standard output or standard error is."""
    if not stream.isatty():
        return Screen(None, False)
    width = max(_LEAST, shutil.get_terminal_size().columns)
    return Screen(width, not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def screen() -> Screen:
    """What standard output is."""
    return screen_of(sys.stdout)


def coloured(text: str, colour: Colour, on: Screen) -> str:
    """The text in a colour, where there are any."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if colour and text and on.colours else text


def clean(text: str) -> str:
    """Without what would move a terminal's cursor: a name may be anything."""
    return "".join(one if one.isprintable() or one == NO_BREAK else "�" for one in text)


def clean_lines(text: str) -> str:
    """The same of a text of several lines, with its tabs."""
    return "".join(one if one in "\n\t" else clean(one) for one in text)


def columns_of(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def words_of(text: str) -> list[str]:
    """What no line ends within: words, and numbers with their units."""
    return [word for word in _UNIT.sub(NO_BREAK, text).split(" ") if word]


def longest_word(text: str) -> int:
    """Columns of the longest one."""
    return max(map(columns_of, words_of(text)), default=0)


def wrapped(text: str, width: int | None) -> list[str]:
    """Lines of whole words; a word that is wider stands in a line of its own, whole."""
    if width is None or columns_of(text) <= width:
        return [text.replace(NO_BREAK, " ")]
    lines: list[str] = []
    line, taken = "", 0
    for word in words_of(text):
        size = columns_of(word)
        if line and taken + 1 + size > width:
            lines.append(line)
            line, taken = word, size
        else:
            line, taken = (f"{line} {word}", taken + 1 + size) if line else (word, size)
    return [one.replace(NO_BREAK, " ") for one in (*lines, line)]


def paragraph(text: str, on: Screen, colour: Colour = "", indent: str = "") -> str:
    """A text as lines that fit, those after the first one indented."""
    width = None if on.width is None else on.width - len(indent)
    first, *others = (coloured(line, colour, on) for line in wrapped(clean(text), width))
    return "".join(f"{line}\n" for line in (first, *(indent + line for line in others)))


def say(text: str, colour: Colour = "", indent: str = "") -> None:
    """Print a text on standard output, as it fits there."""
    sys.stdout.write(paragraph(text, screen(), colour, indent))


def say_all(texts: Iterable[str], kind: str = "note", colour: Colour = "yellow") -> None:
    """Print remarks, each with what it is."""
    for text in texts:
        say(f"{kind}: {text}", colour, "  ")


def near(path: Path) -> Path:
    """A path as it is said from here, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def say_page(job: str, folder: Path | None) -> None:
    """Print how a result is looked at; nothing where commands do not find it by its id."""
    if folder is not None and folder.parent == RUNS.resolve():
        say(f"one page with figures and tables: backbus report {job} --open")
