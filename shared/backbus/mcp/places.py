"""Places that an agent names, which are inside of the server's folder once all links are followed.

In: a path, a run's name, a job or settings as an agent gives them. Out: the same, or a refusal. What a job file of the
user names is the user's business: a file that lies in the folder may name prices anywhere.
"""

from __future__ import annotations

import glob
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from backbus.errors import JobError
from backbus.folders import RUNS
from backbus.job.parsing import override_field
from backbus.mcp.refusals import CallRefused

MOST_MATCHES = 10_000
"""Files that a pattern may match."""


def inside(written: str, folder: Path, base: Path | None = None, *, what: str = "") -> Path:
    """Where a path leads that starts from ``base``, else from the folder. Raises CallRefused where it leads out."""
    try:
        path = (base or folder).joinpath(Path(written).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise CallRefused("not_allowed", f"{_told(what, written)} is no path: {error}") from None
    if not path.is_relative_to(folder):
        raise CallRefused("not_allowed", f"{_told(what, written)} is outside of {folder}, where this server works")
    return path


def job_file(written: str, folder: Path) -> str:
    """A job file that is there, as a command takes it."""
    return _there(inside(written, folder, what="the job"), written, folder)


def strategy_file(written: str, folder: Path) -> str:
    """A built-in's name, or a file that is there with its class, as a command takes it."""
    place, colon, name = written.partition(":")
    if not place.endswith(".py"):
        if place.endswith(".toml"):
            raise CallRefused("arguments.wrong", f"strategy: {written!r} is a job: give it as `job`")
        return written
    return f"{_there(inside(place, folder, what='the strategy'), place, folder)}{colon}{name}"


def existing(written: str, folder: Path) -> str:
    """A file or folder that is there, as a command takes it."""
    return _there(inside(written, folder), written, folder, any_kind=True)


def new_file(written: str, folder: Path) -> str:
    """A file that is not there yet: nothing is written over."""
    path = inside(written, folder)
    if path.exists():
        raise CallRefused("not_allowed", f"{written} is there already", then="name a file that is not there yet")
    if not path.parent.is_dir():
        raise CallRefused(
            "not_found", f"there is no folder {path.parent}", then="name a file in a folder that is there"
        )
    return str(path)


def run_name(written: str, folder: Path) -> str:
    """A run's id, name or folder: a folder is one of the server's own, or in its runs, wherever those are kept."""
    looks_like_a_path = os.sep in written or written.startswith("~") or written in (".", "..")
    if looks_like_a_path or (folder / written).exists():
        home = (folder / RUNS).resolve()
        path = folder.joinpath(Path(written).expanduser()).resolve()
        if not (path.is_relative_to(folder) or path.is_relative_to(home)):
            raise CallRefused("not_allowed", f"{written} is outside of {folder}, where this server works")
    return written


def check_settings(settings: Iterable[str], folder: Path, base: Path) -> None:
    """Refuse settings that lead out of the folder; the job that they change lies in ``base``."""
    fields: dict[str, Any] = {}
    try:
        for one in settings:
            override_field(fields, one)
    except JobError as error:
        then = 'write each as "section.field=value", such as "strategy.fast=10"'
        raise CallRefused("arguments.wrong", f"settings: {error}", then=then) from None
    _check_fields(fields, folder, base)


def check_job_text(text: str, folder: Path) -> None:
    """Refuse a job whose settings lead out of the folder. One that cannot be read says so when it is run."""
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    _check_fields(fields, folder, folder)


def _check_fields(fields: Mapping[str, Any], folder: Path, base: Path) -> None:
    """Every text is taken for a path, whatever its setting: which of them are paths is the job's to know, and one that
    is none stays inside of the folder as well."""
    for field, text in _texts(fields, ""):
        if field == "data.query":
            raise CallRefused(
                "not_allowed",
                "data.query: a query can read every file of this machine",
                then="write the query into a job file in the folder, or ask the user to, and give its path as `job`",
            )
        for place in {text, text.partition(":")[0]}:  # a strategy's file stands before its class
            inside(place, folder, base, what=field)
            if glob.has_magic(place):
                _check_pattern(place, folder, base, field)


def _check_pattern(pattern: str, folder: Path, base: Path, field: str) -> None:
    found_by = glob.iglob(pattern, root_dir=base, recursive=True)  # noqa: PTH207  (of a path that may be absolute)
    for number, found in enumerate(found_by):
        if number >= MOST_MATCHES:
            raise CallRefused(
                "not_allowed", f"{field}: {pattern} matches more than {MOST_MATCHES} files: name a folder"
            )
        inside(found, folder, base, what=field)


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, f"{field}.{name}" if field else str(name))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, field)


def _there(path: Path, written: str, folder: Path, *, any_kind: bool = False) -> str:
    if not (path.exists() if any_kind else path.is_file()):
        raise CallRefused("not_found", f"there is no file {written} in {folder}")
    return str(Path(written).expanduser())  # where it lies, not where a link leads: a job's paths start from there


def _told(what: str, written: str) -> str:
    return f"{what}: {written}" if what else written
