"""Rates a year by date, from a file: what a job's risk-free rate is read from."""

from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np

from backbus.data.readers.asked import NOTHING_ASKED
from backbus.data.readers.columnar import ARROW, PARQUET
from backbus.data.readers.digits import Blame
from backbus.data.readers.headers import is_date_name
from backbus.data.readers.numbers import read_columns
from backbus.data.readers.stamps import parse_stamps
from backbus.errors import DataError, JobError
from backbus.job.performance import RiskFree
from backbus.market.timeframes import DAY_NS

LARGEST = 0.3
"""A fraction above it is taken for percent, and refused: 30 % a year is no rate of what is without risk."""
_NO_RATE = ("", ".", "NA", "N/A", "NaN", "nan", "null", "ND")
"""How files say that a day has no rate: that of the day before it goes on."""
FIELD = "performance.risk_free"


def read_rates(settings: RiskFree, folder: Path) -> RiskFree:
    """The setting with what its file says; only days on which the rate changes. Raises JobError or DataError."""
    if settings.file is None or settings.rates:
        return settings
    path = folder / settings.file
    columns = _columns(settings.file, path)
    dated = next((name for name in columns if is_date_name(name)), next(iter(columns)))
    others = [name for name in columns if name != dated]
    column = settings.column if settings.column is not None else (others[0] if len(others) == 1 else None)
    if column is None or column not in others:
        there = ", ".join(others) or "none"
        said = "has several columns of rates" if column is None and others else f"has no column {column!r} of rates"
        raise JobError(f"{settings.file} {said}: name one of {there} as {FIELD}.column", field=FIELD)
    days, rates = _days(settings.file, columns[dated]), _rates(settings, column, columns[column])
    known = ~np.isnan(rates)
    days, rates = days[known], rates[known]
    if not len(days):
        raise DataError("has no rate", file=settings.file)
    order = np.argsort(days, kind="stable")
    days, rates = days[order], rates[order]
    twice = np.flatnonzero(np.diff(days) == 0)
    if len(twice):
        raise DataError(f"has two rates of {_date(days[twice[0]])}: keep one of them", file=settings.file)
    changes = np.flatnonzero(np.diff(rates, prepend=np.nan) != 0.0)
    kept = {_date(days[at]): float(rates[at]) for at in sorted({*changes.tolist(), len(days) - 1})}
    return settings.model_copy(update={"rates": kept})


def _columns(name: str, path: Path) -> dict[str, Any]:
    """The file's columns as text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyarrow import csv

    try:
        if path.suffix.lower() in PARQUET:
            table = pq.read_table(path)
        elif path.suffix.lower() in ARROW:
            table = pa.ipc.open_file(path).read_all()
        else:
            text = path.read_text(encoding="utf-8-sig")
            first = text.partition("\n")[0]
            parting = csv.ParseOptions(delimiter=max(",;\t", key=first.count))
            names = [one.strip().strip('"') for one in first.split(parting.delimiter)]
            as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
            table = csv.read_csv(io.BytesIO(text.encode()), parse_options=parting, convert_options=as_text)
    except FileNotFoundError:
        raise JobError(f"no such file: {path}; relative paths start from the job file's folder", field=FIELD) from None
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as a table: {str(error).splitlines()[0]}", file=name) from None
    if not table.num_rows or table.num_columns < 2:
        raise DataError("is to have a column of dates, one of rates and a row for each date", file=name)
    found = {}
    for title, column in zip(table.column_names, table.columns, strict=True):
        whole = column.combine_chunks()
        text_of = whole if pa.types.is_string(whole.type) else pc.cast(whole, pa.string())
        found[title.strip()] = pc.utf8_trim_whitespace(pc.fill_null(text_of, ""))
    return found


def _blame(name: str) -> Blame:
    return lambda row, message: DataError(f"row {row + 1} below the header: {message}", file=name)


def _days(name: str, texts: Any) -> Any:
    stamps = parse_stamps(texts, _blame(name))
    return stamps.values if stamps.kind == "date" else stamps.values // DAY_NS


def _rates(settings: RiskFree, column: str, texts: Any) -> Any:
    assert settings.file is not None
    cells = ["" if text in _NO_RATE else text for text in texts.to_pylist()]
    unreadable: dict[tuple[str, int], str] = {}
    written = read_columns({column: cells}, NOTHING_ASKED, unreadable)[column]
    rates = written / (100.0 if settings.unit == "percent" else 1.0)
    for (_, row), text in unreadable.items():
        raise _blame(settings.file)(row, f"{column} {text!r} is no number")
    large = np.flatnonzero(np.abs(rates) > LARGEST)
    if len(large):
        row, worth = int(large[0]), float(rates[large[0]])
        way = f'if these are percent, set {FIELD} = {{ file = "{settings.file}", unit = "percent" }}'
        raise JobError(
            f"{settings.file}, row {row + 1} below the header: {texts[row].as_py()} is {100.0 * worth:g} % a year; "
            + (way if settings.unit == "fraction" else "no rate without risk is that large"),
            field=FIELD,
        )
    return rates


def _date(day: Any) -> str:
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=int(day))).isoformat()
