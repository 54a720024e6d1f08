"""Write ``shared/backbus/cli/words.py``: what a shell completes, from the commands and the job's model.

Both take most of a second to import, which is too long to wait for after each key.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel
from typer.models import ArgumentInfo, ParameterInfo

from backbus.cli.app import app
from backbus.job.job import Job
from backbus.strategy.builtins import BUILTINS
from backbus.strategy.parameters import parameters

PLACE = Path(__file__).resolve().parents[1] / "shared" / "backbus" / "cli" / "words.py"
WIDTH = 121
HEAD = '''"""Commands, options and settings, with what may follow each, and the parameters of built-in strategies.

Made by ``tools/words.py`` from the commands and the job's model; ``make pages`` writes it, and a test says when it is
due.
"""

'''
COMMANDS = """COMMANDS: dict[str, str] = {
    # what it does, by its words; of a group with what belongs to it
"""
OPTIONS = """}
OPTIONS: dict[str, tuple[str, ...]] = {
    # of each command: "--name" takes no value, "--name=" one, "--name=WHAT" one that is completed; "=WHAT": an argument
"""
SETTINGS = """}
SETTINGS: dict[str, tuple[str, ...]] = {
"""


def settings(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """All that ``--set`` takes, with the words that a value may be; nothing of lists, which it sets whole."""
    for name, field in model.model_fields.items():
        place = f"{path}{name}"
        if place == "strategy":
            yield "strategy.use", ()
            continue
        words, models = _of(field.annotation)
        if not models or words:
            yield place, words
        for inner in models:
            yield from settings(inner, f"{place}.")


def _of(annotation: Any) -> tuple[tuple[str, ...], list[type[BaseModel]]]:
    origin = get_origin(annotation)
    if annotation is bool:
        return ("true", "false"), []
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (), [annotation]
    if origin is Literal:
        return tuple(map(str, get_args(annotation))), []
    if origin is Annotated:
        return _of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        parts = [_of(part) for part in get_args(annotation) if part is not type(None)]
        return tuple(word for words, _ in parts for word in words), [model for _, models in parts for model in models]
    return (), []


def text() -> str:
    """The whole file."""
    found: dict[str, tuple[str, ...]] = {}
    for name, words in settings(Job):
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), *words)))
    lines = [_line(name, words) for name, words in sorted(found.items())]
    of_strategies = [
        _line(name, tuple(one.name for one in parameters(strategy))) for name, strategy in sorted(BUILTINS.items())
    ]
    known = list(commands(app))
    told = [f'    "{name}": "{does}",\n' for name, does, _ in known]
    options = [_line(name, words) for name, _, words in known]
    parts = [HEAD, COMMANDS, *told, OPTIONS, *options, SETTINGS, *lines]
    return "".join([*parts, "}\nPARAMETERS: dict[str, tuple[str, ...]] = {\n", *of_strategies, "}\n"])


def commands(group: typer.Typer, path: str = "") -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each command: its words, what it does, and its options and arguments."""
    for one in group.registered_commands:
        assert one.callback is not None
        name = one.name or one.callback.__name__.replace("_", "-")
        yield f"{path}{name}", _first(one.callback), tuple(_words(one.callback))
    for inner in group.registered_groups:
        made = inner.typer_instance
        assert made is not None
        assert isinstance(inner.name or made.info.name, str)
        name = f"{path}{inner.name or made.info.name}"
        own = made.registered_callback.callback if made.registered_callback is not None else None
        does = _first(own) if own is not None else str(made.info.help)
        yield name, does, tuple(_words(own)) if own is not None else ("--help",)
        yield from commands(made, f"{name} ")


def _first(function: Callable[..., Any]) -> str:
    """The first sentence of what it says, which the list of commands shows whole."""
    told = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    sentence, full_stop, _ = told.partition(". ")
    return f"{sentence}." if full_stop else told


def _words(function: Callable[..., Any]) -> Iterator[str]:
    for name, hint in get_type_hints(function, include_extras=True).items():
        info = next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, ParameterInfo)), None)
        if info is None:
            continue
        completed = "" if info.autocompletion is None else info.autocompletion.__name__
        if isinstance(info, ArgumentInfo):
            yield f"={completed}"
            continue
        said = (info.default, *(info.param_decls or ()))  # what stands first in Annotated is kept as the default
        flags = [one for one in said if isinstance(one, str) and one.startswith("-")]
        flags = flags or [f"--{name.replace('_', '-')}"]
        takes = "" if get_args(hint)[0] is bool else f"={completed}"
        yield from (f"{flag}{takes}" for flag in flags)
    yield "--help"


def _line(name: str, words: tuple[str, ...]) -> str:
    """As ruff has it."""
    quoted = [f'"{word}"' for word in words]
    line = f'    "{name}": ({", ".join(quoted)}{"," if len(words) == 1 else ""}),\n'
    if len(line) <= WIDTH:
        return line
    return f'    "{name}": (\n' + "".join(f"        {word},\n" for word in quoted) + "    ),\n"


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
