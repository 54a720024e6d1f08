"""Tables and lists of figures as text that fits a terminal, without a cut through a number, an id or a date.

Where a table is too wide, words go into several lines; then columns that can be spared are left out, and a line below
names them; then it is turned by 90°, as many rows beside each other as fit. In a pipe it is one line a row, whatever
its length.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from backbus.cli.printed.screen import Colour, Screen, clean, coloured, columns_of, longest_word, screen, wrapped

GAP = 2
"""Columns between two columns."""
AT_LEAST = 14
"""Columns that a cell of words is not made narrower than, unless it has no more."""

TURNED = 20
"""Columns that words of a turned table are given."""


class Cell(NamedTuple):
    """A text in a colour."""

    text: str
    colour: Colour = ""


class Heading(NamedTuple):
    """A column of a table."""

    title: str
    kind: Literal["words", "number", "whole"] = "words"
    """``words`` may be wrapped; a ``number`` stands at the right; what is ``whole`` (an id, an instant) at the left."""
    spare: int = 0
    """The greater, the sooner it is left out where there is no room; 0 is never."""


class TextTable:
    """Rows under headings; a cell is a text, or one in a colour."""

    def __init__(self, *headings: Heading, title: str = "") -> None:
        self.headings, self.title = [one._replace(title=clean(one.title)) for one in headings], title
        self.rows: list[tuple[Cell, ...]] = []

    def add(self, *cells: str | Cell) -> None:
        """One more row."""
        row = tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)
        if len(row) != len(self.headings):
            raise ValueError(f"{len(row)} cells under {len(self.headings)} headings")
        self.rows.append(tuple(Cell(clean(text), colour) for text, colour in row))

    def lines(self, on: Screen) -> list[str]:
        """The table as it fits."""
        title = [coloured(line, "bold", on) for line in wrapped(clean(self.title), on.width)] if self.title else []
        kept = list(range(len(self.headings)))
        while True:
            widths = self._widths(kept, on.width)
            if widths is not None:
                break
            spared = max(kept, key=lambda place: self.headings[place].spare)
            if not self.headings[spared].spare:
                return [*title, *self._turned(range(len(self.headings)), on)]
            kept.remove(spared)
        body = self._upright(kept, widths, on)
        gone = [heading.title for place, heading in enumerate(self.headings) if place not in kept]
        if gone:
            told = f"left out for want of room: {', '.join(gone)}; a wider window or --json has it all"
            body += [coloured(line, "dim", on) for line in wrapped(told, on.width)]
        return [*title, *body]

    def _widths(self, kept: Sequence[int], width: int | None) -> list[int] | None:
        """How wide each column is; None where they do not fit."""
        most, least = [], []
        for place in kept:
            title, kind, _ = self.headings[place]
            texts = [row[place].text for row in self.rows]
            widest = max(map(columns_of, texts), default=0)
            narrow = widest if kind != "words" else min(widest, max(AT_LEAST, *map(longest_word, ("", *texts))))
            most.append(max(widest, columns_of(title)))
            least.append(max(narrow, longest_word(title)))
        between = GAP * (len(kept) - 1)
        if width is None or sum(most) + between <= width:
            return most
        room = width - between - sum(least)
        if room < 0:
            return None
        while room:
            place = max(range(len(kept)), key=lambda one: most[one] - least[one])
            least[place] += 1
            room -= 1
        return least

    def _upright(self, kept: Sequence[int], widths: Sequence[int], on: Screen) -> list[str]:
        right = [self.headings[place].kind == "number" for place in kept]
        titles = [Cell(self.headings[place].title, "bold") for place in kept]
        lines = _row(titles, widths, right, on)
        if on.width is not None:
            lines.append(coloured("─" * (sum(widths) + GAP * (len(kept) - 1)), "dim", on))
        for row in self.rows:
            lines += _row([row[place] for place in kept], widths, right, on)
        return lines

    def _turned(self, kept: Sequence[int], on: Screen) -> list[str]:
        """Headings down the left side, rows beside each other."""
        assert on.width is not None
        side = max(columns_of(self.headings[place].title) for place in kept)
        room = max(1, on.width - side - GAP)
        widths = [max(self._narrow(row, kept), min(self._wide(row, kept), room)) for row in self.rows]
        lines: list[str] = []
        first = 0
        while first < len(self.rows):
            stop, taken = first + 1, widths[first]
            while stop < len(self.rows) and taken + GAP + widths[stop] <= room:
                taken += GAP + widths[stop]
                stop += 1
            lines += [""] if first else []
            for place in kept:
                cells = [Cell(self.headings[place].title, "bold"), *(row[place] for row in self.rows[first:stop])]
                lines += _row(cells, [side, *widths[first:stop]], [False, *[True] * (stop - first)], on)
            first = stop
        return lines

    def _wide(self, row: Sequence[Cell], kept: Sequence[int]) -> int:
        """Columns that a row takes when it is turned: words in lines of some twenty."""
        sizes = ((self.headings[place].kind, columns_of(row[place].text)) for place in kept)
        return max(min(size, TURNED) if kind == "words" else size for kind, size in sizes)

    def _narrow(self, row: Sequence[Cell], kept: Sequence[int]) -> int:
        """Columns that it takes at least."""
        texts = ((self.headings[place].kind, row[place].text) for place in kept)
        return max(longest_word(text) if kind == "words" else columns_of(text) for kind, text in texts)


def _row(cells: Sequence[Cell], widths: Sequence[int], right: Sequence[bool], on: Screen) -> list[str]:
    """Cells side by side, in as many lines as the one with most words takes."""
    texts = [wrapped(cell.text, width) for cell, width in zip(cells, widths, strict=True)]
    found = []
    for number in range(max(map(len, texts))):
        parts = []
        for cell, lines, width, at_right in zip(cells, texts, widths, right, strict=True):
            text = lines[number] if number < len(lines) else ""
            blank = " " * max(0, width - columns_of(text))
            shown = coloured(text, cell.colour, on)
            parts.append(blank + shown if at_right else shown + blank)
        found.append((" " * GAP).join(parts).rstrip())
    return found


class SheetLine(NamedTuple):
    """A line of a sheet: what it is, its figure, and words beside it; an empty label parts two groups."""

    label: str
    figure: str = ""
    words: str = ""
    colour: Colour = ""
    """Of the figure, or of the words where there is none."""


def sheet(lines: Sequence[SheetLine], on: Screen, title: str = "") -> list[str]:
    """Labels at the left, figures right-aligned beside them, words where they have room."""
    lines = [SheetLine(clean(line.label), clean(line.figure), clean(line.words), line.colour) for line in lines]
    side = max((columns_of(line.label) for line in lines), default=0)
    middle = max((columns_of(line.figure) for line in lines), default=0)
    found = [coloured(line, "bold", on) for line in wrapped(clean(title), on.width)] if title else []
    for line in lines:
        if not line.label:
            found.append("")
            continue
        gap = " " * GAP
        head = coloured(line.label, "bold", on) + " " * (side - columns_of(line.label) + GAP)
        begin = side + GAP
        if line.figure:
            head += " " * (middle - columns_of(line.figure)) + coloured(line.figure, line.colour, on) + gap
            begin += middle + GAP
        room = None if on.width is None else max(1, on.width - begin)
        colour: Colour = "" if line.figure else line.colour
        first, *others = (coloured(part, colour, on) for part in wrapped(line.words, room))
        found.append((head + first).rstrip())
        found += [" " * begin + part for part in others]
    return found


def print_table(table: TextTable) -> None:
    """Print it on standard output, as it fits there."""
    _print(table.lines)


def print_sheet(lines: Sequence[SheetLine], title: str = "") -> None:
    """Print a sheet there."""
    _print(lambda on: sheet(lines, on, title))


def _print(lines: Callable[[Screen], list[str]]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines(screen())))


def sign_colour(value: float | None) -> Colour:
    """Losses are red, gains green."""
    return "" if not value else "green" if value > 0.0 else "red"
