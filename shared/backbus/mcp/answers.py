"""An answer that is no longer than it may be: long lists keep their first entries, long texts their beginning.

In: what a command printed, as plain values. Out: the same, with ``left_out``, which says of each list, table or text
that was cut how much of it is there, and how to get the rest. Nothing is left out without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

LEFT_OUT = "left_out"
TOLD = 12
"""Cuts that are told one by one."""
RESERVED = 3000
"""Characters for what is told of them."""
SHORTEST = 40
"""A text is not cut to less than this."""
RECORD = 40
"""A table with more names is no record of fields: entries of it are left out, and the others are whole."""


def bounded(answer: Mapping[str, Any], most: int, how: str) -> dict[str, Any]:
    """The answer in at most ``most`` characters of JSON; ``how`` says how to get what is left out."""
    if _size(answer) <= most:
        return dict(answer)
    cuts: list[dict[str, Any]] = []
    fitted: dict[str, Any] = _fit(dict(answer), most - RESERVED, (), cuts)
    for told in range(min(TOLD, len(cuts)), -1, -1):
        left_out = [{**one, "how": how} for one in cuts[:told]]
        if len(cuts) > told:
            left_out.append({"what": f"{len(cuts) - told} other places", "how": how})
        cut = {**fitted, LEFT_OUT: left_out}
        if _size(cut) <= most:
            break
    return cut


def _size(value: Any) -> int:
    return len(json.dumps(value))


def _fit(value: Any, room: int, path: tuple[str, ...], cuts: list[dict[str, Any]]) -> Any:
    """As much of a value as there is room for."""
    if _size(value) <= room:
        return value
    if isinstance(value, str):
        return _text(value, room, path, cuts)
    if isinstance(value, list):
        return _list(value, room, path, cuts)
    return _table(value, room, path, cuts) if isinstance(value, dict) else value


def _text(value: str, room: int, path: tuple[str, ...], cuts: list[dict[str, Any]]) -> str:
    kept = max(room - 4, SHORTEST)
    while kept > SHORTEST and _size(value[:kept]) > room:  # characters that take several in JSON
        kept = max(kept * 3 // 4, SHORTEST)
    if len(value) <= kept:
        return value
    cuts.append(_cut(path, kept, len(value), "characters"))
    return value[:kept] + "…"


def _list(value: list[Any], room: int, path: tuple[str, ...], cuts: list[dict[str, Any]]) -> list[Any]:
    told = ((str(number), one, 2) for number, one in enumerate(value))
    return list(_first(told, len(value), room, path, cuts).values())


def _first(
    entries: Iterable[tuple[str, Any, int]], of: int, room: int, path: tuple[str, ...], cuts: list[dict[str, Any]]
) -> dict[str, Any]:
    """The first entries, whole, each with what stands around it; of one that has no room by itself a part."""
    kept: dict[str, Any] = {}
    left = room - 2
    for name, one, around in entries:
        size = _size(one) + around
        if size > left:
            if not kept and left > SHORTEST:
                kept[name] = _fit(one, left - around, (*path, name), cuts)
            break
        kept[name] = one
        left -= size
    if len(kept) < of:
        cuts.insert(0, _cut(path, len(kept), of, "entries"))
    return kept


def _table(value: dict[str, Any], room: int, path: tuple[str, ...], cuts: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a record small values are kept whole, and larger ones share what is left."""
    sizes = {name: _size(one) for name, one in value.items()}
    left = room - 2 - sum(_size(name) + 4 for name in value)
    if path and (len(value) > RECORD or left < SHORTEST):
        told = ((name, one, _size(name) + 4) for name, one in value.items())
        return _first(told, len(value), room, path, cuts)
    fitted: dict[str, Any] = {}
    for place, name in enumerate(sorted(value, key=lambda each: sizes[each])):
        share = max(left // (len(value) - place), 0)
        fitted[name] = value[name] if sizes[name] <= share else _fit(value[name], share, (*path, name), cuts)
        left -= _size(fitted[name])
    return {name: fitted[name] for name in value}


def _cut(path: tuple[str, ...], kept: int, of: int, unit: str) -> dict[str, Any]:
    return {"what": ".".join(path), "kept": kept, "of": of, "unit": unit}
