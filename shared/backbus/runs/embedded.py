"""What a report's page carries beside what it shows: its receipt and, where it was asked for, the strategy's source.

Each is JSON in a script element that no browser runs. ``<`` is written as an escape, so that nothing in it ends the
element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from backbus.errors import DataError
from backbus.runs.folder import SOURCES
from backbus.runs.sources import hashes_of_texts

PAGE = ".html"
RECEIPT_ID, SOURCE_ID = "receipt", "source"


def element(name: str, value: Any) -> str:
    """A value as an element of a page."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def embedded(page: str, name: str) -> str | None:
    """The JSON of an element; None where there is none, or not all of it."""
    found = re.search(rf'<script type="application/json" id="{name}">([^<]*)</script>', page)
    return None if found is None else found[1]


def put_sources(folder: Path, carried: str, hashes: Mapping[str, str], page: str) -> None:
    """Write a page's sources where a run's folder has them. Raises DataError for those that its receipt does not name,
    or that are others."""
    texts = _texts(carried)
    if texts is None:
        raise DataError("its sources cannot be read: the page was changed, or cut; write it again", file=page)
    for name, blob in hashes_of_texts(texts).items():
        if (
            hashes.get(name) != blob
            or PurePosixPath(name).is_absolute()
            or ".." in PurePosixPath(name).parts
            or "\0" in name
        ):
            problem = (
                f"its source {name!r} is not the one that its receipt tells of: the page was changed; write it again"
            )
            raise DataError(problem, file=page)
    for name, text in texts.items():
        place = folder / SOURCES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _texts(carried: str) -> dict[str, str] | None:
    try:
        texts = json.loads(carried)
    except ValueError:
        return None
    plain = isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values())
    return texts if plain else None
