"""Prices and fills of the assets that the overview does not draw at first, for the page to draw in their place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.figures.price import bars_of, most_traded, traded
from backbus.figures.registry import NothingToShow
from backbus.report.packing import Told
from backbus.report.series import Lifted
from backbus.runs.shown import RunShown

MOST_CLOSES = 2_000_000
"""Of all these assets; beyond, the page has those that were traded more."""
_OVERVIEW = "overview"


def assets_of(run: RunShown, figures: list[Told], lifted: Lifted) -> Told:
    """By asset, the series that stand for the first ones of the overview: closes, buys and sells. The one that it draws
    is first. Empty where it draws no prices, or nothing else was traded."""
    overview = next((one for one in figures if one["name"] == _OVERVIEW and "spec" in one), None)
    if overview is None or not run.count("fills"):
        return {}
    try:
        panel = bars_of(run)
    except NothingToShow:
        return {}
    first = most_traded(run)
    if overview["spec"]["data"][0].get("name") != f"{first} close":
        return {}  # a figure of a user's own has that name
    rows = _rows_of_fills(run)
    others = sorted((symbol for symbol in rows if symbol != first), key=lambda symbol: (-len(rows[symbol]), symbol))
    room = MOST_CLOSES // max(1, panel.layout.rows)
    series = {}
    for symbol in others[:room]:
        drawn = traded(run, panel, symbol, rows[symbol])
        series[symbol] = [lifted.points(one.x, one.y, one.texts) if len(one.x) else None for one in drawn]
    if not series:
        return {}
    return {"assets": {"figure": _OVERVIEW, "first": first, "series": series, "left": len(others) - len(series)}}


def _rows_of_fills(run: RunShown) -> dict[str, NDArray[Any]]:
    """By asset that was traded, its rows in the table of fills."""
    names, place = np.unique(run.column("fills", "symbol").astype(str), return_inverse=True)
    order = np.argsort(place, kind="stable")
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    return dict(zip(names.tolist(), np.split(order, cuts), strict=True))
