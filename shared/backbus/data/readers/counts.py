"""Numbers that count time, with a fraction or without: of columns that have a type, and of text.

Whole parts and fractions are kept apart, so that nothing is carried past int64 and a fraction keeps its digits, down to
nanoseconds. A float since 1970 holds about a quarter of a microsecond; its seconds and milliseconds are taken to the
microsecond that they round.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.digits import LAST_NS, UNIT_NS, Blame, counted, digits, excel_times, with_fraction
from backbus.data.readers.stamps import parse_stamps
from backbus.data.readers.table import Stamps
from backbus.market.date_forms import date_form
from backbus.market.panel import Floats, Ints
from backbus.market.timeframes import DAY_NS

_FINEST_NS = {"s": 1_000, "ms": 1_000}
"""What a float of these units is rounded to; of others, to the nanosecond."""
_COARSE = 1_000
"""Counts that are too large for a float to hold each of them are rounded to so many."""
_BY_SIZE = ((1e9, None), (1e11, "s"), (1e14, "ms"), (1e17, "us"), (2.0**63, "ns"))
"""Below which magnitude a number is a count of which unit; smaller ones count nothing."""


def number_stamps(column: Any, blame: Blame, form: str | None) -> Stamps:
    """When rows are, of an Arrow column of numbers: by the form that a job declares, or by their size. Raises
    ``blame(row, why)``."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_decimal(kind):
        return _of_decimals(column, blame, form)
    if pa.types.is_floating(kind):
        return _of_floats(np.asarray(numbers_of(column.cast(pa.float64())), dtype=np.float64), blame, form)
    try:
        values: Ints = np.asarray(numbers_of(column.cast(pa.int64())))
    except pa.ArrowInvalid:
        row = next(row for row, value in enumerate(column.to_pylist()) if value > LAST_NS)
        raise blame(row, f"'{column[row]}' is outside the years 1678 to 2261") from None
    return _of_whole(values, blame, form)


def _of_whole(values: Ints, blame: Blame, form: str | None) -> Stamps:
    import pyarrow as pa

    if form is not None and date_form(form) is None:
        return counted(values, form, blame)
    if form is not None:
        return parse_stamps(pa.chunked_array([pa.array(values).cast(pa.string())]), blame, form)
    return digits(values, max(len(str(abs(int(values.max())))), len(str(abs(int(values.min()))))), blame)


def _of_decimals(column: Any, blame: Blame, form: str | None) -> Stamps:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = column.cast(pa.string())
    texts = pc.replace_substring_regex(texts, r"(\.\d*?)0+$", r"\1")
    if pc.all(pc.ends_with(pc.if_else(pc.match_substring(texts, "."), texts, "."), ".")).as_py():
        texts = pc.replace_substring(texts, ".", "")  # all of them are whole
    return parse_stamps(texts, blame, form)


def _of_floats(values: Floats, blame: Blame, form: str | None) -> Stamps:
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise blame(int(np.argmax(wrong)), "there is no date")
    far = np.abs(values) >= 2.0**63
    if far.any():
        row = int(np.argmax(far))
        raise blame(row, f"'{values[row]:g}' is outside the years 1678 to 2261")
    whole = np.floor(values)
    if (values == whole).all():
        counts = values.astype(np.int64)
        if float(np.abs(values).max()) >= 2.0**53:  # of nanoseconds a float holds every 256th: to the microsecond
            counts = (counts + _COARSE // 2) // _COARSE * _COARSE
        return _of_whole(counts, blame, form)
    row = int(np.argmax(values != whole))
    if form is None:
        size = float(np.abs(values[0]))
        form = next(unit for limit, unit in _BY_SIZE if size < limit)
        if form is None:
            raise blame(
                row,
                f'\'{values[row]}\' cannot be read as a date; say what it counts, as data.dates.form = "s" or "excel"',
            )
        limits = [0.0, *(limit for limit, _ in _BY_SIZE)]
        place = limits.index(next(limit for limit, unit in _BY_SIZE if unit == form))
        other = (np.abs(values) >= limits[place]) | (np.abs(values) < limits[place - 1])
        if other.any():
            row = int(np.argmax(other))
            raise blame(row, f"'{values[row]}' is not in the unit of the first row ({values[0]})")
    elif date_form(form) is not None:
        raise blame(row, f"'{values[row]}' is not of the form that data.dates.form declares, {form!r}")
    parts = values - whole
    if form == "excel":
        return excel_times(whole.astype(np.int64), np.round(parts * (DAY_NS // 1_000_000)).astype(np.int64), blame)
    finest = _FINEST_NS.get(form, 1)
    finer: Ints = np.round(parts * (UNIT_NS[form] / finest)).astype(np.int64) * finest
    return with_fraction(whole.astype(np.int64), finer, form, blame)
