"""The tables of a page: rows of a result as columns that its script sorts, filters and copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats
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
    found = drawdowns(run.column("equity", "equity"), run.cash)
    time = run.column("equity", "time").astype("M8[ns]")
    ended = found["again"] >= 0
    again = np.where(ended, time[np.where(ended, found["again"], 0)], np.datetime64("NaT", "ns"))
    columns = {
        "depth": found["depth"],
        "top": time[found["top"]],
        "deepest": time[found["deepest"]],
        "reached_again": again,
        "rows": np.where(ended, found["again"], len(time) - 1) - found["top"],
    }
    told = made_table(packing, "drawdowns", "Drawdowns", columns)
    return {**told, "words": "row by row; those of half a per cent of the deepest, or more"}


def drawdowns(equity: Floats, start: float) -> dict[str, NDArray[Any]]:
    """[drawdowns] the deepest first: rows of top, deepest and where the top was reached again (−1: never), and depth,
    < 0. Those shallower than a two-hundredth of the deepest are left out. ``start`` is a top before the first row."""
    empty = np.empty(0, np.int64)
    if not len(equity):
        return {"top": empty, "deepest": empty, "again": empty, "depth": np.empty(0)}
    top = np.maximum(np.maximum.accumulate(equity), start)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = equity / top - 1.0
    under = equity < top
    edges = np.diff(np.concatenate(([False], under, [False])).astype(np.int8))
    begin, stop = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begin):
        return {"top": empty, "deepest": empty, "again": empty, "depth": np.empty(0)}
    depth = np.minimum.reduceat(below, begin)
    kept = depth <= np.nanmin(depth) / 200.0
    begin, stop, depth = begin[kept], stop[kept], depth[kept]
    deepest = np.array([first + int(np.argmin(below[first:last])) for first, last in zip(begin, stop, strict=True)])
    order = np.argsort(depth, kind="stable")
    again = np.where(stop < len(equity), stop, -1)
    found = {"top": np.maximum(begin - 1, 0), "deepest": deepest, "again": again, "depth": depth}
    return {name: values[order] for name, values in found.items()}
