"""What is wrong with frames that were handed over, in words of Python: the row's index value, and what to type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backbus.errors import DataError

_ROW = re.compile(r"^frame (?P<name>.*), row (?P<row>\d+)$", re.DOTALL)
_SETTING = re.compile(r"\bset (?P<name>data\.[\w.]+) = (?P<value>\"[^\"]*\"|\w+)")
_NAMED = re.compile(r"name it by data\.names, as (?P<role>\w+) = \"its name\"")


def told_of_frames(error: DataError, frames: Mapping[str, Any]) -> DataError:
    """The error with where the row is in the frame's own index, and with how its settings are given in Python."""
    beginning = str(DataError("", file=error.file, line=error.line, column=error.column, symbol=error.symbol))
    message = str(error)[len(beginning) :] if beginning else str(error)
    return DataError(
        _in_python(message), file=_placed(error.file, frames), line=error.line, column=error.column, symbol=error.symbol
    )


def _placed(file: str | None, frames: Mapping[str, Any]) -> str | None:
    found = _ROW.match(file or "")
    frame = None if found is None else frames.get(found["name"])
    if found is None or frame is None:
        return file
    import pandas as pd

    row = int(found["row"])
    index = getattr(frame, "index", None)
    if not isinstance(index, pd.Index) or isinstance(index, pd.RangeIndex) or row >= len(index):
        return file
    value = index[row]
    if value is pd.NaT:
        return file
    if isinstance(value, pd.Timestamp) and value == value.normalize():
        value = value.date()
    return f"{file} (index {value})"


def _in_python(message: str) -> str:
    setting = _SETTING.search(message)
    if setting is not None:
        value = {"true": "True", "false": "False"}.get(setting["value"], setting["value"])
        return f'{message}; in Python: run(…, overrides={{"{setting["name"]}": {value}}})'
    named = _NAMED.search(message)
    if named is not None and named["role"] == "date":
        return f"{message}; in Python: give the frame an index of dates, as frame.set_index(pd.to_datetime(…)) does"
    if named is not None:
        return f'{message}; in Python: frame.rename(columns={{"its name": "{named["role"]}"}})'
    return message
