"""From what an agent gives a tool to the words of its command, by the tool's table of arguments.

Every argument is of a kind, which says what values it takes, how it is checked, and what it is in the command. What
fits no kind is refused with its name.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from backbus.mcp import places
from backbus.mcp.refusals import CallRefused


class Takes(StrEnum):
    """What an argument is."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    SETTINGS = "settings"
    JOB = "job"
    """The path of a job file in the folder."""
    JOB_TEXT = "job_text"
    """A job as TOML, which the command reads from standard input."""
    RUN = "run"
    RUNS = "runs"
    STRATEGY = "strategy"
    PLACE = "place"
    """A file or folder that is there."""
    NEW_FILE = "new_file"


_LISTS = (Takes.SETTINGS, Takes.RUNS)
_SCHEMAS: dict[Takes, dict[str, Any]] = {
    Takes.NUMBER: {"type": "integer"},
    Takes.FLAG: {"type": "boolean", "default": False},
    **{kind: {"type": "array", "items": {"type": "string"}} for kind in _LISTS},
}


@dataclass(frozen=True)
class Given:
    """An argument of a tool."""

    name: str
    takes: Takes
    means: str
    option: str = ""
    """What it is called in the command; by its place, where empty."""
    required: bool = False
    least: int | None = None
    words: tuple[str, ...] = ()
    """Those that it may be, where there are few."""

    def schema(self) -> dict[str, Any]:
        """As JSON Schema has it."""
        told = {**_SCHEMAS.get(self.takes, {"type": "string"}), "description": self.means}
        if self.least is not None:
            told["minimum" if self.takes is Takes.NUMBER else "minItems"] = self.least
        if self.words:
            told["enum"] = list(self.words)
        return told


@dataclass(frozen=True)
class Typed:
    """What a command is called with."""

    words: tuple[str, ...]
    read: str | None = None
    """What it reads from standard input."""


def schema_of(given: tuple[Given, ...]) -> dict[str, Any]:
    """The input schema of a tool with these arguments."""
    return {
        "type": "object",
        "properties": {one.name: one.schema() for one in given},
        "required": [one.name for one in given if one.required],
        "additionalProperties": False,
    }


def typed(given: tuple[Given, ...], values: Mapping[str, Any], folder: Path) -> Typed:
    """The words that the arguments make, options first. Raises CallRefused."""
    known = {one.name: one for one in given}
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            there = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
            raise CallRefused("arguments.wrong", f"there is no argument {name!r}; {there}")
    for one in given:
        if one.required and values.get(one.name) is None:
            raise CallRefused("arguments.wrong", f"{one.name} is missing: {one.means}")
    job = next((one.name for one in given if one.takes is Takes.JOB and values.get(one.name) is not None), None)
    base = folder if job is None else places.base_of(str(values[job]), folder)
    options: list[str] = []
    by_place: list[str] = []
    read = None
    for one in given:
        value = values.get(one.name)
        if value is None or value is False:
            continue
        _check(one, value)
        if one.takes is Takes.JOB_TEXT:
            if job is not None:
                raise CallRefused("arguments.wrong", f"give {job} or {one.name}, not both")
            places.check_job_text(value, folder)
            read = value
        told = _told(one, value, folder, base)
        if one.option:
            options += [one.option] if one.takes is Takes.FLAG else [f"{one.option}={each}" for each in told]
        else:
            by_place += told
    return Typed((*options, "--", *by_place) if by_place else tuple(options), read)


def _told(one: Given, value: Any, folder: Path, base: Path) -> list[str]:
    match one.takes:
        case Takes.SETTINGS:
            places.check_settings(value, folder, base)
            return list(value)
        case Takes.RUNS:
            return [places.run_name(each, folder) for each in value]
        case Takes.RUN:
            return [places.run_name(value, folder)]
        case Takes.JOB:
            return [places.job_file(value, folder)]
        case Takes.JOB_TEXT:
            return ["-"]
        case Takes.STRATEGY:
            return [places.strategy_file(value, folder)]
        case Takes.PLACE:
            return [places.existing(value, folder)]
        case Takes.NEW_FILE:
            return [places.new_file(value, folder)]
    return [str(value)]


def _check(one: Given, value: Any) -> None:
    """Refuse a value that is not of the argument's kind."""
    if one.takes is Takes.FLAG:
        fits, wanted = isinstance(value, bool), "true or false"
    elif one.takes is Takes.NUMBER:
        fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
    elif one.takes in _LISTS:
        fits, wanted = isinstance(value, list) and all(isinstance(each, str) for each in value), "a list of texts"
    else:
        fits, wanted = isinstance(value, str) and "\0" not in value and bool(value), "a text"
    if fits and one.least is not None and (len(value) if one.takes in _LISTS else value) < one.least:
        fits, wanted = False, f"a list of {one.least} or more" if one.takes in _LISTS else f"a number from {one.least}"
    if fits and one.words and value not in one.words:
        fits, wanted = False, f"one of {', '.join(one.words)}"
    if not fits:
        raise CallRefused("arguments.wrong", f"{one.name} must be {wanted}, not {str(value)[:80]!r}")
