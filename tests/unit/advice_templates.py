"""All messages of the library that name a setting, as patterns: what is in the source, and not what a test thinks of.

A message is a text in the source of these parts of the library that has the dotted name of a setting in it, that is
said with one (``field=``), or that refuses a value of one (``ValueError``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import backbus

LIBRARY = Path(backbus.__file__).parent
PARTS = ("data", "market", "job", "engine", "simulator", "trading", "sweep", "strategy", "models", "runs")
SETTINGS_ARE_CHECKED_IN = ("job", "market")
SETTING = re.compile(
    r"\b(?:data|portfolio|execution|simulator|sweep|strategy|instruments|performance|run)\.[a-z_]+|\[(?:simulator|data|sweep)"
)
_LEAST = 8
"""Letters of a text that says something of itself."""
_OF_PANEL_FILES = "is a damaged panel file"
"""What refuses a file's own bytes by a ValueError that becomes this message."""


class Template(NamedTuple):
    """A message as the source has it."""

    place: str
    text: str
    pattern: re.Pattern[str]


def _parts(node: ast.AST) -> list[str | None] | None:
    """The pieces of a text, None for what is filled in; None of what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [str(each.value) if isinstance(each, ast.Constant) else None for each in node.values]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _parts(node.left), _parts(node.right)
        return None if left is None and right is None else [*(left or [None]), *(right or [None])]
    return None


def _said_with_a_setting(tree: ast.Module, part: str) -> set[int]:
    """Nodes of what is said with the name of a setting."""
    found: set[int] = set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        named = call.func.id == "JobError" and any(keyword.arg == "field" for keyword in call.keywords)
        refused = call.func.id == "ValueError" and part in SETTINGS_ARE_CHECKED_IN
        if named or refused:
            found |= {id(node) for each in call.args for node in ast.walk(each)}
    return found


def _of_file(path: Path) -> Iterator[Template]:
    place = path.relative_to(LIBRARY)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}  # docstrings
    told = _said_with_a_setting(tree, place.parts[0])
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        pieces = _parts(node)
        if pieces is None:
            continue
        skipped |= {id(each) for each in ast.walk(node)}
        text = "".join("{}" if piece is None else piece for piece in pieces)
        letters = sum(map(str.isalpha, text))
        if " " not in text.strip() or letters < _LEAST or not (id(node) in told or SETTING.search(text)):
            continue
        pattern = "".join(".*" if piece is None else re.escape(piece) for piece in pieces)
        yield Template(f"{place}:{node.lineno}", text, re.compile(pattern, re.DOTALL))  # type: ignore[attr-defined]


def templates() -> list[Template]:
    """All of them."""
    return [
        template for part in PARTS for path in sorted((LIBRARY / part).rglob("*.py")) for template in _of_file(path)
    ]
