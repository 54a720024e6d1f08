"""What a job says of how its sources are read: names of columns, the form of dates and of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from backbus.job.data import DataSettings


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings that a reader looks at."""

    header: tuple[str, ...] | None = None
    """The columns of CSV files whose first line is a bar."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Our column = theirs."""
    extra: tuple[str, ...] = ()
    """Further columns to read, by our names."""
    form: str | None = None
    """The form of dates."""
    without_extremes: bool = False
    """Whether bars may have neither high nor low, and take open and close for them."""
    decimal: str | None = None
    """What stands before a number's fraction."""
    split_percent: Literal["added", "total"] | None = None
    """What splits in percent are."""


NOTHING_ASKED = Asked()


def asked_of(settings: DataSettings) -> Asked:
    """What a job's settings say."""
    return Asked(
        settings.header,
        settings.names,
        settings.headers_read,
        settings.dates.form,
        settings.high_low is not None,
        settings.decimal,
        settings.split_percent,
    )
