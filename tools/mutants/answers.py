"""Changes that tests once let through, and the answer to each: why it is none, or the test that sees it since.

The list is kept in the repository and read here. An answer names its change by file, function and the two texts of its
statement; a number only where the function has several that read the same.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.changes import Change

FIELDS = {"file", "function", "original", "mutated", "which", "equivalent", "killed_by"}


@dataclass(frozen=True)
class Answer:
    """What is said of one change: one of the last two."""

    file: str
    function: str
    original: str
    mutated: str
    which: int = 1
    equivalent: str = ""
    """Why no result can differ."""
    killed_by: str = ""
    """A test, as pytest names it; without brackets for any of its cases."""

    @property
    def name(self) -> tuple[str, str, str, str, int]:
        """That of its change."""
        return self.file, self.function, self.original, self.mutated, self.which


def read(path: Path) -> list[Answer]:
    """The answers of a file; ValueError where one says too little or too much."""
    if not path.exists():
        return []
    found = []
    for number, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", ()), 1):
        unknown = set(entry) - FIELDS
        if unknown:
            raise ValueError(f"{path}: survivor {number} has {', '.join(sorted(unknown))}; an answer has none")
        if bool(entry.get("equivalent")) == bool(entry.get("killed_by")):
            raise ValueError(f"{path}: survivor {number} is answered by equivalent or by killed_by")
        try:
            found.append(Answer(**entry))
        except TypeError as error:
            raise ValueError(f"{path}: survivor {number}: {error}") from None
    twice = {answer.name for answer in found if [a.name for a in found].count(answer.name) > 1}
    if twice:
        raise ValueError(f"{path}: answered twice: {sorted(twice)[0]}")
    return found


def questions(changes: Iterable[Change]) -> str:
    """Entries for the list, whose answers are left to whoever puts them in."""
    return "\n".join(
        "[[survivor]]\n"
        + "".join(
            f"{field} = {json.dumps(value, ensure_ascii=False)}\n"
            for field, value in zip(("file", "function", "original", "mutated", "which"), change.name, strict=True)
            if field != "which" or value != 1
        )
        + 'equivalent = ""\n'
        for change in changes
    )
