"""A strategy's parameters: declared as pydantic fields, made from a job's settings, listed for people and sweeps."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function

from backbus.errors import JobError, Mistake, StrategyError
from backbus.job.parsing import in_words
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
