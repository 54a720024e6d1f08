"""Where the files lie that a receipt names: found by their hashes, wherever they are by now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from backbus.runs.hashes import hashes_of


@dataclass(frozen=True)
class FoundFiles:
    """What was found of them, by their names in the receipt."""

    same: dict[str, Path]
    """With the bytes that they had."""
    changed: dict[str, Path]
    """Of the name, in its place, with other bytes."""
    missing: tuple[str, ...]


def find_files(
    hashes: Mapping[str, str],
    bases: Iterable[Path],
    folders: Iterable[Path],
    objects: Mapping[str, Path],
    without: Path | None = None,
) -> FoundFiles:
    """Look for files first where their names lead from ``bases``, then among ``objects`` (by hash), then by their last
    name anywhere in ``folders``; nowhere below ``without``."""
    bases, folders = tuple(bases), tuple(folders)
    same: dict[str, Path] = {}
    changed: dict[str, Path] = {}
    missing: list[str] = []
    for name, blob in hashes.items():
        places = [*_places(name, bases), *([objects[blob]] if blob in objects else []), *_within(name, folders)]
        there = list(dict.fromkeys(place for place in places if place.is_file() and not _below(place, without)))
        exact = next((place for place in there if hashes_of({name: place})[name] == blob), None)
        if exact is not None:
            same[name] = exact
        elif there:
            changed[name] = there[0]
        else:
            missing.append(name)
    return FoundFiles(same, changed, tuple(missing))


def _below(place: Path, folder: Path | None) -> bool:
    return folder is not None and place.resolve().is_relative_to(folder)


def _places(name: str, bases: Iterable[Path]) -> Iterator[Path]:
    try:
        path = Path(name).expanduser()
    except RuntimeError:  # the home of a user whom nobody knows
        path = Path(name)
    for base in bases:
        yield base / path


def _within(name: str, folders: Iterable[Path]) -> Iterator[Path]:
    """Files of that name below folders; of several the one whose path ends most as the name does, first."""
    parts = PurePosixPath(name).parts[::-1]
    for folder in folders:
        if folder.is_file():
            yield folder
            continue
        found = sorted(folder.rglob(PurePosixPath(name).name))
        yield from sorted(found, key=lambda place: -_shared(place.parts[::-1], parts))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
