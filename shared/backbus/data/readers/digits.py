"""Whole numbers that are dates, whatever they were written in: ``20240116093000`` or ``1705397400``.

How many digits there are says what they may be; all rows say what they can be. Where that is more than one thing, none
is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.table import Stamps
from backbus.errors import DataError
from backbus.market.panel import Ints, session_date
from backbus.market.timeframes import DAY_NS

Blame = Callable[[int, str], DataError]
Mask = NDArray[np.bool_]

UNIT_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1, "ticks": 100, "filetime": 100}
BEGINS = {"ticks": 621_355_968_000_000_000, "filetime": 116_444_736_000_000_000}
"""What a count was at the beginning of 1970, where that is not zero."""
LAST_NS = 2**63 - 1
FIRST_DAY, LAST_DAY = -106_751, 106_750
"""Days whose midnights int64 nanoseconds can hold: 1677-09-22 to 2262-04-10."""
EXCEL_DAY_ZERO = -25_569
"""1899-12-30."""

_UNITS_BY_SIZE = ((10**11, "s"), (10**14, "ms"), (10**17, "us"), (2**63, "ns"))
"""Below which magnitude a count is of which unit. They cannot be confused after 1973."""
_BY_DIGITS = {
    5: ("excel", "%y%j"),
    6: ("%y%m%d", "%d%m%y", "%m%d%y", "%Y%m"),
    7: ("%Y%j",),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("s", "%y%m%d%H%M"),
    12: ("ms", "%Y%m%d%H%M", "%y%m%d%H%M%S"),
    14: ("us", "%Y%m%d%H%M%S"),
    17: ("ns", "%Y%m%d%H%M%S%f"),
    18: ("ns", "ticks", "filetime"),
}
"""What so many digits may be; of other numbers of nine digits and more the size tells the unit."""
_SIZES = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2, "f": 3}
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 2261
_EARLIEST_COUNT_DAY = 365 * 10
"""No computer wrote milliseconds of the seventies: counts of finer units than seconds begin in 1980."""


class _Reading(NamedTuple):
    """One thing that a column of digits may be."""

    form: str
    stamps: Stamps
    good: Mask
    """[rows] where it is a date, no later than tomorrow."""


def days_of(year: Ints, month: Ints, day: Ints) -> tuple[Ints, Mask]:
    """Days since 1970, and which of them are dates of the calendar."""
    months = (year - 1970) * 12 + (month - 1)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    following = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    days = first + (day - 1)
    return days, (month >= 1) & (month <= 12) & (day >= 1) & (days < following)


def days_of_parts(year: Ints, month: Ints | None, day: Ints | None, ordinal: Ints | None) -> tuple[Ints, Mask]:
    """Days since 1970 of years and days of the year, of dates, or of months, each for its last day; and which of them
    are dates of the calendar."""
    one = np.ones(len(year), dtype=np.int64)
    if ordinal is not None:
        first, _ = days_of(year, one, one)
        following, _ = days_of(year + 1, one, one)
        days = first + ordinal - 1
        return days, (ordinal >= 1) & (days < following)
    assert month is not None
    if day is not None:
        return days_of(year, month, day)
    following, _ = days_of(year + month // 12, month % 12 + 1, one)
    return following - 1, (month >= 1) & (month <= 12)


def full_year(two_digits: Ints) -> Ints:
    """Two digits of a year as C's ``strptime`` reads them: 1969 to 2068."""
    return two_digits + np.where(two_digits < 69, 2000, 1900)


def counted(values: Ints, unit: str, blame: Blame) -> Stamps:
    """What numbers count, by a declared unit."""
    if unit == "excel":
        days = values + EXCEL_DAY_ZERO
        outside = (values < 1) | (days > LAST_DAY)
        if outside.any():
            row = int(np.argmax(outside))
            raise blame(row, f"'{values[row]}' is no day that a spreadsheet counts")
        return Stamps("date", days)
    return with_fraction(values, np.zeros(1, dtype=np.int64), unit, blame)


def excel_times(days: Ints, milliseconds: Ints, blame: Blame) -> Stamps:
    """Days as spreadsheets count them, and the time of each: by no clock that they name."""
    since = days + EXCEL_DAY_ZERO
    outside = (days < 1) | (since > LAST_DAY - 1) | (since < FIRST_DAY)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"'{days[row]}' is no day that a spreadsheet counts")
    return Stamps("local", since * DAY_NS + milliseconds * 1_000_000)


def with_fraction(whole: Ints, finer: Ints, unit: str, blame: Blame) -> Stamps:
    """Counts of a unit and, in nanoseconds, what is beyond each."""
    limit = LAST_NS // UNIT_NS[unit] - 1
    begin = BEGINS.get(unit, 0)
    outside = (whole > limit + begin) | (whole < begin - limit)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"'{whole[row]}' {unit} are outside the years 1678 to 2261")
    return Stamps("instant", (whole - begin) * UNIT_NS[unit] + finer)


