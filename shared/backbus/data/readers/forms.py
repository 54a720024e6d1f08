"""Dates of a form that a job declares, as ``strptime`` writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.digits import (
    FIRST_DAY,
    LAST_DAY,
    LAST_NS,
    UNIT_NS,
    Blame,
    Mask,
    counted,
    days_of_parts,
    excel_times,
    full_year,
    with_fraction,
)
from backbus.data.readers.table import Stamps
from backbus.market.date_forms import date_form
from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ABBREVIATED = {
    **{"UTC": 0, "GMT": 0, "UT": 0, "Z": 0},
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
"""Hours from UTC of the zones that RFC 822 names."""
SECOND_NS = 1_000_000_000


def parse_by_form(texts: Any, form: str, blame: Blame) -> Stamps:
    """When each row is, of an Arrow string column in a declared form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = date_form(form)
    if known is None:
        try:
            return counted(numbers_of(texts.cast(pa.int64())), form, blame)
        except pa.ArrowInvalid:
            return _with_fractions(texts, form, blame)
    found = pc.extract_regex(texts, pattern=known.pattern)
    if found.null_count:
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, f"{texts[row].as_py()!r} is not of the form that data.dates.form declares, {form!r}")
    part = {code: pc.struct_field(found, code) for code in known.codes}

    def refuse(good: Mask, what: str) -> None:
        if not good.all():
            row = int(np.argmin(good))
            raise blame(row, f"{texts[row].as_py()!r} is not {what}")

    days, good = _days(part)
    refuse(good, "a date of the calendar")
    refuse((days >= FIRST_DAY) & (days <= LAST_DAY), "in the years 1678 to 2261")
    if not known.has_time:
        return Stamps("date", days)
    within, good = _clock(part)
    refuse(good, "a time of the day")
    instants = days * DAY_NS + within
    if "z" in part:
        return Stamps("instant", instants - _mapped(part["z"], _offset_ns), lambda: instants)
    if "Z" in part:
        return _in_zones(part["Z"], instants, texts, blame)
    return Stamps("local", instants)


def _with_fractions(texts: Any, form: str, blame: Blame) -> Stamps:
    """Counts of which some have a fraction, to the nanosecond."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern=r"^(?P<sign>-?)(?P<whole>\d{1,19})(?:\.(?P<part>\d*))?$")
    if found.null_count:
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, f"{texts[row].as_py()!r} is no number that counts (data.dates.form = {form!r})")
    part = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(found, "part"), 18, "0"), 0, 18)
    fraction: Ints = numbers_of(part.cast(pa.int64()))
    try:
        whole: Ints = numbers_of(pc.struct_field(found, "whole").cast(pa.int64()))
    except pa.ArrowInvalid:
        row = next(row for row, text in enumerate(texts.to_pylist()) if abs(float(text)) > LAST_NS)
        raise blame(row, f"{texts[row].as_py()!r} is outside the years 1678 to 2261") from None
    negative = pc.equal(pc.struct_field(found, "sign"), "-").to_numpy(zero_copy_only=False)
    if form == "excel":
        rounded = (fraction // 10**9 * (DAY_NS // 1_000_000) + 5 * 10**8) // 10**9
        return excel_times(np.where(negative, -1, whole), rounded, blame)
    finer = fraction // (10**18 // UNIT_NS[form])
    sign = np.where(negative, -1, 1)
    return with_fraction(sign * whole, sign * finer, form, blame)


def first_not_whole(texts: list[str]) -> int:
    """The first of some texts that is no whole number of 64 bits."""
    for row, text in enumerate(texts):
        try:
            if abs(int(text)) > LAST_NS or not text.strip().lstrip("-").isdigit():
                return row
        except ValueError:
            return row
    return 0


def _mapped(column: Any, of: Callable[[str], int]) -> Ints:
    """A number for each text, of which there are few."""
    encoded = (
        column.combine_chunks().dictionary_encode() if hasattr(column, "combine_chunks") else column.dictionary_encode()
    )
    table = np.array([of(text) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
    found: Ints = table[encoded.indices.to_numpy(zero_copy_only=False)]
    return found


def _month(text: str) -> int:
    name = text[:3].lower()
    return MONTHS.index(name) + 1 if name in MONTHS else 0


def _days(part: dict[str, Any]) -> tuple[Ints, Mask]:
    year = _mapped(part["Y"], int) if "Y" in part else full_year(_mapped(part["y"], int))
    month = _mapped(part["m"], int) if "m" in part else _mapped(part["b"], _month) if "b" in part else None
    day, ordinal = (_mapped(part[code], int) if code in part else None for code in "dj")
    return days_of_parts(year, month, day, ordinal)


def _clock(part: dict[str, Any]) -> tuple[Ints, Mask]:
    """Nanoseconds since midnight."""
    hour = _mapped(part["H"] if "H" in part else part["I"], int)
    good = hour < 24
    if "I" in part:
        good = (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * _mapped(part["p"], lambda text: int(text[0] in "pP"))
    zero = np.zeros(len(hour), dtype=np.int64)
    minute, second = (_mapped(part[code], int) if code in part else zero for code in "MS")
    finer = _mapped(part["f"], lambda text: int(text.ljust(9, "0"))) if "f" in part else zero
    good &= (minute < 60) & (second < 60)
    return ((hour * 60 + minute) * 60 + second) * SECOND_NS + finer, good


def _offset_ns(text: str) -> int:
    if text == "Z":
        return 0
    sign = -1 if text[0] == "-" else 1
    figures = text[1:].replace(":", "").ljust(4, "0")
    return sign * (int(figures[:2]) * 60 + int(figures[2:])) * 60 * SECOND_NS


def _in_zones(names: Any, wall: Ints, texts: Any, blame: Blame) -> Stamps:
    """Times beside the name of a zone: an abbreviation, or one name of the tz database for the whole column."""
    import pyarrow.compute as pc

    there = pc.unique(names).to_pylist()
    if all(name in ABBREVIATED for name in there):
        return Stamps(
            "instant", wall - _mapped(names, lambda name: ABBREVIATED[name] * 3_600 * SECOND_NS), lambda: wall
        )
    if len(there) == 1 and is_zone(there[0]):
        return Stamps("local", wall, zone=there[0])
    row = next(row for row, name in enumerate(names.to_pylist()) if name != there[0] or not is_zone(there[0]))
    raise blame(row, f"{texts[row].as_py()!r} names a zone that is not known, or another one than the rows before it")


def is_zone(name: str) -> bool:
    """Whether the tz database has it."""
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
