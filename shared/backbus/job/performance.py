"""The ``[performance]`` table of a job: what results are measured by."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from backbus.job.section import Positive, Section

Rate = Annotated[float, Field(gt=-1, lt=10, allow_inf_nan=False)]
"""A rate a year, as a fraction."""


class RiskFree(Section):
    """A risk-free rate that changes: a file of dates and rates a year, or these themselves."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """CSV, Parquet or Arrow, from the job file's folder; read once, when the job begins."""
    column: str | None = None
    """Its column of rates; the only one beside the dates where left out."""
    unit: Literal["fraction", "percent"] = "fraction"
    """What a rate of 5 % a year is written as: 0.05, or 5."""
    days: Literal[360, 365] | None = None
    """Simple interest for the calendar days between sessions, of a year of so many; compounded by sessions if left
    out."""
    rates: dict[str, Rate] = Field(default={})
    """Rates a year by date, as fractions: what the file says, once it is read."""

    @field_validator("rates")
    @classmethod
    def _by_date(cls, rates: dict[str, float]) -> dict[str, float]:
        for date in rates:
            try:
                datetime.date.fromisoformat(date)
            except ValueError:
                raise ValueError(f"{date!r} is no date; write it like 2008-10-06") from None
        return dict(sorted(rates.items()))

    @model_validator(mode="after")
    def _of_something(self) -> RiskFree:
        if self.file is None and not self.rates:
            raise ValueError('name a file of dates and rates, file = "rates.csv", or give rates by date')
        return self


def _form(said: Any) -> str:
    return "(table)" if isinstance(said, Mapping | RiskFree) else "(number)"


class PerformanceSettings(Section):
    """How results are measured."""

    risk_free: Annotated[
        Annotated[Rate, Tag("(number)")] | Annotated[RiskFree, Tag("(table)")], Discriminator(_form)
    ] = 0.0
    """Annual rate, as a fraction; or a file of them."""
    periods_per_year: Positive | None = None
    """Sessions in a year, for annualising; as many as bars and calendar say where left out."""
    benchmark: str | None = None
    """One of the data's symbols."""

    @field_validator("risk_free", mode="before")
    @classmethod
    def _named(cls, said: Any) -> Any:
        """The name of a file, or a number that came as text."""
        if isinstance(said, str):
            try:
                return float(said)
            except ValueError:
                return {"file": said}
        return said