def digits(values: Ints, width: int, blame: Blame) -> Stamps:
    """When rows are, of a column of whole numbers; ``width`` is how many digits the longest has, zeros before it
    included. Raises ``blame(row, why)`` where they cannot be dates, or can be two things."""
    if values.min() < -LAST_NS:
        raise blame(int(np.argmin(values)), f"'{values.min()}' is outside the years 1678 to 2261")
    if (values >= 0).all() and width in _BY_DIGITS:
        tried = [_reading(values, form, width) for form in _BY_DIGITS[width]]
        found = [one for one in tried if one.good.all()]
        if len(found) > 1:
            names = " or ".join(f"{_when(one.stamps)} ({one.form!r})" for one in found)
            choices = " or ".join(f'"{one.form}"' for one in found)
            raise blame(0, f"'{_padded(values[0], width)}' may be {names}; say which: data.dates.form = {choices}")
        if found:
            return found[0].stamps
        nearest = max(tried, key=lambda one: (int(np.count_nonzero(one.good)), -tried.index(one)))
        if nearest.good[0] and nearest.form not in UNIT_NS:
            row = int(np.argmin(nearest.good))
            why = "is not a date of the calendar, as the rows before it are"
            if nearest.stamps.kind == "date" and nearest.stamps.values[row] > tomorrow():
                return nearest.stamps  # the future is a fault of its own
            raise blame(row, f"'{_padded(values[row], width)}' {why} ('{_padded(values[0], width)}')")
    if width < 9:
        raise blame(
            0, f"'{_padded(values[0], width)}' cannot be read as a date; say how, as data.dates.form = \"%Y%m%d\""
        )
    size = abs(int(values[0]))
    smallest = max((limit for limit, _ in _UNITS_BY_SIZE if limit <= size), default=0)
    largest, unit = next((limit, unit) for limit, unit in _UNITS_BY_SIZE if size < limit)
    outside = (values >= largest) | (values <= -largest) | ((values > -smallest) & (values < smallest))
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"'{values[row]}' is not in the unit of the first row ({values[0]})")
    return counted(values, unit, blame)


def _padded(value: Any, width: int) -> str:
    return str(int(value)).zfill(width)


def _when(stamps: Stamps) -> str:
    """The first stamp, in words."""
    value = int(stamps.values[0])
    return session_date(value) if stamps.kind == "date" else str(np.datetime64(value, "ns"))[:19].replace("T", " ")


def tomorrow() -> int:
    """The day after today, where the clock is furthest ahead."""
    return int(time.time()) // 86_400 + 1


def _reading(values: Ints, form: str, width: int) -> _Reading:
    """The numbers by one form."""
    counts = form in UNIT_NS or form == "excel"
    stamps, good = _count(values, form) if counts else _calendar(values, form, width)
    days = stamps.values if stamps.kind == "date" else stamps.values // DAY_NS
    earliest = _EARLIEST_COUNT_DAY if counts and form != "s" else FIRST_DAY
    return _Reading(form, stamps, good & (days >= earliest) & (days <= tomorrow()))


def _count(values: Ints, form: str) -> tuple[Stamps, Mask]:
    if form == "excel":
        return Stamps("date", values + EXCEL_DAY_ZERO), np.ones(len(values), dtype=np.bool_)
    since = values - BEGINS.get(form, 0)
    good = np.abs(since) <= LAST_NS // UNIT_NS[form]
    return Stamps("instant", np.where(good, since, 0) * UNIT_NS[form]), good


def _calendar(values: Ints, form: str, width: int) -> tuple[Stamps, Mask]:
    """Digits of years, months and so on, and where they are a date."""
    rest, part = values, {}
    for code in reversed(form.replace("%", "")):
        rest, part[code] = np.divmod(rest, 10 ** _SIZES[code])
    zero = np.zeros(len(values), dtype=np.int64)
    year = part["Y"] if "Y" in part else full_year(part["y"])
    good: Mask = (rest == 0) & (year >= _EARLIEST_YEAR) & (year <= _LATEST_YEAR)
    year = np.where(good, year, _EARLIEST_YEAR)
    days, there = days_of_parts(year, part.get("m"), part.get("d"), part.get("j"))
    good &= there
    clock = [part.get(code, zero) for code in "HMSf"]
    good &= (clock[0] < 24) & (clock[1] < 60) & (clock[2] < 60)
    if "H" not in part:
        return Stamps("date", days), good
    within = ((clock[0] * 60 + clock[1]) * 60 + clock[2]) * 1000 + clock[3]
    return Stamps("local", days * DAY_NS + within * 1_000_000), good
