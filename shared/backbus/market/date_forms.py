"""A declared form of dates: the codes of ``strptime``, as ``%d.%m.%Y %H:%M``, or what a number counts.

Pure text: what a form may hold, and the regular expression that finds its parts.
"""

from __future__ import annotations

import re
from typing import NamedTuple

COUNTS = {
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "ticks": "tenths of a microsecond since the year 1, as .NET counts",
    "filetime": "tenths of a microsecond since 1601, as Windows counts",
    "excel": "days since 1899-12-30, as spreadsheets count",
}
"""Forms that are no text: what a number counts."""

_PARTS = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "j": r"\d{1,3}",
    "b": r"[A-Za-z]{3,9}\.?",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,9}",
    "p": r"[AaPp]\.?[Mm]\.?",
    "z": r"Z|[+-]\d{2}:?\d{2}|[+-]\d{2}",
    "Z": r"[A-Za-z][A-Za-z0-9_/+-]*",
    "a": r"[A-Za-z]{2,9}\.?",
}
"""What each code stands for; ``%B`` is ``%b`` and ``%A`` is ``%a``: names whole or cut."""
_SAME = {"B": "b", "A": "a", "h": "b"}
_WHOLE = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M", "D": "%m/%d/%y"}
_WIDTH = {"m": 2, "d": 2, "j": 3, "H": 2, "I": 2, "M": 2, "S": 2}
_DIGITS = frozenset("YymdjHIMSf")


class DateForm(NamedTuple):
    """A form that is text."""

    pattern: str
    """A regular expression with a group for each code, by its letter."""
    codes: frozenset[str]

    @property
    def has_time(self) -> bool:
        """Whether it says more than a date."""
        return bool(self.codes & frozenset("HI"))


def date_form(text: str) -> DateForm | None:
    """The parts of a form; None where it is one of ``COUNTS``. Raises ``ValueError`` that says what is wrong."""
    if text in COUNTS:
        return None
    for code, meaning in _WHOLE.items():
        text = text.replace(f"%{code}", meaning)
    pieces = re.split(r"(%.?)", text)
    found: list[str] = []
    pattern = ""
    for number, piece in enumerate(pieces):
        if not piece.startswith("%"):
            pattern += r"\s+".join(re.escape(part) for part in re.split(r"\s+", piece))
            continue
        if piece == "%%":
            pattern += "%"
            continue
        code = _SAME.get(piece[1:], piece[1:])
        if code not in _PARTS:
            known = ", ".join(f"%{each}" for each in _PARTS)
            raise ValueError(
                f"{piece!r} is no code of a date; known are {known}, and {', '.join(COUNTS)} for numbers that count"
            )
        if code in found:
            raise ValueError(f"%{code} is there twice")
        found.append(code)
        touching = any(
            0 <= other < len(pieces)
            and pieces[number + (1 if other > number else -1)] == ""
            and pieces[other][1:] in _DIGITS
            for other in (number - 2, number + 2)
        )
        part = rf"\d{{{_WIDTH[code]}}}" if touching and code in _WIDTH else _PARTS[code]
        pattern += f"(?P<{code}>{part})"
    _check(frozenset(found))
    return DateForm(f"^{pattern}$", frozenset(found))


def _check(codes: frozenset[str]) -> None:
    """Whether the parts make a date."""
    if not codes & {"Y", "y"}:
        raise ValueError("it has no year: %Y for four digits, %y for two")
    if not (codes & {"m", "b"} or "j" in codes):
        raise ValueError("it has no month: %m for a number, %b for a name")
    if "I" in codes and "p" not in codes:
        raise ValueError("%I counts to twelve and needs %p, or it is %H")
    for first, second in (("Y", "y"), ("m", "b"), ("H", "I"), ("z", "Z")):
        if {first, second} <= codes:
            raise ValueError(f"%{first} and %{second} say the same thing")
    for finer, coarser in (("f", "S"), ("S", "M"), ("M", "HI"), ("p", "I"), ("z", "HI"), ("Z", "HI")):
        if finer in codes and not codes & set(coarser):
            raise ValueError(f"%{finer} needs %{coarser[0]}")
