"""Places that an agent names, which are inside of the server's folder once all links are followed.

In: a path, a run's name, a job or settings as an agent gives them. Out: the same, or a refusal. What a job file of the
user names is the user's business: a file that lies in the folder may name prices anywhere.
"""

from __future__ import annotations

import glob
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from backbus.errors import JobError
from backbus.folders import RUNS
from backbus.job.parsing import override_field
from backbus.mcp.refusals import CallRefused

_OF_A_RUN = ("report.json", "sweep.json")
MOST_MATCHES = 10_000
"""Files that a pattern may match."""
MOST_DEEP = 50
"""Tables and lists within each other."""


def inside(written: str, folder: Path, base: Path | None = None, *, what: str = "") -> Path:
    """Where a path leads that starts from ``base``, else from the folder. Raises CallRefused where it leads out."""
    try:
        path = (base or folder).joinpath(_from_home(written)).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise CallRefused("not_allowed", f"{_told(what, written)} is no path: {error}") from None
    if not path.is_relative_to(folder):
        raise CallRefused("not_allowed", f"{_told(what, written)} is outside of {folder}, where this server works")
    return path


def _from_home(written: str) -> Path:
    """A path with the home that it begins with. Raises CallRefused for one of nobody."""
    try:
        return Path(written).expanduser()
    except RuntimeError:
        problem = f"{written} is no path: nobody is called {written.partition(os.sep)[0][1:]!r} on this machine"
        raise CallRefused("arguments.wrong", problem, then="name a place in the server's folder") from None


def base_of(job: str, folder: Path) -> Path:
    """The folder from which a job's paths start."""
    return folder.joinpath(_from_home(job)).parent


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
    if path.suffix != ".html":
        raise CallRefused("arguments.wrong", f"{written}: a page is a file that ends in .html", then="name such a one")
    return str(path)


def run_name(written: str, folder: Path) -> str:
    """A run's id, name or folder: a folder is one of the server's own, or in its runs, wherever those are kept. No link
    among these leads out of both."""
    home = (folder / RUNS).resolve()
    looks_like_a_path = os.sep in written or written.startswith("~") or written in (".", "..")
    if looks_like_a_path or (folder / written).exists():
        path = folder.joinpath(_from_home(written)).resolve()
        if not (path.is_relative_to(folder) or path.is_relative_to(home)):
            raise CallRefused("not_allowed", f"{written} is outside of {folder}, where this server works")
        _check_run(path, folder, home)
    check_runs(folder, written)
    return written


def check_runs(folder: Path, name: str = "") -> None:
    """Refuse links that lead out among the runs that a command may find by a name: by the first letters of an id, or
    else by any run's own words."""
    home = (folder / RUNS).resolve()
    if not home.is_dir():
        return
    runs = [one for one in home.iterdir() if not one.name.startswith(".")]
    begun = [one for one in runs if one.name.startswith(name) and any((one / file).is_file() for file in _OF_A_RUN)]
    for one in begun or runs:
        _check_run(one, folder, home)


def _check_run(run: Path, folder: Path, home: Path) -> None:
    files = list(run.iterdir()) if run.is_dir() else []
    for one in (run, *(each for each in files if each.is_symlink())):
        path = one.resolve()
        if not (path.is_relative_to(folder) or path.is_relative_to(home)):
            raise CallRefused(
                "not_allowed",
                f"{RUNS / one.relative_to(run.parent)} is a link that leads outside of {folder}, where this server "
                "works",
                then="name another run by its id, or ask the user to take the link away",
            )


def check_settings(settings: Iterable[str], folder: Path, base: Path) -> None:
    """Refuse settings that lead out of the folder; the job that they change lies in ``base``."""
    fields: dict[str, Any] = {}
    try:
        for one in settings:
            override_field(fields, one)
    except JobError as error:
        then = 'write each as "section.field=value", such as "strategy.fast=10"'
        problem = re.sub(r"^(\S+: )?--set ", "", str(error))
        raise CallRefused("arguments.wrong", f"settings: {problem}", then=then) from None
    except RecursionError:
        raise _too_deep("settings") from None
    except ValueError as error:
        raise CallRefused("arguments.wrong", f"settings: {error}") from None
    _check_fields(fields, folder, base, "settings")


def check_job_text(text: str, folder: Path) -> None:
    """Refuse a job whose settings lead out of the folder. One that cannot be read says so when it is run."""
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    except RecursionError:
        raise _too_deep("job_toml") from None
    except ValueError as error:
        raise CallRefused("arguments.wrong", f"job_toml: {error}") from None
    _check_fields(fields, folder, folder, "job_toml")


def _too_deep(what: str) -> CallRefused:
    then = "write tables and lists within each other as a job has them: at most a few"
    return CallRefused("arguments.wrong", f"{what}: tables or lists lie too deep within each other", then=then)


def _check_fields(fields: Mapping[str, Any], folder: Path, base: Path, what: str) -> None:
    """Every text is taken for a path, whatever its setting: which of them are paths is the job's to know, and one that
    is none stays inside of the folder as well."""
    for field, text in _texts(fields, "", what):
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


def _texts(value: Any, field: str, what: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > MOST_DEEP:
        raise _too_deep(what)
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _texts(one, f"{field}.{name}" if field else str(name), what, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, field, what, depth + 1)


def _there(path: Path, written: str, folder: Path, *, any_kind: bool = False) -> str:
    if not (path.exists() if any_kind else path.is_file()):
        raise CallRefused("not_found", f"there is no file {written} in {folder}")
    return str(Path(written).expanduser())  # where it lies, not where a link leads: a job's paths start from there


def _told(what: str, written: str) -> str:
    return f"{what}: {written}" if what else written
