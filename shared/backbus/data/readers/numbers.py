"""Numbers as sites write them: with a currency, thousands apart, in thousands or millions, with a point or a comma.

Whether a comma stands before a fraction or between thousands is told by all cells of a file, by the job, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from backbus.data.readers.headers import SPLIT
from backbus.market.panel import Floats

EMPTY = ("", "-", "--", ".", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
"""What stands for "no value" in a number's cell."""

_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
_MONEY = "$€£¥ \u00a0"
_BY_COMMA = re.compile(r"[-+]?(?:\d+,(?:\d{1,2}|\d{4,})|0,\d+|\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,})$")
_BY_POINT = re.compile(r"[-+]?(?:\d+\.(?:\d{1,2}|\d{4,})|0\.\d+|\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,})$")
"""Numbers that only one of the two can have written."""
_THOUSANDS = {
    ".": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"),
    ",": re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$"),
}
_SURE = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})$")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)$")


def decimal_of(columns: Iterable[Iterable[str]]) -> str | None:
    """What stands before a fraction in these cells; None where both may, or nothing tells."""
    comma = point = False
    for column in columns:
        for cell in column:
            text = cell.strip().strip(_MONEY)
            if "," in text or "." in text:
                comma = comma or bool(_BY_COMMA.match(text))
                point = point or bool(_BY_POINT.match(text))
                if comma and point:
                    return None
    return "," if comma else "." if point else None


def read_columns(
    columns: Mapping[str, list[str]], declared: str | None, unreadable: dict[tuple[str, int], str]
) -> dict[str, Floats]:
    """Columns of text as numbers, by the decimal sign that the job declares or all cells of them tell."""
    decimal = declared or decimal_of(columns.values())
    return {role: read_numbers(cells, role, unreadable, decimal) for role, cells in columns.items()}


def read_numbers(
    cells: list[str], role: str, unreadable: dict[tuple[str, int], str], decimal: str | None = None
) -> Floats:
    """Numbers, one by one; of a cell that is neither empty nor one the text goes to ``unreadable``."""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        trimmed = cell.strip()
        if trimmed in EMPTY:
            continue
        try:
            values[row] = _number(trimmed, decimal, role)
        except (ValueError, ZeroDivisionError):
            unreadable[role, row] = cell
    return values


def _number(text: str, decimal: str | None, role: str) -> float:
    if "_" in text:
        raise ValueError
    if role == SPLIT and (ratio := _RATIO.match(text)):  # 4:1, four shares for one
        return float(ratio[1]) / float(ratio[2])
    text = text.strip(_MONEY)
    unit = _UNITS.get(text[-1:].upper(), 1.0)
    if unit != 1.0:
        text = text[:-1]
    if decimal is None:
        if _SURE.match(text):
            text = text.replace(",", "")
    else:
        between = "," if decimal == "." else "."
        if _THOUSANDS[decimal].match(text):
            text = text.replace(between, "")
        if decimal == ",":
            if "." in text:
                raise ValueError
            text = text.replace(",", ".")
    return float(text) * unit
