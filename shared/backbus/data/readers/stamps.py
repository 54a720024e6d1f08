"""Dates and timestamps as they are written: text in, days or nanoseconds since 1970 out.

A column is read in the form of its first cell; a cell of another form is an error, so that nothing is guessed row by
row. Day and month are told apart by the whole column, or not at all. A job may declare the form (``forms``); whole
numbers are in ``digits``, dates in ``dates``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.readers.dates import ISO_DATE, cast, parse_dates
from backbus.data.readers.digits import LAST_NS, UNIT_NS, Blame, digits
from backbus.data.readers.forms import ABBREVIATED, is_zone, parse_by_form
from backbus.data.readers.table import KIND_NAMES, Stamps
from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS

_DIGITS = re.compile(r"\d{1,19}$|-\d{9,19}$")
_DECIMAL = re.compile(r"\d{9,13}\.\d{1,9}$")
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?$")
_LIKELY = re.compile(r"(?:1[6-9]|2[0-2])\d\d-(?:0\d|1[0-2])-[0-3]\d")
"""Of eight digits: a year that is one, and a month; 31052022 is none."""
_ZONE = re.compile(r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$")
_SPLIT = re.compile(r"(?P<date>\d.*?\d|[A-Za-z].*?\d{4}),?[T ]\s*(?P<time>\d{1,2}(?::\d{2}|\d{2,7}$|\d{4,7} ).*)$")
"""A date of any form, and a time after it."""
_NAMED_ZONE = re.compile(
    r"(?P<time>.*\d(?: ?[AaPp]\.?[Mm]\.?)?) (?P<zone>[A-Za-z]{2,}(?:[/_][A-Za-z_]+)*(?:[+-]\d+)?)$"
)

FORMS = (
    "2024-01-31, 20240131, 01/31/2024, Jan 31, 2024, 31-Jan-2024, 2024-01-31 09:30, "
    "2024-01-31T09:30:00Z or an epoch in s, ms, µs or ns; any other is declared by data.dates.form"
)
_NORMAL = (
    (r"^(\d{4})[/.](\d{2})[/.](\d{2})([ T])", r"\1-\2-\3\4"),
    (r"^(\d{4})(\d{2})(\d{2})([ T-])(\d{2}:?\d{2})", r"\1-\2-\3 \5"),
    (r"^([0-9-]{10})[ T]+(\d)", r"\1 \2"),
    (r" (\d):", r" 0\1:"),
    (r"( \d{2})(\d{2})(\d{2})?(\d{3})?$", r"\1:\2:\3.\4"),
    (r"(\d{2}:\d{2}:\d{2}):(\d{1,3})$", r"\1.\2"),
    (r"( \d{2}:\d{2}):?\.?$", r"\1"),
    (r"( \d{2}:\d{2}:\d{2})\.$", r"\1"),
    (r"\s*(UTC|GMT)([+-]\d{2}:?\d{2})$", r"\2"),
    (r"\s*(UTC|GMT)$", "Z"),
    (r"\s+(Z|[+-]\d{2}:?\d{2})$", r"\1"),
)
"""Spellings of a timestamp that Arrow does not read, and what they become."""


def parse_stamps(texts: Any, blame: Blame, form: str | None = None) -> Stamps:
    """When each row is, of an Arrow string column, by a declared form or the first cell's. ``blame(row, message)``
    makes the error that names a row."""
    import pyarrow.compute as pc

    texts = pc.utf8_trim_whitespace(texts)
    first = texts[0].as_py()
    if not first:
        raise blame(0, "there is no date")
    if form is not None:
        return parse_by_form(texts, form, blame)
    if _DIGITS.match(first):
        return _of_digits(texts, blame)
    if _DECIMAL.match(first):
        return _of_decimals(texts, blame)
    days = parse_dates(texts, blame, _unreadable)
    if days is not None:
        return Stamps("date", days)
    return _timestamps(texts, blame)


def _of_digits(texts: Any, blame: Blame) -> Stamps:
    import pyarrow as pa
    import pyarrow.compute as pc

    values: Ints = numbers_of(cast(texts, pa.int64(), blame, _unreadable))
    return digits(values, int(pc.max(pc.binary_length(texts)).as_py()), blame)


def _of_decimals(texts: Any, blame: Blame) -> Stamps:
    """Seconds or milliseconds since 1970 with a point: the point's place tells which."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern=r"^(?P<whole>\d{9,13})\.?(?P<part>\d{0,9})$")
    if found.null_count:
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, _unreadable(texts[row].as_py(), texts[0].as_py()))
    whole: Ints = numbers_of(pc.struct_field(found, "whole").cast(pa.int64()))
    part: Ints = numbers_of(pc.utf8_rpad(pc.struct_field(found, "part"), 9, "0").cast(pa.int64()))
    seconds = whole < 10**11
    if seconds.any() and not seconds.all():
        row = int(np.argmax(seconds != seconds[0]))
        raise blame(row, f"{texts[row].as_py()!r} is not in the unit of the first row ({texts[0].as_py()})")
    unit = UNIT_NS["s" if seconds[0] else "ms"]
    if int(whole.max()) > LAST_NS // unit - 1:
        raise blame(
            int(np.argmax(whole)), f"{texts[int(np.argmax(whole))].as_py()!r} is outside the years 1678 to 2261"
        )
    return Stamps("instant", whole * unit + part // (UNIT_NS["s"] // unit))


def _unreadable(text: str, first: str) -> str:
    if not text:
        return "there is no date"
    if len(first) > 10 and ISO_DATE.match(text):
        return f"{text!r} is a date without a time, and the rows before it have one; use one form throughout"
    if bool(_ZONE.search(text)) != bool(_ZONE.search(first)) and len(first) > 10 and len(text) > 10:
        return (
            f"{text!r} {'has a' if _ZONE.search(text) else 'has no'} zone, unlike the rows before it ({first!r});"
            f" do not mix {KIND_NAMES['local']} and {KIND_NAMES['instant']}"
        )
    if len(first) <= 10 and _TIMESTAMP.match(text):
        return f"{text!r} has a time, and the rows before it are dates; use one form throughout"
    if not any(letter.isdigit() for letter in text):
        return f"{text!r} cannot be read as a date like {first!r}; where the line is no bar, take it out"
    return f"{text!r} cannot be read as a date like {first!r} (known forms: {FORMS})"


def _timestamps(texts: Any, blame: Blame) -> Stamps:
    written = texts[0].as_py()
    zone = _NAMED_ZONE.match(written)
    if (
        zone
        and zone["zone"].upper() not in ("UTC", "GMT", "AM", "PM")
        and not re.match(r"(UTC|GMT)[+-]\d", zone["zone"])
    ):
        return _beside_a_zone(texts, zone["zone"], blame)
    form = _normal(written)
    if _TIMESTAMP.match(form) and _LIKELY.match(form):
        return _of_iso(texts, form, form != written, blame)
    parts = _SPLIT.match(written)
    if parts is None:
        raise blame(0, f"{written!r} cannot be read as a date (known forms: {FORMS})")
    return _date_and_time(texts, blame)


def _beside_a_zone(texts: Any, zone: str, blame: Blame) -> Stamps:
    """Times that the name of one zone stands beside."""
    import pyarrow.compute as pc

    if zone not in ABBREVIATED and not is_zone(zone):
        raise blame(0, f"{texts[0].as_py()!r} names a zone that is not known ({zone!r})")
    found = pc.extract_regex(texts, pattern=_NAMED_ZONE.pattern)
    names = pc.struct_field(found, "zone")
    other = pc.fill_null(pc.not_equal(names, zone), True).to_numpy(zero_copy_only=False)
    if zone in ABBREVIATED:
        known = pc.fill_null(pc.is_in(names, value_set=_array(list(ABBREVIATED))), False)
        other = ~known.to_numpy(zero_copy_only=False)
    if other.any():
        row = int(np.argmax(other))
        raise blame(row, f"{texts[row].as_py()!r} does not name the zone of the rows before it ({zone})")
    stamps = parse_stamps(pc.struct_field(found, "time"), blame)
    if zone not in ABBREVIATED:
        return Stamps(stamps.kind, stamps.values, zone=zone)
    hours = np.array([ABBREVIATED[name] for name in names.to_pylist()], dtype=np.int64)
    wall = stamps.values
    return Stamps("instant", wall - hours * 3_600 * UNIT_NS["s"], lambda: wall)


def _array(texts: list[str]) -> Any:
    import pyarrow as pa

    return pa.array(texts, pa.string())


def _date_and_time(texts: Any, blame: Blame) -> Stamps:
    """Dates of any form with a time after them: each half by its own rules."""
    import pyarrow.compute as pc

    found = pc.extract_regex(texts, pattern="^" + _SPLIT.pattern)
    if found.null_count:
        row = int(np.argmax(pc.is_null(found).to_numpy()))
        raise blame(row, _unreadable(texts[row].as_py(), texts[0].as_py()))

    def unlike(text: str, first: str) -> str:
        return f"{text!r} cannot be read as a date like {first!r} (known forms: {FORMS})"

    clock = _form_of_clock(texts[0].as_py())

    def blame_date(row: int, message: str) -> Any:
        date = pc.struct_field(found, "date")[row].as_py()
        whole = message.replace(repr(date), repr(texts[row].as_py()), 1)
        return blame(row, re.sub(r'"(%[^"]*)"', rf'"\1{clock}"', whole))

    days = parse_dates(pc.struct_field(found, "date"), blame_date, unlike)
    if days is None:
        raise blame(0, f"{texts[0].as_py()!r} cannot be read as a date (known forms: {FORMS})")
    clocks = _of_24_hours(pc.struct_field(found, "time"))
    clocks = pc.binary_join_element_wise("1970-01-01", clocks, " ")
    form = _normal(clocks[0].as_py())
    if not _TIMESTAMP.match(form):
        raise blame(0, f"{texts[0].as_py()!r} cannot be read as a date and a time (known forms: {FORMS})")

    def blame_whole(row: int, message: str) -> Any:
        return blame(row, unlike(texts[row].as_py(), texts[0].as_py()))

    within = _of_iso(clocks, form, form != clocks[0].as_py(), blame_whole)
    midnights = days * DAY_NS
    wall = within.wall
    return Stamps(within.kind, midnights + within.values, None if wall is None else lambda: midnights + wall())


def _form_of_clock(text: str) -> str:
    """What stands behind a date, as a form of it: for messages that say how to declare one."""
    parts = _SPLIT.match(text)
    assert parts is not None
    form = parts["time"]
    for pattern, code in (
        (r"^\d{6}$", "%H%M%S"),
        (r"^\d{4}$", "%H%M"),
        (r"[+-]\d{2}:?\d{2}$|Z$", "%z"),
        (r" ?[AaPp]\.?[Mm]\.?$", " %p"),
        (r"\d{1,2}:\d{2}:\d{2}\.\d+", "%H:%M:%S.%f"),
        (r"\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
        (r"\d{1,2}:\d{2}", "%H:%M"),
    ):
        form = re.sub(pattern, code, form, count=1)
    form = form.replace("%H", "%I") if "%p" in form else form
    return text[parts.end("date") : parts.start("time")] + form


def _of_24_hours(times: Any) -> Any:
    """Times that count to twelve, as those that count to 24."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.extract_regex(
        times, pattern=r"^(?P<hour>\d{1,2})(?P<rest>(?::\d{2}){1,2}(?:\.\d+)?) ?(?P<half>[AaPp])\.?[Mm]\.?$"
    )
    if found.null_count:
        return times
    hour = numbers_of(pc.struct_field(found, "hour").cast(pa.int64())) % 12
    afternoon = numbers_of(pc.equal(pc.utf8_upper(pc.struct_field(found, "half")), "P").cast(pa.int64()))
    hour = hour + 12 * afternoon
    return pc.binary_join_element_wise(
        pa.array([f"{each:02d}" for each in hour.tolist()]), _flat(pc.struct_field(found, "rest")), ""
    )


def _flat(column: Any) -> Any:
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def _of_iso(texts: Any, form: str, other: bool, blame: Blame) -> Stamps:
    """Timestamps that are ISO 8601 when their spelling is normal; ``other`` says that it is not yet."""
    import pyarrow as pa
    import pyarrow.compute as pc

    written = texts
    if other:
        for pattern, replacement in _NORMAL:
            texts = pc.replace_substring_regex(texts, pattern=pattern, replacement=replacement)
    zoned = bool(_ZONE.search(form))
    # A cast also takes bare dates: they would silently become midnight.
    short = pc.less_equal(pc.binary_length(texts), 10).to_numpy(zero_copy_only=False)
    if short.any():
        row = int(np.argmax(short))
        raise blame(row, _unreadable(texts[row].as_py(), form))

    def blame_as_written(row: int, message: str) -> Any:
        normal, first = texts[row].as_py(), written[0].as_py()
        return blame(row, message if not other else _unreadable(written[row].as_py(), first) if normal else message)

    kind = pa.timestamp("ns", "UTC" if zoned else None)
    values: Ints = numbers_of(cast(texts, kind, blame_as_written, _unreadable, form).cast(pa.int64()))
    if not zoned:
        return Stamps("local", values)
    if form.endswith("Z"):
        return Stamps("instant", values)

    def wall() -> Ints:
        minutes: Ints = numbers_of(pc.utf8_slice_codeunits(texts, 0, 16).cast(pa.timestamp("ns")).cast(pa.int64()))
        return minutes + values % (60 * UNIT_NS["s"])  # zones are whole minutes apart

    return Stamps("instant", values, wall)


def _normal(text: str) -> str:
    for pattern, replacement in _NORMAL:
        text = re.sub(pattern, replacement, text)
    return text
