"""Dates and timestamps as they are written: text in, days or nanoseconds since 1970 out.

A column is read in the form of its first cell; a cell of another form is an error, so that nothing is guessed row by
row. Day and month are told apart by the whole column, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from backbus.data.readers.table import KIND_NAMES, Stamps
from backbus.errors import DataError
from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS

Blame = Callable[[int, str], DataError]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_YEAR_FIRST = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}$")
_COMPACT = re.compile(r"\d{8}$")
_YEAR_LAST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}$")
_NAMED = re.compile(r"(?:[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}[- ][A-Za-z]{3,9}[- ](?:\d{4}|\d{2}))$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EPOCH = re.compile(r"-?\d{9,19}$")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?$")
_ZONE = re.compile(r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$")

_EPOCH_UNITS_NS = ((10**11, 1_000_000_000), (10**14, 1_000_000), (10**17, 1_000), (2**63 - 1, 1))
"""Largest magnitude of each unit: seconds, milli-, micro-, nanoseconds. They cannot be confused after 1973."""

_FIRST_DAY, _LAST_DAY = -106_751, 106_750
"""Days whose midnights int64 nanoseconds can hold: 1677-09-22 to 2262-04-10."""

FORMS = (
    "2024-01-31, 20240131, 01/31/2024, Jan 31, 2024, 31-Jan-2024, 2024-01-31 09:30, "
    "2024-01-31T09:30:00Z or an epoch in s, ms, µs or ns"
)


def parse_stamps(texts: Any, blame: Blame) -> Stamps:
    """When each row is, of an Arrow string column. ``blame(row, message)`` makes the error that names a row."""
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    first = texts[0].as_py()
    if not first:
        raise blame(0, "there is no date")
    if _EPOCH.match(first):
        return Stamps("instant", _epochs(texts, blame))
    if _ISO_DATE.match(first):
        return Stamps("date", _iso_dates(texts, blame))
    if _COMPACT.match(first):
        return Stamps("date", _dates(texts, r"^(?P<a>\d{4})(?P<b>\d{2})(?P<c>\d{2})$", "abc", blame))
    if _YEAR_FIRST.match(first):
        return Stamps("date", _dates(texts, r"^(?P<a>\d{4})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{1,2})$", "abc", blame))
    if _YEAR_LAST.match(first):
        return Stamps("date", _year_last(texts, blame))
    if _NAMED.match(first):
        return Stamps("date", _dates(*_numbered(texts, first), "cba", blame))
    return _timestamps(texts, blame)


def _numbered(texts: Any, first: str) -> tuple[Any, str]:
    """Dates with a month's name as day-month-year, and their pattern; one that has none stays as it is."""
    import pyarrow.compute as pc

    if first[0].isalpha():
        texts = pc.replace_substring_regex(texts, r"^([A-Za-z]+)\.? (\d{1,2}),? (\d{4})$", r"\2-\1-\3")
    else:
        texts = pc.replace_substring_regex(texts, r"^(\d{1,2})[- ]([A-Za-z]+)[- ](\d{2,4})$", r"\1-\2-\3")
    for number, month in enumerate(_MONTHS, 1):
        texts = pc.replace_substring_regex(texts, rf"(?i)-{month}[a-z]*-", f"-{number}-")
    # As C's strptime reads two digits of a year.
    texts = pc.replace_substring_regex(texts, r"-(\d+)-([0-5]\d|6[0-8])$", r"-\1-20\2")
    texts = pc.replace_substring_regex(texts, r"-(\d+)-([7-9]\d)$", r"-\1-19\2")
    texts = pc.replace_substring_regex(texts, r"-(\d+)-(69)$", r"-\1-19\2")
    return texts, r"^(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<c>\d{4})$"


def _unreadable(text: str, first: str) -> str:
    if not text:
        return "there is no date"
    if len(first) > 10 and _ISO_DATE.match(text):
        return f"{text!r} is a date without a time, and the rows before it have one; use one form throughout"
    if bool(_ZONE.search(text)) != bool(_ZONE.search(first)) and len(first) > 10 and len(text) > 10:
        return (
            f"{text!r} {'has a' if _ZONE.search(text) else 'has no'} zone, unlike the rows before it ({first!r});"
            f" do not mix {KIND_NAMES['local']} and {KIND_NAMES['instant']}"
        )
    if len(first) <= 10 and _TIMESTAMP.match(text):
        return f"{text!r} has a time, and the rows before it are dates; use one form throughout"
    return f"{text!r} cannot be read as a date like {first!r} (known forms: {FORMS})"


def _cast(texts: Any, to: Any, blame: Blame, form: str | None = None) -> Any:
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
        raise blame(good, _unreadable(texts[good].as_py(), form or texts[0].as_py())) from None


def _iso_dates(texts: Any, blame: Blame) -> Ints:
    import pyarrow as pa

    days: Ints = _cast(texts, pa.date32(), blame).cast(pa.int32()).to_numpy().astype(np.int64)
    return _within_reach(days, texts, blame)


