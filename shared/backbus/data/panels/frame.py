"""Prices that are already in Python: pandas frames to a panel, by the same rules as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.data.panels.assemble import assemble
from backbus.data.panels.handed_over import told_of_frames
from backbus.data.readers.asked import Asked, asked_of
from backbus.data.readers.columnar import table_of
from backbus.data.readers.counts import number_stamps
from backbus.data.readers.headers import (
    NUMBERS,
    STAMP,
    SYMBOL,
    TIME,
    extra_role,
    find_columns,
    find_extra,
    is_field,
    left_of,
)
from backbus.data.readers.numbers import read_columns
from backbus.data.readers.shapes import in_whole_units
from backbus.data.readers.sides import of_quotes
from backbus.data.readers.stamps import parse_stamps
from backbus.data.readers.table import Codes, Stamps, Table, in_order, of_ticks
from backbus.errors import DataError
from backbus.kinds import TEXT, an, takes
from backbus.market.panel import Floats, Panel

if TYPE_CHECKING:
    import pandas as pd

    from backbus.job.data import DataSettings

_EXPECTED = "a pandas or polars DataFrame or an Arrow table was expected"


@takes(symbol=TEXT, settings=an("DataSettings", "a job's data: Job.parse(…).data"))
def panel_from_frame(
    frame: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    symbol: str = "ASSET",
    settings: DataSettings | None = None,
) -> Panel:
    """A panel of one frame of bars, of a frame with a symbol column, or of ``{symbol: frame}``.

    Bars are stamped by a DatetimeIndex or a date column; columns are named as in files. ``symbol`` names the asset of
    a frame that does not. ``settings`` are a job's ``data``; ``files`` in it is not looked at. Raises ``DataError``
    naming the frame and row, or ``JobError``.
    """
    from backbus.job.data import DataSettings as Settings

    if not isinstance(frame, Mapping) and not hasattr(frame, "__arrow_c_stream__") and not hasattr(frame, "columns"):
        raise DataError(f"{_EXPECTED}, not {type(frame).__name__}; several are a mapping by symbol", file="data")
    numbered = [name for name in frame if not isinstance(name, str)] if isinstance(frame, Mapping) else []
    if numbered:
        raise DataError(f"symbols are text, and {numbered[0]!r} is none; write {str(numbered[0])!r}", file="data")
    frames = _of_assets({symbol: frame} if not isinstance(frame, Mapping) else frame)
    if not frames:
        raise DataError("an empty mapping was given; give a frame, or frames by symbol", file="data")
    settings = Settings() if settings is None else settings
    asked = asked_of(settings)
    try:
        return assemble([_table(name, one, asked) for name, one in frames.items()], settings)
    except DataError as error:
        raise told_of_frames(error, frames) from None


def _of_assets(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Frames with two levels of columns, fields and assets, as one frame for each asset; others as they are."""
    import pandas as pd

    found: dict[str, pd.DataFrame] = {}
    for name, frame in frames.items():
        columns = getattr(frame, "columns", None)
        if not isinstance(columns, pd.MultiIndex) or columns.nlevels != 2:
            found[name] = frame
            continue
        fields = [sum(map(is_field, map(str, columns.get_level_values(level).unique()))) for level in range(2)]
        assets = columns.get_level_values(int(fields[0] >= fields[1])).unique()
        for asset in assets:
            one = frame.xs(asset, axis=1, level=int(fields[0] >= fields[1]))
            prices = one.loc[:, [is_field(str(column)) for column in one.columns]]
            found[str(asset)] = one[prices.notna().any(axis=1)] if len(assets) > 1 else one
    return found


