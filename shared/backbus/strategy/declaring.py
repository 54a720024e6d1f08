"""What is said of a strategy's class that cannot be made: a body in; a class, or StrategyError, out.

Parameters are pydantic's fields, and what pydantic refuses while a class is made is told in the words of strategies:
the class, the attribute, and the line to write.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import SchemaError

from backbus.errors import StrategyError
from backbus.job.parsing import ClassOfModels

_WITHOUT_TYPE = ("model-field-missing-annotation", "model-field-overridden")
_OF_PYDANTIC = "\n\nFor further information"
_SIMPLE = (bool, int, float, str)
"""Types of values that a job file can write, and that are seen by a default."""


class StrategyClass(ClassOfModels):
    """The class of strategies' classes."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> type:
        """Make a class. Raises StrategyError."""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Field name .* shadows an attribute", UserWarning)  # refused below
                made: type = super().__new__(mcs, name, bases, namespace, **options)
        except (PydanticUserError, SchemaError) as error:
            raise StrategyError(_told(name, namespace, error)) from None
        return made


def refuse_names_of_ours(made: type[BaseModel], ours: type[BaseModel]) -> None:
    """Raise StrategyError where a parameter has the name of something that every strategy has, or of the setting that
    names the strategy."""
    for name in made.model_fields:
        if name == "use":
            raise StrategyError(
                f"{made.__name__}.use cannot be a parameter: `use` in a job's [strategy] names the strategy; give it "
                "another name"
            )
        if hasattr(ours, name) and name != "lookback":
            raise StrategyError(
                f"{made.__name__}.{name} cannot be a parameter: every strategy has something of this name "
                f"(Strategy.{name}); give it another name, such as {name}_"
            )


def not_made(name: str, error: Exception) -> StrategyError:
    """What to raise where a class is there, and no instance of it can be made."""
    said = _in_one_line(error)
    undefined = re.search(r"you should define `(\w+)`", said)
    if undefined is not None:
        said = f"a parameter is of type {undefined[1]}, which is not defined: import it, or define it above the class"
    return StrategyError(f"{name} cannot be made: {said}")


def _in_one_line(error: Exception) -> str:
    """What pydantic says, without the address of its pages."""
    return str(error).partition(_OF_PYDANTIC)[0].replace("\n", " ").strip()


def _told(name: str, namespace: Mapping[str, Any], error: PydanticUserError | SchemaError) -> str:
    code = error.code if isinstance(error, PydanticUserError) else None
    said = _in_one_line(error)
    if code in _WITHOUT_TYPE:
        for attribute, value in namespace.items():
            if f"`{attribute} = " in said or f"'{attribute}'" in said:
                return _without_type(name, attribute, value)
    if code == "schema-for-unknown-type":
        return _unknown_type(name, namespace, said)
    if isinstance(error, SchemaError):
        said = str(error).splitlines()[-1].partition(": ")[2] or said
        field = re.search(r'Field "(\w+)"', str(error))
        name = name if field is None else f"{name}.{field[1]}"
    return f"{name} cannot be made a strategy: {said}"


def _without_type(name: str, attribute: str, value: Any) -> str:
    if isinstance(value, FieldInfo):
        of = type(value.default).__name__ if type(value.default) in _SIMPLE else "float"
        return f"{name}.{attribute} has no type: write `{attribute}: {of} = param(…)`"
    if type(value) in _SIMPLE:
        of, written = type(value).__name__, repr(value)
        return (
            f"{name}.{attribute} = {written} has no type: write `{attribute}: {of} = {written}` where it is a "
            f"parameter, `{attribute}: ClassVar[{of}] = {written}` (from typing) where it is a constant, or "
            f"`_{attribute}: {of} = {written}` where it changes while the strategy runs"
        )
    of = type(value).__name__
    return (
        f"{name}.{attribute} is of type {of} and has no annotation: write `{attribute}: ClassVar = …` (from typing) "
        f"where it is a constant, or `_{attribute}: {of} = …` where it changes while the strategy runs; a parameter "
        "is a number, a truth value or a text"
    )


def _unknown_type(name: str, namespace: Mapping[str, Any], said: str) -> str:
    found = re.search(r"schema for (?:<class '(?P<path>[^']+)'>|(?P<other>.+?)\. Set )", said)
    kind = "this type" if found is None else (found["path"] or found["other"]).rpartition(".")[2]
    hints: Mapping[str, Any] = namespace.get("__annotations__", {})
    named = (one for one, hint in hints.items() if re.search(rf"\b{re.escape(kind)}\b", str(hint)))
    attribute = next(named, None)
    if attribute is None:
        return f"a parameter of {name} is of type {kind}, which no job can write: {_WRITABLE}"
    return (
        f"{name}.{attribute} is of type {kind}, which no job can write: {_WRITABLE}; write "
        f"`{attribute}: ClassVar[{kind}] = …` (from typing) where it is a constant, or `_{attribute}: {kind} = …` "
        "where it changes while the strategy runs"
    )


_WRITABLE = "a parameter is a number, a truth value, a text, or a list of such"