def _dates(texts: Any, pattern: str, order: str, blame: Blame) -> Ints:
    """Days since 1970; ``order`` says which groups of ``pattern`` are year, month and day."""
    parts = _parts(texts, pattern, blame)
    year, month, day = (parts[name] for name in order)
    days, valid = _days(year, month, day)
    if not valid.all():
        row = int(np.argmin(valid))
        raise blame(row, f"{texts[row].as_py()!r} is not a date of the calendar")
    return _within_reach(days, texts, blame)


def _parts(texts: Any, pattern: str, blame: Blame) -> dict[str, Ints]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern=pattern)
    if found.null_count:
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, _unreadable(texts[row].as_py(), texts[0].as_py()))
    return {name: pc.struct_field(found, name).cast(pa.int64()).to_numpy() for name in "abc"}


def _days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
    months = (year - 1970) * 12 + (month - 1)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    following = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    days = first + (day - 1)
    return days, (month >= 1) & (month <= 12) & (day >= 1) & (days < following)


def _year_last(texts: Any, blame: Blame) -> Ints:
    pattern = r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4})$"
    parts = _parts(texts, pattern, blame)
    day_first, month_first = parts["a"] > 12, parts["b"] > 12
    if day_first.any() and month_first.any():
        row = max(int(np.argmax(day_first)), int(np.argmax(month_first)))
        raise blame(row, f"{texts[row].as_py()!r} puts day and month the other way round than rows before it")
    if not day_first.any() and not month_first.any():
        raise blame(
            0,
            f"{texts[0].as_py()!r} may be month/day or day/month, and no row of the file tells;"
            " write dates as 2024-01-31",
        )
    return _dates(texts, pattern, "cba" if day_first.any() else "cab", blame)


def _within_reach(days: Ints, texts: Any, blame: Blame) -> Ints:
    outside = (days < _FIRST_DAY) | (days > _LAST_DAY)
    if outside.any():
        row = int(np.argmax(outside))
        raise blame(row, f"{texts[row].as_py()!r} is outside the years 1678 to 2261")
    return days


def _epochs(texts: Any, blame: Blame) -> Ints:
    import pyarrow as pa

    return epochs(_cast(texts, pa.int64(), blame).to_numpy(), blame)


def epochs(values: Ints, blame: Blame) -> Ints:
    """Nanoseconds since 1970 of seconds, milli-, micro- or nanoseconds: which, the first one's size tells."""
    size = abs(int(values[0]))
    smallest = 0
    for largest, unit_ns in _EPOCH_UNITS_NS:
        if size < largest:
            outside = (np.abs(values) >= largest) | (np.abs(values) < smallest)
            if outside.any():
                row = int(np.argmax(outside))
                raise blame(row, f"'{values[row]}' is not in the unit of the first row ({values[0]})")
            return values * unit_ns
        smallest = largest
    raise blame(0, f"'{values[0]}' cannot be read as an epoch")


def _timestamps(texts: Any, blame: Blame) -> Stamps:
    import pyarrow as pa
    import pyarrow.compute as pc

    written = texts[0].as_py()
    form = _normal(written)
    if not _TIMESTAMP.match(form):
        raise blame(0, f"{written!r} cannot be read as a date (known forms: {FORMS})")
    if form != written:
        for pattern, replacement in _NORMAL:
            texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=replacement)
    zoned = bool(_ZONE.search(form))
    # A cast also takes bare dates: they would silently become midnight.
    short = pc.less_equal(pc.binary_length(texts), 10).to_numpy()
    if short.any():
        row = int(np.argmax(short))
        raise blame(row, _unreadable(texts[row].as_py(), form))
    values: Ints = _cast(texts, pa.timestamp("ns", "UTC" if zoned else None), blame, form).cast(pa.int64()).to_numpy()
    if not zoned:
        return Stamps("local", values)
    wall = None
    if form[11:16] == "00:00":
        wall = pc.utf8_slice_codeunits(texts, 0, 16).cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
        if (wall % DAY_NS).any():
            wall = None
    return Stamps("instant", values, wall)


_NORMAL = (
    (r"^(\d{4})[/.](\d{2})[/.](\d{2})([ T])", r"\1-\2-\3\4"),
    (r"^(\d{4})(\d{2})(\d{2})([ T])", r"\1-\2-\3\4"),
    (r"([ T]\d{2})(\d{2})(\d{2})?$", r"\1:\2:\3"),
    (r"([ T]\d{2}:\d{2}):$", r"\1"),
    (r"\s*(UTC|GMT)$", "Z"),
    (r"\s+(Z|[+-]\d{2}:?\d{2})$", r"\1"),
)
"""Spellings of a timestamp that Arrow does not read, and what they become."""


def _normal(text: str) -> str:
    for pattern, replacement in _NORMAL:
        text = re.sub(pattern, replacement, text)
    return text
