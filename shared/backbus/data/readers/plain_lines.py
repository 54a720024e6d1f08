"""Lines of bars that are written in the plainest way, as arrays: compiled, and strict.

A line is a stamp in ISO 8601, numbers in digits, and cells that nobody asked for; any other line is refused, and with
it all that was handed over: another reader knows what to make of it, or says what is wrong. So nothing here is guessed,
and what is read has the same bits as it has there. A number of at most fifteen digits is a whole number, which float64
holds exactly, over a power of ten, which it holds exactly up to 10^22: their quotient is the nearest float64 (Clinger
1990, How to read floating point numbers accurately).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.jit.decorators import JIT_DISABLED, loop, step
from backbus.market.panel import Floats, Ints

Bytes = NDArray[np.uint8]

COMPILED = not JIT_DISABLED
"""Whether anything is gained: as plain Python the loop takes a hundred times as long as Arrow."""
STAMP, SKIPPED = -2, -1
"""What a column is that is no number."""
DATE, LOCAL, UTC = 0, 1, 2
"""How stamps are written: without a time, with one and no zone, with one and a Z."""
REFUSED = -1
_NONE = -(1 << 30)
"""What is no number of a date: below zero whatever is added to it."""
LONGEST = 1 << 16
"""Bytes of the longest line that is taken."""
DIGITS = 15
TENS = np.array([float(10**power) for power in range(DIGITS + 1)])
TENS.flags.writeable = False
_FIRST_YEAR, _LAST_YEAR = 1700, 2200
_MINUTE_NS = 60_000_000_000
_SECOND_NS = 1_000_000_000
_NEWLINE, _RETURN, _QUOTE, _MINUS, _POINT, _COLON, _ZERO, _T, _Z = 10, 13, 34, 45, 46, 58, 48, 84, 90
_BLANK, _LAST_SIGN = 32, 126


@step
def _sign(data: Bytes, at: int) -> Any:
    """The sign at a place, which is not counted from the end: nothing need look for that, which takes half as much time
    again."""
    return data[np.uint64(at)]


@step
def _two_digits(data: Bytes, at: int) -> Any:
    """The number in two digits, _NONE of other signs."""
    tens, ones = _sign(data, at) - _ZERO, _sign(data, at + 1) - _ZERO
    if (tens | ones | (9 - tens) | (9 - ones)) < 0:
        return _NONE
    return tens * 10 + ones


@step
def _day(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date, _NONE of one that the calendar has not. Source: Hinnant 2013, chrono-Compatible
    Low-Level Date Algorithms, days_from_civil."""
    if year < _FIRST_YEAR or year > _LAST_YEAR or month < 1 or month > 12 or day < 1:
        return _NONE
    most = 30 + ((month + (month >> 3)) & 1)
    if month == 2:
        most = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > most:
        return _NONE
    since_march = (month + 9) % 12
    years = year - (1 if month <= 2 else 0)
    return years * 365 + years // 4 - years // 100 + years // 400 + (153 * since_march + 2) // 5 + day - 719_469


@step
def _within_day(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Nanoseconds since midnight of a time, REFUSED of what is none; and where it ends."""
    if at + 6 > end or (_sign(data, at) != _BLANK and _sign(data, at) != _T) or _sign(data, at + 3) != _COLON:
        return REFUSED, at
    hour, minute = _two_digits(data, at + 1), _two_digits(data, at + 4)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return REFUSED, at
    since = (hour * 60 + minute) * _MINUTE_NS
    at += 6
    if _sign(data, at) == _COLON:
        if at + 3 > end:
            return REFUSED, at
        second = _two_digits(data, at + 1)
        if second < 0 or second > 59:
            return REFUSED, at
        since += second * _SECOND_NS
        at += 3
        if _sign(data, at) == _POINT:
            at += 1
            unit = _SECOND_NS
            digit = _sign(data, at) - _ZERO
            while 0 <= digit <= 9 and unit > 1:
                unit //= 10
                since += digit * unit
                at += 1
                digit = _sign(data, at) - _ZERO
            if unit == _SECOND_NS:
                return REFUSED, at
    return since, at


@loop
def read_lines(
    data: Bytes,
    begin: int,
    separator: int,
    roles: Ints,
    form: int,
    tens: Floats,
    stamps: Ints,
    numbers: Floats,
    row: int,
) -> int:
    """Read the lines from ``begin`` on, the last of which ends too, into stamps [rows] and numbers [roles, rows], from
    ``row`` on; returns how many rows there are then, or REFUSED.

    ``roles`` [columns] are rows of ``numbers``, STAMP or SKIPPED. ``tens`` are TENS.
    """
    last_date, day = -1, 0
    last, end = roles.shape[0] - 1, data.shape[0]
    at = begin
    while at < end:
        if _sign(data, at) == _NEWLINE:
            at += 1
            continue
        if _sign(data, at) == _RETURN and _sign(data, at + 1) == _NEWLINE:
            at += 2
            continue
        line = at
        for column in range(last + 1):
            role = roles[column]
            if role >= 0:
                minus = _sign(data, at) == _MINUS
                if minus:
                    at += 1
                first = at
                value = 0
                digit = _sign(data, at) - _ZERO
                while 0 <= digit <= 9:
                    value = value * 10 + digit
                    at += 1
                    digit = _sign(data, at) - _ZERO
                digits = at - first
                after = 0
                if _sign(data, at) == _POINT:
                    at += 1
                    first = at
                    digit = _sign(data, at) - _ZERO
                    while 0 <= digit <= 9:
                        value = value * 10 + digit
                        at += 1
                        digit = _sign(data, at) - _ZERO
                    after = at - first
                    if digits == 0 or after == 0:
                        return REFUSED
                    digits += after
                if digits > DIGITS or (digits == 0 and minus):
                    return REFUSED
                if digits == 0:  # an empty cell
                    numbers[np.uint64(role), np.uint64(row)] = np.nan
                else:
                    number = np.float64(value) / tens[after]
                    numbers[np.uint64(role), np.uint64(row)] = -number if minus else number
            elif role == STAMP:
                if at + 10 > end or _sign(data, at + 4) != _MINUS or _sign(data, at + 7) != _MINUS:
                    return REFUSED
                year = _two_digits(data, at) * 100 + _two_digits(data, at + 2)
                month, of_month = _two_digits(data, at + 5), _two_digits(data, at + 8)
                date = year * 512 + month * 32 + of_month
                if date != last_date:
                    day = _day(year, month, of_month)
                    last_date = date
                    if day == _NONE:
                        return REFUSED
                at += 10
                if form == DATE:
                    stamps[np.uint64(row)] = day
                else:
                    since, at = _within_day(data, at, end)
                    if since < 0:
                        return REFUSED
                    if form == UTC:
                        if _sign(data, at) != _Z:
                            return REFUSED
                        at += 1
                    stamps[np.uint64(row)] = day * (1440 * _MINUTE_NS) + since
            else:
                sign = _sign(data, at)
                while sign not in (separator, _NEWLINE, _RETURN):
                    if sign < _BLANK or sign > _LAST_SIGN or sign == _QUOTE:
                        return REFUSED
                    at += 1
                    sign = _sign(data, at)
            if column < last:
                if _sign(data, at) != separator:
                    return REFUSED
                at += 1
        if _sign(data, at) == _RETURN:
            at += 1
        if _sign(data, at) != _NEWLINE:
            return REFUSED
        at += 1
        if at - line > LONGEST:
            return REFUSED
        row += 1
    return row
