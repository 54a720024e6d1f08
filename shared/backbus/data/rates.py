"""Rates a year by date, from a file: what a job's risk-free rate is read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backbus.data.readers.asked import NOTHING_ASKED
from backbus.data.readers.headers import is_date_name
from backbus.data.readers.numbers import read_columns
from backbus.data.readers.small_tables import SmallTable, read_small_table, says_nothing
from backbus.errors import DataError, JobError
from backbus.job.performance import RiskFree
from backbus.market.panel import Floats, session_date

LARGEST = 0.3
"""A fraction above it is taken for percent, and refused: 30 % a year is no rate of what is without risk."""
FIELD = "performance.risk_free"


def read_rates(settings: RiskFree, folder: Path) -> RiskFree:
    """The setting with what its file says; only days on which the rate changes. Raises JobError or DataError."""
    if settings.file is None or settings.rates:
        return settings
    path = folder / settings.file
    if not path.exists():
        raise JobError(f"no such file: {path}; relative paths start from the job file's folder", field=FIELD)
    table = read_small_table(settings.file, path)
    names = table.headers
    if not table.rows or len(names) < 2:
        raise DataError("is to have a column of dates, one of rates and a row for each date", file=settings.file)
    dated = next((at for at, name in enumerate(names) if is_date_name(name)), 0)
    others = [name for at, name in enumerate(names) if at != dated]
    column = settings.column if settings.column is not None else (others[0] if len(others) == 1 else None)
    if column is None or column not in others:
        said = "has several columns of rates" if column is None else f"has no column {column!r} of rates"
        raise JobError(f"{settings.file} {said}: name one of {', '.join(others)} as {FIELD}.column", field=FIELD)
    (told,) = table.days(dated, first="of which day this rate is")
    days, rates = np.array(told), _rates(settings, table, names.index(column))
    known = np.flatnonzero(~np.isnan(rates))
    if not len(known):
        raise DataError("has no rate", file=settings.file)
    rows = known[np.argsort(days[known], kind="stable")]
    days, rates = days[rows], rates[rows]
    twice = np.flatnonzero(np.diff(days) == 0)
    if len(twice):
        first, second = (table.place(int(rows[twice[0] + later])) for later in (0, 1))
        both = f"{session_date(int(days[twice[0]]))}, at {first} and {second}"
        raise DataError(f"has two rates of {both}: keep one of them", file=settings.file)
    changes = np.flatnonzero(np.diff(rates, prepend=np.nan) != 0.0)
    kept = {session_date(int(days[at])): float(rates[at]) for at in sorted({*changes.tolist(), len(days) - 1})}
    return settings.model_copy(update={"rates": kept})


def _rates(settings: RiskFree, table: SmallTable, column: int) -> Floats:
    texts = table.column(column)
    unreadable: dict[tuple[str, int], str] = {}
    numbers = {"": ["" if says_nothing(text) else text for text in texts]}
    unit = 100.0 if settings.unit == "percent" else 1.0
    rates: Floats = read_columns(numbers, NOTHING_ASKED, unreadable)[""] / unit
    for (_, row), text in unreadable.items():
        raise table.error(row, f"{text!r} is no number; write rates as 0.05", column)
    large = np.flatnonzero(np.abs(rates) > LARGEST)
    if len(large):
        row, worth = int(large[0]), float(rates[large[0]])
        way = f'if these are percent, set {FIELD} = {{ file = "{settings.file}", unit = "percent" }}'
        raise JobError(
            f"{settings.file}, {table.place(row)}: {texts[row]} is {100.0 * worth:g} % a year; "
            + (way if settings.unit == "fraction" else "no rate without risk is that large"),
            field=FIELD,
        )
    return rates
