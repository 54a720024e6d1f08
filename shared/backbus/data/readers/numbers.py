"""Numbers as sites write them: with a currency, thousands apart, in thousands or millions, with a point or a comma.

Whether a comma stands before a fraction or between thousands is told by all cells of a file, by the job, or not at all.
Thousands may stand apart by commas or points, in India by commas after the first three and each two more digits, by
blanks of all widths as in France, or by apostrophes as in Switzerland: what follows those is a fraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from backbus.data.readers.asked import Asked
from backbus.data.readers.headers import SPLIT
from backbus.market.panel import Floats

EMPTY = ("", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
"""What stands for "no value" in a number's cell."""

Percent = Literal["added", "total"] | None

_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_BLANKS = " \u00a0\u2009\u202f"
_MONEY = "$€£¥₹" + _BLANKS
_INDIAN = r"\d{1,2}(?:,\d{2})+,\d{3}"
_APART = re.compile(rf"[-+]?\d{{1,3}}([{_BLANKS}'’])\d{{3}}(?:\1\d{{3}})*(?:(?P<sign>[.,])\d+)?$")
"""Thousands that neither a comma nor a point keeps apart: the sign after them, if there is one, is the decimal one."""
_BETWEEN = str.maketrans("", "", _BLANKS + "'’")
_BY_COMMA = re.compile(r"[-+]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,})$")
_BY_POINT = re.compile(
    r"[-+]?(?:\d+\.(?:\d{1,2}|\d{4,})|0\.\d+|\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,}"
    rf"|{_INDIAN}(?:\.\d+)?)$"
)
"""Numbers that only one of the two can have written."""
_THOUSANDS = {
    ".": re.compile(rf"[-+]?(?:\d{{1,3}}(?:,\d{{3}})+|{_INDIAN})(?:\.\d+)?$"),
    ",": re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$"),
}
_SURE = re.compile(rf"[-+]?(?:\d{{1,3}}(?:(?:,\d{{3}})+\.\d+|(?:,\d{{3}}){{2,}})|{_INDIAN}(?:\.\d+)?)$")
_RATIO = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:[:/]|-?for-?)\s*(\d+(?:\.\d+)?)(?:\s+(?:reverse\s+)?(?:stock\s+)?split)?$", re.IGNORECASE
)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%$")


def decimal_of(columns: Iterable[Iterable[str]]) -> str | None:
    """What stands before a fraction in these cells; None where both may, or nothing tells."""
    comma = point = False
    for column in columns:
        for cell in column:
            text = cell.strip().strip(_MONEY)
            if "," in text or "." in text:
                apart = _APART.match(text)
                comma = comma or bool(apart["sign"] == "," if apart else _BY_COMMA.match(text))
                point = point or bool(apart["sign"] == "." if apart else _BY_POINT.match(text))
                if comma and point:
                    return None
    return "," if comma else "." if point else None


def read_columns(
    columns: Mapping[str, list[str]], asked: Asked, unreadable: dict[tuple[str, int], str]
) -> dict[str, Floats]:
    """Columns of text as numbers, by the decimal sign that the job declares or all cells of them tell."""
    decimal = asked.decimal or decimal_of(columns.values())
    return {
        role: read_numbers(cells, role, unreadable, decimal, asked.split_percent) for role, cells in columns.items()
    }


def read_numbers(
    cells: list[str],
    role: str,
    unreadable: dict[tuple[str, int], str],
    decimal: str | None = None,
    percent: Percent = None,
) -> Floats:
    """Numbers, one by one; of a cell that is neither empty nor one the text goes to ``unreadable``."""
    values = np.full(len(cells), np.nan)
    of_splits = role.rpartition("\0")[2] == SPLIT
    for row, cell in enumerate(cells):
        trimmed = cell.strip()
        if trimmed in EMPTY:
            continue
        try:
            ratio = _ratio(trimmed, percent) if of_splits else None
            values[row] = _number(trimmed, decimal) if ratio is None else ratio
        except (ValueError, ZeroDivisionError):
            unreadable[role, row] = cell
    return values


def why_unreadable(text: str, role: str) -> str:
    """What is to be said of a cell that is no number: what it may be, and the setting that says which."""
    percent = _PERCENT.match(text.strip())
    if percent is not None and role.rpartition("\0")[2] == SPLIT:
        whole, more = float(percent[1]) / 100.0, float(percent[1]) / 100.0 + 1.0
        return (
            f"{text!r} may be {more:g} shares for one, so many percent more, or {whole:g} for one, so many percent in"
            ' all: say by data.split_percent = "added" or "total"'
        )
    values = []
    for decimal in (".", ","):
        try:
            values.append(_number(text.strip(), decimal))
        except ValueError:
            continue
    if len(set(values)) > 1:
        one, other = values
        return f'{text!r} is not a number that is sure, {one!r} or {other!r}: say by data.decimal = "." or ","'
    return f"{text!r} is not a number"


def _ratio(text: str, percent: Percent) -> float | None:
    """Four shares for one of ``4:1``, ``4 for 1`` and ``300%`` more; None of what is written otherwise."""
    if ratio := _RATIO.match(text):
        return float(ratio[1]) / float(ratio[2])
    if percent is not None and (found := _PERCENT.match(text)):
        return float(found[1]) / 100.0 + (1.0 if percent == "added" else 0.0)
    return None


def _number(text: str, decimal: str | None) -> float:
    if "_" in text:
        raise ValueError
    text = text.strip(_MONEY)
    unit = _UNITS.get(text[-1:].upper(), 1.0)
    if unit != 1.0:
        text = text[:-1].rstrip(_BLANKS)
    apart = _APART.match(text)
    if apart is not None:
        text = text.translate(_BETWEEN)
        if decimal is None and apart["sign"] == ",":
            text = text.replace(",", ".")
    if decimal is None:
        if _SURE.match(text):
            text = text.replace(",", "")
    elif apart is not None:
        if apart["sign"] not in (None, decimal):
            raise ValueError
        text = text.replace(",", ".")
    else:
        between = "," if decimal == "." else "."
        if _THOUSANDS[decimal].match(text):
            text = text.replace(between, "")
        if decimal == ",":
            if "." in text:
                raise ValueError
            text = text.replace(",", ".")
    return float(text) * unit