def _table(name: str, frame: pd.DataFrame, asked: Asked) -> Table:
    import pandas as pd

    label = f"frame {name}"
    if not isinstance(frame, pd.DataFrame) and hasattr(frame, "__arrow_c_stream__"):
        import pyarrow as pa

        try:
            arrow = pa.table(frame)
        except (pa.ArrowException, TypeError, ValueError):  # a column alone
            raise _no_frame(frame, label) from None
        table = table_of(label, name, arrow.column_names, None, lambda names: arrow, asked)
        assert table is not None
        return table
    if not isinstance(frame, pd.DataFrame):
        raise _no_frame(frame, label)
    if len(frame) == 0:
        raise DataError(
            "has no rows; look at what made it (a filter that lets nothing pass?), or leave it out", file=label
        )
    if not isinstance(frame.index, pd.RangeIndex):
        names = [
            "date"
            if level.name is None and isinstance(frame.index.get_level_values(number), pd.DatetimeIndex)
            else level.name
            for number, level in enumerate(
                frame.index.levels if isinstance(frame.index, pd.MultiIndex) else [frame.index]
            )
        ]
        frame = frame.reset_index(names=["index" if one is None else one for one in names])
    headers = [str(column) for column in frame.columns]
    roles = find_columns(headers, label, None, asked.names, without_extremes=asked.without_extremes)
    if TIME in roles:
        raise DataError("give one date-and-time column, not two", file=label)
    more = {
        extra_role(name): position for name, position in find_extra(headers, asked.extra, label, asked.names).items()
    }
    roles |= more
    numbers: dict[str, Floats] = {}
    written: dict[str, list[str]] = {}
    unreadable: dict[tuple[str, int], str] = {}
    for role, position in roles.items():
        if role not in NUMBERS and role not in more:
            continue
        column = frame.iloc[:, position]
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
            numbers[role] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        elif column.dtype == object or isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
            written[role] = ["" if missing else str(cell) for cell, missing in zip(column, column.isna(), strict=True)]
        else:
            raise DataError(f"is of type {column.dtype}, and must hold numbers", file=label, column=headers[position])
    numbers = in_whole_units(headers, numbers | read_columns(written, asked, unreadable))
    symbols: tuple[str, ...] = (name,)
    codes: Codes | None = None
    if SYMBOL in roles:
        numbered, found = pd.factorize(frame.iloc[:, roles[SYMBOL]].astype("string").str.strip())
        if (numbered < 0).any():
            raise DataError("this row names no symbol", file=f"{label}, row {int(np.argmax(numbered < 0))}")
        codes, symbols = numbered.astype(np.int32), tuple(str(one) for one in found)
    table = Table(
        name=label,
        stamps=_stamps(frame.iloc[:, roles[STAMP]], label, asked.form),
        symbols=symbols,
        codes=codes,
        numbers=numbers,
        headers={role: headers[position] for role, position in roles.items()},
        left=left_of(headers, roles),
        unreadable=unreadable,
    )
    return in_order(of_ticks(of_quotes(table)))


def _no_frame(given: Any, label: str) -> DataError:
    return DataError(f"{_EXPECTED}, not {type(given).__name__}", file=label)


def _stamps(column: pd.Series[Any], label: str, form: str | None) -> Stamps:
    import pandas as pd
    import pyarrow as pa

    if column.isna().any():
        raise DataError("there is no date", file=f"{label}, row {int(np.argmax(column.isna().to_numpy()))}")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return number_stamps(
            pa.chunked_array([pa.array(column)]),
            lambda row, message: DataError(message, file=f"{label}, row {row}"),
            form,
        )
    if not pd.api.types.is_datetime64_any_dtype(column):
        return parse_stamps(
            pa.chunked_array([pa.array(column.astype(str).to_list(), pa.string())]),
            lambda row, message: DataError(message, file=f"{label}, row {row}"),
            form,
        )
    try:
        index = pd.DatetimeIndex(column).as_unit("ns")
    except pd.errors.OutOfBoundsDatetime:
        raise DataError("there are times outside the years 1678 to 2261", file=label) from None
    instants = np.asarray(index.asi8, dtype=np.int64)
    if index.tz is None:
        return Stamps("local", instants)
    if str(index.tz) == "UTC":
        return Stamps("instant", instants)
    return Stamps("instant", instants, lambda: np.asarray(index.tz_localize(None).asi8, dtype=np.int64))
