"""The tables of a page: rows of a result as columns that its script sorts, filters and copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats
from backbus.performance.drawdowns import worst_drawdowns
from backbus.report.packing import Packing, Told
from backbus.runs.shown import RunShown, SweepShown

MOST_CELLS = 4_000_000
"""Of one table: of a longer one the page has the first rows, and says so."""
OF_A_RUN = {
    "trades": "Trades",
    "orders": "Orders",
    "fills": "Fills",
    "order_ends": "Orders that the market ended",
    "account_activity": "Cash and positions from what was no fill",
}
OF_A_SEARCH = {"sweep": "Points", "monte_carlo": "Markets", "walk_forward": "Folds", "cpcv": "Splits"}
MOST_DRAWDOWNS = 1000
"""The deepest ones; how many are left out is said."""
_UNSEEN = ("logical_time",)
"""6 × row + phase: both are there."""


def tables_of(result: RunShown | SweepShown, packing: Packing) -> list[Told]:
    """All of a result, in a page's order."""
    if isinstance(result, RunShown):
        found = [_table(result, packing, name, title) for name, title in OF_A_RUN.items() if name in result.tables]
        if "equity" in result.tables:
            found.insert(1, _drawdowns(result, packing))
        refused = result.summary.counts.refused_because
        if refused:
            by_reason = {"reason": np.array(list(refused), object), "refused": np.array(list(refused.values()))}
            found.append(made_table(packing, "refusals", "Refusals by reason", by_reason))
        if result.summary.counts.fills and "fills" in result.tables:
            found.append(_costs(result, packing))
        return found
    assert isinstance(result, SweepShown)
    kinds = {"table": OF_A_SEARCH.get(result.kind, "Points"), "paths": "Paths", "fan": "The fan"}
    return [_table(result, packing, name, kinds.get(name, name.title())) for name in result.tables]


def _table(result: RunShown | SweepShown, packing: Packing, name: str, title: str) -> Told:
    table = result.tables.read(name)
    sort = ""
    if isinstance(result, SweepShown) and result.kind == "sweep" and name == "table":
        sort = str(result.summary["objective"])
        goal = sort.removeprefix("-")
        table = table.sort_by([(goal, "ascending" if sort.startswith("-") else "descending")])
    names = [one for one in table.column_names if one not in _UNSEEN]
    rows = min(table.num_rows, MOST_CELLS // max(1, len(names)))
    columns = []
    for one in names:
        column = table.column(one)
        if table.num_rows and column.null_count == table.num_rows and len(names) > 6:
            continue  # nothing stands in it
        columns.append({"name": one, **_column(packing, column.slice(0, rows))})
    file = result.tables.files.get(name)
    where = f"{file.name} has all" if file is not None else "the result itself has all"
    told = _told(name, title, rows, columns, left=table.num_rows - rows, where=where)
    return {**told, "words": f"the best by {sort} first"} if sort else told


def _told(name: str, title: str, rows: int, columns: list[Told], *, left: int = 0, where: str = "") -> Told:
    return {"name": name, "title": title, "rows": rows, "left": left, "where": where, "columns": columns}


def made_table(packing: Packing, name: str, title: str, columns: Mapping[str, NDArray[Any]]) -> Told:
    """A table of columns that are at hand."""
    import pyarrow as pa

    told = [{"name": one, **_column(packing, pa.chunked_array([pa.array(values)]))} for one, values in columns.items()]
    return _told(name, title, len(next(iter(columns.values()))), told)


def _column(packing: Packing, column: Any) -> Told:
    """A column of Arrow as the page holds it, and how it is shown: ``number``, ``time``, ``date`` or ``word``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    none = np.asarray(column.is_null().to_numpy()) if column.null_count else None
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if pa.types.is_timestamp(kind):
        return {"shown": "time", **packing.times(column.to_numpy(), none)}
    if pa.types.is_date(kind):
        days = column.cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64)
        return {"shown": "date", **packing.whole(days, none=none)}
    if pa.types.is_floating(kind):
        return {"shown": "number", **packing.exact(column.to_numpy().astype(np.float64))}
    if pa.types.is_integer(kind):
        return {"shown": "number", **packing.counts(column.fill_null(0).to_numpy().astype(np.int64), none)}
    if not pa.types.is_string(kind):
        column = pc.cast(column, pa.string()) if not pa.types.is_nested(kind) else _plain(column)
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    codes = coded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return {"shown": "word", **packing.words(codes, coded.dictionary.to_pylist(), none)}


def _plain(column: Any) -> Any:
    import json

    import pyarrow as pa

    texts = [None if one is None else json.dumps(one) for one in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _costs(run: RunShown, packing: Packing) -> Told:
    """What each asset's trading cost."""
    symbol = run.column("fills", "symbol").astype(str)
    names, place = np.unique(symbol, return_inverse=True)
    units, price = run.column("fills", "quantity"), run.column("fills", "price")
    away = np.abs(price - run.column("fills", "reference")) * np.abs(units) * run.column("fills", "unit")
    value = np.abs(price * units) * run.column("fills", "unit")

    def total(of: Floats) -> Floats:
        return np.asarray(np.bincount(place, weights=of, minlength=len(names)), np.float64)

    columns = {
        "symbol": names.astype(object),
        "fills": np.bincount(place, minlength=len(names)),
        "value": total(value),
        "commission": total(run.column("fills", "fee")),
        "slippage": total(away),
    }
    return made_table(packing, "costs", "Costs by asset, in the account's currency", columns)


def _drawdowns(run: RunShown, packing: Packing) -> Told:
    """Falls of equity below its highest, row by row: from the top to where it was reached again."""
    equity, time = run.column("equity", "equity"), run.column("equity", "time").astype("M8[ns]")
    found = worst_drawdowns(equity, run.cash, len(equity))
    left = max(0, len(found) - MOST_DRAWDOWNS)
    kept = found[:MOST_DRAWDOWNS]
    tops = np.array([max(one.begin, 0) for one in kept], np.int64)
    ended = np.array([one.recovery is not None for one in kept], bool)
    again = np.array([len(time) - 1 if one.recovery is None else one.recovery for one in kept], np.int64)
    columns = {
        "depth": np.array([one.depth for one in kept], np.float64),
        "top": time[tops],
        "deepest": time[np.array([one.trough for one in kept], np.int64)],
        "reached_again": np.where(ended, time[again], np.datetime64("NaT", "ns")),
        "rows": again - tops,
    }
    told = made_table(packing, "drawdowns", "Drawdowns", columns)
    where = "the table of equity has all"
    return {**told, "words": "row by row, the deepest first", "left": left, "where": where}
