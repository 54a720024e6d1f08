"""Wrap the prose of all pages at 100 columns: ``python tools/wrap.py`` (``make pages``).

Tables, headings and code are left as they are; code within a line is never parted.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100

_GLUE = "\x00"
"""Stands for a blank at which no line ends."""
_ITEM = re.compile(r"( *)([-*]|\d+\.) +")
_MARKER = re.compile(r" (?=(?:[-+*>=]|#+|\d+[.)])(?: |$))")
"""The blank before what would begin a list, a quotation or a heading at the begin of a line."""


def pages() -> list[Path]:
    """All pages of the repository."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[!.]*/README.md")])


def wrapped(text: str) -> str:
    """A page with its prose wrapped."""
    return "".join(f"{line}\n" for part in _parts(text.splitlines()) for line in part)


def _parts(lines: list[str]) -> Iterator[list[str]]:
    """What belongs together, as it should be: code, tables, headings, blank lines, paragraphs, items of lists."""
    prose: list[str] = []
    fenced = False
    for line in lines:
        if line.lstrip().startswith("```"):
            fenced = not fenced
            verbatim = True
        else:
            # Four blanks are code where no list goes on.
            code = line.startswith("    ") and not (prose and _ITEM.match(prose[0]))
            verbatim = fenced or code or not line.strip() or line.lstrip().startswith(("|", "#", "!["))
        if verbatim or _ITEM.match(line):
            if prose:
                yield _filled(prose)
            prose = []
        if verbatim:
            yield [line]
        else:
            prose.append(line)
    if prose:
        yield _filled(prose)


def _filled(lines: list[str]) -> list[str]:
    """A paragraph, or one item of a list."""
    item = _ITEM.match(lines[0])
    first = item[0] if item else re.match(" *", lines[0])[0]  # type: ignore[index]
    words = " ".join(line.strip() for line in [lines[0][len(first) :], *lines[1:]])
    glued = re.sub(r"`[^`]+`", lambda code: code[0].replace(" ", _GLUE), words)
    filled = textwrap.wrap(
        _MARKER.sub(_GLUE, glued),
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in filled]


def made() -> dict[Path, str]:
    """Every page as it should be."""
    return {path: wrapped(path.read_text(encoding="utf-8")) for path in pages()}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
