"""Dates without a time as they are written: text in, days since 1970 out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.digits import FIRST_DAY, LAST_DAY, Blame, days_of, digits, full_year, tomorrow
from backbus.data.readers.forms import MONTHS
from backbus.market.panel import Ints

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_YEAR_FIRST = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}$")
_COMPACT = re.compile(r"\d{5,8}$")
_YEAR_LAST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$")
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}$")
_NAMED = re.compile(
    r"(?:(?:[A-Za-z]{3,9}\.?,? )?[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
    r"|(?:[A-Za-z]{3,9}\.?,? )?\d{1,2}[- ][A-Za-z]{3,9}\.?[- ](?:\d{4}|\d{2}))$"
)
_ORDERS = {"%d/%m/%y": "cba", "%m/%d/%y": "cab", "%y/%m/%d": "abc"}
"""Which of three numbers is year, month and day."""


def parse_dates(texts: Any, blame: Blame, unreadable: Any) -> Ints | None:
    """Days since 1970 of an Arrow string column, or None where its first cell is no date of a known form.

    ``unreadable(text, first)`` says what is wrong with a cell of another form.
    """
    first = texts[0].as_py()
    if ISO_DATE.match(first):
        return _iso_dates(texts, blame, unreadable)
    if _COMPACT.match(first):
        import pyarrow as pa
        import pyarrow.compute as pc

        width = int(pc.max(pc.binary_length(texts)).as_py())
        return digits(numbers_of(cast(texts, pa.int64(), blame, unreadable)), width, blame).values
    if _YEAR_FIRST.match(first):
        parts = _parts(texts, r"^(?P<a>\d{4})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{1,2})$", blame, unreadable)
        return _dates(texts, parts, "abc", blame)
    if _YEAR_LAST.match(first):
        parts = _parts(texts, r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4})$", blame, unreadable)
        return _dates(texts, parts, _order(texts, parts, ("%d/%m/%Y", "%m/%d/%Y"), blame), blame)
    if _SHORT_YEAR.match(first):
        parts = _parts(texts, r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{2})$", blame, unreadable)
        order = _order(texts, parts, tuple(_ORDERS), blame)
        year = order[0]
        return _dates(texts, {**parts, year: full_year(parts[year])}, order, blame)
    if _NAMED.match(first):
        numbered, pattern = _numbered(texts, first)
        return _dates(texts, _parts(numbered, pattern, blame, unreadable, texts), "cba", blame)
    return None


def _numbered(texts: Any, first: str) -> tuple[Any, str]:
    """Dates with a month's name as day-month-year, and their pattern; one that has none stays as it is."""
    import pyarrow.compute as pc

    texts = pc.replace_substring_regex(texts, r"^(?i)(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? ", "")
    texts = pc.replace_substring_regex(texts, r"^([A-Za-z]+)\.? (\d{1,2}),? (\d{4})$", r"\2-\1-\3")
    texts = pc.replace_substring_regex(texts, r"^(\d{1,2})[- ]([A-Za-z]+)\.?[- ](\d{2,4})$", r"\1-\2-\3")
    for number, month in enumerate(MONTHS, 1):
        texts = pc.replace_substring_regex(texts, rf"(?i)-{month}[a-z]*-", f"-{number}-")
    # As C's strptime reads two digits of a year.
    texts = pc.replace_substring_regex(texts, r"-(\d+)-([0-5]\d|6[0-8])$", r"-\1-20\2")
    texts = pc.replace_substring_regex(texts, r"-(\d+)-([7-9]\d)$", r"-\1-19\2")
    texts = pc.replace_substring_regex(texts, r"-(\d+)-(69)$", r"-\1-19\2")
    return texts, r"^(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<c>\d{4})$"


def cast(texts: Any, to: Any, blame: Blame, unreadable: Any, form: str | None = None) -> Any:
    """``texts`` as Arrow type ``to``; where one cannot be, the first such row is blamed.

    Casting prefixes finds it: no second reader is needed to explain what the first one refused.
    """
    import pyarrow as pa

    try:
        return texts.cast(to)
    except pa.ArrowInvalid:
        good, bad = 0, len(texts)
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                texts.slice(good, middle - good).cast(to)
            except pa.ArrowInvalid:
                bad = middle
            else:
                good = middle
        raise blame(good, unreadable(texts[good].as_py(), form or texts[0].as_py())) from None


def _iso_dates(texts: Any, blame: Blame, unreadable: Any) -> Ints:
    import pyarrow as pa

    days: Ints = numbers_of(cast(texts, pa.date32(), blame, unreadable).cast(pa.int32())).astype(np.int64)
    return within_reach(days, texts, blame)


def _dates(texts: Any, parts: dict[str, Ints], order: str, blame: Blame) -> Ints:
    """Days since 1970; ``order`` says which parts are year, month and day."""
    days, valid = days_of(*(parts[name] for name in order))
    if not valid.all():
        row = int(np.argmin(valid))
        raise blame(row, f"{texts[row].as_py()!r} is not a date of the calendar")
    return within_reach(days, texts, blame)


def _parts(texts: Any, pattern: str, blame: Blame, unreadable: Any, written: Any = None) -> dict[str, Ints]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern=pattern)
    if found.null_count:
        written = texts if written is None else written
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, unreadable(written[row].as_py(), written[0].as_py()))
    return {name: numbers_of(pc.struct_field(found, name).cast(pa.int64())) for name in "abc"}


def _order(texts: Any, parts: dict[str, Ints], forms: tuple[str, ...], blame: Blame) -> str:
    """Which of three numbers are year, month and day, by all rows; refused where none tells."""
    orders = {"%d/%m/%Y": "cba", "%m/%d/%Y": "cab", **_ORDERS}
    separator = next(char for char in texts[0].as_py() if not char.isdigit())

    def fits(form: str) -> bool:
        year, month, day = (parts[name] for name in orders[form])
        if not ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all():
            return False
        return "%Y" in form or int(days_of(full_year(year), month, day)[0].max()) <= tomorrow()

    found = [form for form in forms if fits(form)]
    if len(found) == 1:
        return orders[found[0]]
    if not found:
        if forms[0] == "%d/%m/%Y":
            day_first, month_first = parts["a"] > 12, parts["b"] > 12
            if day_first.any() and month_first.any():
                row = max(int(np.argmax(day_first)), int(np.argmax(month_first)))
                raise blame(row, f"{texts[row].as_py()!r} puts day and month the other way round than rows before it")
            return orders[forms[0] if day_first.any() else forms[1]]
        raise blame(0, f"{texts[0].as_py()!r} and the rows after it are dates of no one form")
    written = [form.replace("/", separator) for form in found]
    names = {"%d": "day", "%m": "month", "%y": "year", "%Y": "year"}
    said = " or ".join(
        "/".join(names[code] for code in form.split("/")[: 2 if "Y" in form else 3]) for form in reversed(found)
    )
    raise blame(
        0,
        f"{texts[0].as_py()!r} may be {said}, and no row of the file tells; set data.dates.form = "
        + " or ".join(f'"{form}"' for form in written),
    )


def within_reach(days: Ints, texts: Any, blame: Blame) -> Ints:
    """The days, where nanoseconds can hold them."""
    outside = (days < FIRST_DAY) | (days > LAST_DAY)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"{texts[row].as_py()!r} is outside the years 1678 to 2261")
    return days
