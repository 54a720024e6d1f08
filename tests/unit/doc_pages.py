"""The pages of the documents, and what stands where in them."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("[!.]*/README.md")])


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    head = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert head, f"no heading {title!r}"
    rest = text[head.end() :]
    end = re.search(rf"^#{{1,{len(head[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, heads and rulers left out."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for at, line in enumerate(lines):
        ruled = at + 1 < len(lines) and lines[at + 1].startswith(("|---", "| ---"))
        if line.startswith("|") and not line.startswith(("|---", "| ---")) and not ruled:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def words(text: str) -> list[str]:
    """What stands as code in a text, code blocks left out."""
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def first_words(text: str) -> list[str]:
    return [word for row in rows(text) for word in words(row[0])]


def tool(name: str) -> ModuleType:
    """One of the programs in ``tools``."""
    if str(ROOT / "tools") not in sys.path:
        sys.path.append(str(ROOT / "tools"))
    return importlib.import_module(name)


def stale(name: str) -> list[str]:
    """The files that a tool would make otherwise than they are."""
    made = tool(name).made()
    return [path.name for path, text in made.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
