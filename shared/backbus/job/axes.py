"""One axis of a sweep as a job writes it: a list of values, a range with a step, or a distribution."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

Number = int | float

_LARGEST = 2**53
"""Whole numbers above this are not exact as floating-point numbers."""
_LEAST = 1e-280
"""From here to 2^53 a logarithmic scale neither overflows nor loses digits."""
_RANGE, _DISTRIBUTION = ("from", "to", "step"), ("low", "high", "scale", "steps")
_FORMS = "write a list, a range { from = 5, to = 50, step = 5 } or a distribution { low = 0.1, high = 10.0 }"
_QUOTES = 'a name with dots stands in quotes: "execution.commission.bps" = ...'


@dataclass(frozen=True, slots=True)
class Choices:
    """These values, in this order."""

    values: tuple[Any, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.values)

    def plain(self) -> Any:
        """As the job file writes it."""
        return list(self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """From ``first`` up to ``last``, which is taken where a step meets it: value i is exactly first + i × step."""

    first: Number
    last: Number
    step: Number

    @property
    def size(self) -> int:
        """How many values there are."""
        first, last, step = (_decimal(number) for number in (self.first, self.last, self.step))
        return math.floor((last - first) / step) + 1

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers: all three are written without a point."""
        return all(isinstance(number, int) for number in (self.first, self.last, self.step))

    def plain(self) -> Any:
        """As the job file writes it."""
        return {"from": self.first, "to": self.last, "step": self.step}


@dataclass(frozen=True, slots=True)
class Distribution:
    """Anything from ``low`` to ``high``, spread evenly or evenly in its logarithm; with ``steps`` so many values."""

    low: Number
    high: Number
    scale: Literal["uniform", "log"] = "uniform"
    steps: int | None = None

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers: both ends are written without a point."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def plain(self) -> Any:
        """As the job file writes it."""
        steps = {} if self.steps is None else {"steps": self.steps}
        return {"low": self.low, "high": self.high, "scale": self.scale, **steps}


Axis = Choices | Range | Distribution


def _decimal(number: Number) -> Decimal:
    return Decimal(repr(number))


def _is_number(value: object) -> TypeGuard[Number]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(table: Mapping[str, Any], name: str) -> Number:
    if name not in table:
        raise ValueError(f"{name} is missing; {_FORMS}")
    value = table[name]
    if not _is_number(value):
        raise ValueError(f"{name} must be a number")
    if not math.isfinite(value):
        raise ValueError(f"{name} is not finite; write a finite number")
    if abs(value) > _LARGEST:
        raise ValueError(f"{name} is beyond ±2^53, where numbers are no longer exact")
    if 0 < abs(value) < _LEAST:
        raise ValueError(f"{name} is nearer to 0 than {_LEAST}; write 0 or a larger number")
    return value


def _read_axis(written: Any) -> Axis:
    match written:
        case Choices() | Range() | Distribution():
            return written
        case list() | tuple():
            return _read_choices(written)
        case Mapping():
            names = set(written)
            for form, read in ((_RANGE, _read_range), (_DISTRIBUTION, _read_distribution)):
                if names & set(form):
                    unknown = sorted(names - set(form))
                    if unknown:
                        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(form)}")
                    return read(written)
            raise ValueError(f"{_FORMS}; {_QUOTES}")
    raise ValueError(_FORMS)


def _read_choices(written: list[Any] | tuple[Any, ...]) -> Choices:
    if not written:
        raise ValueError("is an empty list; give at least one value")
    values = tuple(_plain(value) for value in written)
    seen = set()
    for value in values:
        key = ("number", value) if _is_number(value) else (type(value).__name__, json.dumps(value, sort_keys=True))
        if key in seen:
            raise ValueError(f"has {value!r} twice; give each value once")
        seen.add(key)
    return Choices(values)


def _plain(value: Any) -> Any:
    """A value as JSON would carry it, so that a search is the same before and after it has travelled."""
    match value:
        case bool() | str():
            return value
        case int() | float():
            if not math.isfinite(value):
                raise ValueError(f"has {value!r}; write a finite number")
            if abs(value) > _LARGEST:
                raise ValueError(f"has {value!r}, which is beyond ±2^53, where numbers are no longer exact")
            return value
        case date() | datetime() | time():
            return value.isoformat()
        case list() | tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
    raise ValueError(f"has {value!r}, which is no number, text, date, truth value, list or table")


def _read_range(written: Mapping[str, Any]) -> Range:
    first, last, step = (_number(written, name) for name in _RANGE)
    if step == 0:
        raise ValueError("step is 0; write how far apart the values are")
    if (last - first) * step < 0:
        raise ValueError(
            f"from {first} in steps of {step} never comes to {last}; turn the sign of step or swap the ends"
        )
    found = Range(first, last, step)
    if found.size > _LARGEST:
        raise ValueError(f"{first} to {last} in steps of {step} are more values than can be counted; widen the step")
    return found


def _read_distribution(written: Mapping[str, Any]) -> Distribution:
    low, high = _number(written, "low"), _number(written, "high")
    scale, steps = written.get("scale", "uniform"), written.get("steps")
    if scale not in ("uniform", "log"):
        raise ValueError(f'scale is "uniform" or "log", not {scale!r}')
    if low >= high:
        raise ValueError(f"low ({low}) must be below high ({high})")
    if scale == "log" and low <= 0:
        raise ValueError(f"a log scale needs low above 0, not {low}")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 2):
        raise ValueError(f"steps is how many values to take, at least 2, not {steps!r}")
    return Distribution(low, high, scale, steps)


def _write_axis(axis: Axis) -> Any:
    return axis.plain()


AxisField = Annotated[Axis, PlainValidator(_read_axis), PlainSerializer(_write_axis), WithJsonSchema({})]
