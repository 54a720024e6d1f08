"""A strategy's parameters: declared as pydantic fields, made from a job's settings, listed for people and sweeps."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field, GetCoreSchemaHandler, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, SchemaError
from pydantic_core.core_schema import no_info_after_validator_function

from backbus.errors import JobError, Mistake, StrategyError
from backbus.job.parsing import ClassOfModels, in_words
from backbus.strategy.failure import users_code

AnyStrategy = TypeVar("AnyStrategy", bound=BaseModel)
"""A strategy, of which nothing matters here but that its fields are its parameters."""


@dataclass(frozen=True, slots=True)
class _OneOf:
    """The rule that a parameter takes one of these values."""

    allowed: tuple[Any, ...]

    def listed(self) -> str:
        return ", ".join(map(repr, self.allowed))

    def check(self, value: Any) -> Any:
        if value not in self.allowed:
            raise ValueError(f"must be one of {self.listed()}, not {value!r}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self.check, handler(source))


def param(
    default: Any = ...,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[Any] | None = None,
    description: str | None = None,
) -> Any:
    """A parameter of a strategy: its default (none: it must be given), its bounds, or the values it may take. Raises
    StrategyError for bounds that are no numbers."""
    for sign, bound in (("ge", ge), ("gt", gt), ("le", le), ("lt", lt)):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float)):
            raise StrategyError(f"param({sign}={bound!r}): a bound is a number")
    if isinstance(choices, str) or not isinstance(choices, Iterable | None):
        raise StrategyError(f"param(choices={choices!r}): choices are a list or a tuple of values")
    if not isinstance(description, str | None):
        raise StrategyError(f"param(description={description!r}): a description is a text")
    field = Field(default, ge=ge, gt=gt, le=le, lt=lt, description=description, validate_default=True)
    if choices is not None:
        field.metadata.append(_OneOf(tuple(choices)))
    return field


def make_strategy(strategy: type[AnyStrategy], params: Mapping[str, Any]) -> AnyStrategy:
    """An instance with these parameters, or a ``JobError`` naming all that are wrong and how to mend them."""
    with users_code(strategy.__name__):
        try:
            return strategy(**params)
        except ValidationError as error:
            raise wrong_parameter(strategy, error) from None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a strategy, as it is listed."""

    name: str
    type: str
    default: Any
    """None where it must be given."""
    required: bool
    bounds: str
    """Such as ``>= 1, < 100``; empty where there are none."""
    description: str


def parameters(strategy: type[BaseModel]) -> tuple[Parameter, ...]:
    """What a strategy can be told, in the order in which its class says so."""
    return tuple(
        Parameter(
            name,
            getattr(field.annotation, "__name__", str(field.annotation)),
            None if field.is_required() else field.default,
            field.is_required(),
            ", ".join(filter(None, map(_bound, field.metadata))),
            field.description or "",
        )
        for name, field in strategy.model_fields.items()
    )


_SIGNS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def _bound(rule: object) -> str:
    if isinstance(rule, _OneOf):
        return f"one of {rule.listed()}"
    return "".join(f"{sign} {getattr(rule, name)}" for name, sign in _SIGNS if hasattr(rule, name))


def wrong_parameter(strategy: type[BaseModel], error: ValidationError) -> JobError:
    """All that are wrong, and how to mend them."""
    told: dict[str, Mistake] = {}
    for mistake in error.errors(include_url=False):
        name = ".".join(str(part) for part in mistake["loc"])
        field = f"strategy.{name}" if name else "strategy"
        told.setdefault(field, Mistake(field, None, _problem(strategy, name, mistake)))
    unknown_first = sorted(told.values(), key=lambda one: _NO_SUCH not in one.problem)
    return JobError.of(unknown_first, None)


_NO_SUCH = "has no such parameter"


def _problem(strategy: type[BaseModel], name: str, mistake: Mapping[str, Any]) -> str:
    known = list(strategy.model_fields)
    match mistake["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(name, known, n=1)
            listed = f"it has {', '.join(known)}" if known else "it takes none"
            return f"{strategy.__name__} {_NO_SUCH}; " + (f"did you mean {close[0]!r}?" if close else listed)
        case "missing":
            return f"{strategy.__name__} needs this parameter; it has no default"
    return in_words(mistake)


# --- classes that cannot be made --------------------------------------------------------------------------------

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
