"""From what a user wrote to the sections of a job, with one clear error where it cannot be.

Errors name the field as it is written after ``--set``: the tag of an alternative, which pydantic puts into a path, is
left out.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from backbus import renamed
from backbus.errors import JobError

Fields = TypeVar("Fields", bound=BaseModel)


def parse(
    model: type[Fields], fields: Mapping[str, Any], *, within: tuple[str, ...] = (), file: str | None = None
) -> Fields:
    """A job, or the section at ``within`` by itself, or a ``JobError`` that names the first wrong field."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise _wrong(model, first_mistake(error), within, file) from None


def override_field(fields: dict[str, Any], assignment: str) -> None:
    """Set what ``section.field=value`` says in a job's fields; JobError where it cannot be read."""
    name, equals, text = assignment.partition("=")
    name, text = name.strip(), text.strip()
    if not equals or not name or not text:
        raise JobError(f"--set wants section.field=value, not {assignment!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *tables, last = name.split(".")
    table = fields
    for step in tables:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise JobError(f"--set {assignment}: {step!r} is a value, not a table", field=name)
    table[last] = value


def first_mistake(error: ValidationError) -> Mapping[str, Any]:
    """The mistake to tell of: a name that is unknown comes first, since others may follow from it."""
    mistakes: list[Any] = error.errors(include_url=False)
    return next((mistake for mistake in mistakes if mistake["type"] == "extra_forbidden"), mistakes[0])


def in_words(mistake: Mapping[str, Any]) -> str:
    """What a value must be, and what it is."""
    message = re.sub("^Input should ", "must ", mistake["msg"].removeprefix("Value error, "))
    if mistake["type"] == "tuple_type":
        message = "must be a list"
    found = mistake.get("input")
    shown = repr(found)
    if not mistake["loc"] or len(shown) > 80 or isinstance(found, Mapping) or "not " in message:
        return message
    return f"{message}, not {shown}" if message.startswith("must ") else f"{message} (it is {shown})"


def _wrong(model: Any, mistake: Mapping[str, Any], within: tuple[str, ...], file: str | None) -> JobError:
    location = mistake["loc"]
    path, _ = _walk(model, location)
    name = ".".join((*within, *path))
    message = in_words(mistake)
    match mistake["type"]:
        case "extra_forbidden" if new := renamed.FIELDS.get(name):
            message = renamed.is_now(name, new)
        case "extra_forbidden":
            _, known = _walk(model, location[:-1])
            close = difflib.get_close_matches(str(location[-1]), known, n=1)
            message = "there is no such setting; " + (
                f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}" if known else "remove it"
            )
        case "missing":
            message = "is missing; add it"
        case "union_tag_not_found":
            message = "needs a model, for example { model = ... }: " + str(mistake.get("ctx", {}).get("discriminator"))
        case "union_tag_invalid":
            message = f"unknown model; choose one of {mistake.get('ctx', {}).get('expected_tags')}"
        case "literal_error" if new := renamed.SETTINGS.get(name, {}).get(str(mistake["input"])):
            message = renamed.is_now(repr(mistake["input"]), repr(new))
        case "model_type" | "model_attributes_type" | "dict_type":
            message = f"must be a table, not {mistake['input']!r}: write [section] or {{ name = value }}"
    return JobError(message, field=name or None, file=file)


def _walk(model: Any, location: tuple[str | int, ...]) -> tuple[list[str], list[str]]:
    """A path as a user writes it, and the fields that are known at its end, where that is one section."""
    models, path = [model], []
    for part in location:
        if str(part).startswith("("):  # which form of a setting it is, that has several
            continue
        # One of several models is named by its tag.
        tagged = [each for each in models if len(models) > 1 and _tag(each) == part]
        if tagged:
            models = tagged
            continue
        path.append(str(part))
        if not isinstance(part, int):
            fields = [each.model_fields[part] for each in models if part in each.model_fields]
            models = [each for field in fields for each in _models(field.annotation)]
    return path, list(models[0].model_fields) if len(models) == 1 else []


def _models(annotation: Any) -> list[Any]:
    """All models that an annotation names, those of lists and of alternatives too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _tag(model: Any) -> str | None:
    """What tells a model from its alternatives."""
    fields = [model.model_fields[name] for name in ("model", "scenario") if name in model.model_fields]
    return get_args(fields[0].annotation)[0] if fields else None
