"""A strategy's parameters: declared as pydantic fields, made from a job's settings, listed for people and sweeps."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from backbus.errors import JobError

if TYPE_CHECKING:
    from backbus.strategy.base import Strategy

AnyStrategy = TypeVar("AnyStrategy", bound="Strategy")


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
    """A parameter of a strategy: its default (none: it must be given), its bounds, or the values it may take."""
    field = Field(default, ge=ge, gt=gt, le=le, lt=lt, description=description, validate_default=True)
    if choices is not None:
        allowed = tuple(choices)

        def one_of(value: Any) -> Any:
            if value not in allowed:
                raise ValueError(f"must be one of {', '.join(map(repr, allowed))}, not {value!r}")
            return value

        field.metadata.append(AfterValidator(one_of))
    return field


def make_strategy(strategy: type[AnyStrategy], params: Mapping[str, Any]) -> AnyStrategy:
    """An instance with these parameters, or a ``JobError`` naming the first wrong one and how to mend it."""
    try:
        return strategy(**params)
    except ValidationError as error:
        raise _first_mistake(strategy, error) from None


def _first_mistake(strategy: type[Strategy], error: ValidationError) -> JobError:
    mistakes = error.errors(include_url=False)
    mistake = next((m for m in mistakes if m["type"] == "extra_forbidden"), mistakes[0])
    name = ".".join(str(part) for part in mistake["loc"])
    field = f"strategy.{name}" if name else "strategy"
    message = mistake["msg"].removeprefix("Value error, ")
    known = list(strategy.model_fields)
    match mistake["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(name, known, n=1)
            if close:
                message = f"{strategy.__name__} has no such parameter; did you mean {close[0]!r}?"
            else:
                listed = f"it has {', '.join(known)}" if known else "it takes none"
                message = f"{strategy.__name__} has no such parameter; {listed}"
        case "missing":
            message = f"{strategy.__name__} needs this parameter; it has no default"
        case _ if name:
            message = f"{message[:1].lower()}{message[1:]}"
            if "not " not in message:
                message += f", not {mistake['input']!r}"
    return JobError(message, field=field)
