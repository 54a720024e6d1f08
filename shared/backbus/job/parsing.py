"""From what a user wrote to the sections of a job, with one clear error of all mistakes where it cannot be.

Errors name the field as it is written after ``--set``: the tag of an alternative, which pydantic puts into a path, is
left out.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from backbus import renamed
from backbus.errors import JobError, Mistake
from backbus.job.places import JobOrigin, in_order

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass

    ClassOfModels = ModelMetaclass
else:
    ClassOfModels = type(BaseModel)
    """The class of pydantic's classes, for those of ours that say in their own words what is wrong with one."""

Fields = TypeVar("Fields", bound=BaseModel)
NOWHERE = JobOrigin()


def parse(
    model: type[Fields], fields: Mapping[str, Any], *, within: tuple[str, ...] = (), origin: JobOrigin = NOWHERE
) -> Fields:
    """A job, or the section at ``within`` by itself, or a ``JobError`` that names all that is wrong in its fields."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise JobError.of(mistakes_in(model, error, within, origin), origin.file) from None


def mistakes_in(model: Any, error: ValidationError, within: tuple[str, ...], origin: JobOrigin) -> list[Mistake]:
    """What a user has to mend, in the order of the file; one for each setting, and none that follows from others."""
    wrong = [(_walk(model, mistake["loc"]), mistake) for mistake in error.errors(include_url=False)]
    # A name that is unknown comes first, since others may follow from it.
    wrong.sort(key=lambda each: each[1]["type"] != "extra_forbidden")
    meant = {(*path[:-1], close) for (path, _), mistake in wrong if (close := _meant(model, mistake)) is not None}
    told: dict[tuple[str, ...], Mistake] = {}
    for (path, _), mistake in wrong:
        follows = mistake["type"] == "missing" and path in meant
        inside = any(len(other) > len(path) and other[: len(path)] == path for (other, _), _ in wrong)
        if path not in told and not follows and not inside:
            place, line = origin.of((*within, *path))
            name = ".".join((*within, *path))
            told[path] = Mistake(name or None, line, _problem(model, mistake, name), place)
    return in_order(told.values())


def override_field(fields: dict[str, Any], assignment: str) -> tuple[str, ...]:
    """Set what ``section.field=value`` says in a job's fields, and return its path; JobError where it cannot be
    read."""
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
    return (*tables, last)


def in_words(mistake: Mapping[str, Any]) -> str:
    """What a value must be, and what it is."""
    message = re.sub("^(Input|String) should ", "must ", mistake["msg"].removeprefix("Value error, "))
    message = re.sub(", unable to parse string.*", "", message)
    if mistake["type"] == "tuple_type":
        message = "must be a list"
    found = mistake.get("input")
    shown = repr(found)
    if not mistake["loc"] or len(shown) > 80 or isinstance(found, Mapping) or "not " in message:
        return message
    return f"{message}, not {shown}" if message.startswith("must ") else f"{message} (it is {shown})"


def _meant(model: Any, mistake: Mapping[str, Any]) -> str | None:
    """The setting that an unknown name was meant for, as far as one can tell."""
    if mistake["type"] != "extra_forbidden":
        return None
    _, known = _walk(model, mistake["loc"][:-1])
    return next(iter(difflib.get_close_matches(str(mistake["loc"][-1]), known, n=1)), None)


def _problem(model: Any, mistake: Mapping[str, Any], name: str) -> str:
    """What is wrong with a setting, and what to do."""
    message = in_words(mistake)
    match mistake["type"]:
        case "extra_forbidden" if new := renamed.FIELDS.get(name):
            message = renamed.is_now(name, new)
        case "extra_forbidden":
            _, known = _walk(model, mistake["loc"][:-1])
            named = _meant(model, mistake)
            message = "there is no such setting; " + (
                f"did you mean {named!r}?" if named else f"known here: {', '.join(known)}" if known else "remove it"
            )
        case "missing":
            message = "is missing; add it"
        case "union_tag_not_found":
            message = (
                f"needs {mistake.get('ctx', {}).get('discriminator')}, which says of what kind it is: {{ model = ... }}"
            )
        case "union_tag_invalid":
            tags = str(mistake.get("ctx", {}).get("expected_tags"))
            close = difflib.get_close_matches(str(mistake.get("ctx", {}).get("tag")), re.findall(r"'(\w+)'", tags), n=1)
            meant = f"did you mean {close[0]!r}? " if close else ""
            message = f"unknown model; {meant}choose one of {tags}"
        case "literal_error" if new := renamed.SETTINGS.get(name, {}).get(str(mistake["input"])):
            message = renamed.is_now(repr(mistake["input"]), repr(new))
        case "model_type" | "model_attributes_type" | "dict_type":
            message = f"must be a table, not {mistake['input']!r}: write [section] or {{ name = value }}"
    return message


def _walk(model: Any, location: tuple[str | int, ...]) -> tuple[tuple[str, ...], list[str]]:
    """A path as a user writes it, and the fields that are known at its end, where that is one section."""
    models: list[Any] = [model]
    path: list[str] = []
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
    return tuple(path), list(models[0].model_fields) if len(models) == 1 else []


def _models(annotation: Any) -> list[Any]:
    """All models that an annotation names, those of lists and of alternatives too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _tag(model: Any) -> str | None:
    """What tells a model from its alternatives."""
    fields = [model.model_fields[name] for name in ("model", "scenario") if name in model.model_fields]
    return get_args(fields[0].annotation)[0] if fields else None
