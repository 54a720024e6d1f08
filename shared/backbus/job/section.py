"""What every table of a job file is, and what numbers in it may be."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _written(value: Any, forms: str) -> date:
    """A date, or a date and time, out of its text. A number is none: 20240101 would count seconds since 1970. A text
    with a time stays one at midnight too, so that a job is the same wherever it was sent."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.match(value):
        return date.fromisoformat(value) if _DAY.fullmatch(value) else datetime.fromisoformat(value)
    raise ValueError(f"must be {forms}")


def _day(value: Any) -> date:
    return _written(value, "a date, as 2024-01-31")


def _moment(value: Any) -> date | None:
    return None if value is None else _written(value, "a date, as 2024-01-31, or a date and time, as 2024-01-31T09:30")


Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[date | datetime | None, BeforeValidator(_moment)]


class Section(BaseModel):
    """A table of a job file: immutable, and a name that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
