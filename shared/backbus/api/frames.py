"""Tables of a run as frames by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from backbus.runs.shown import RunShown


def by_time(table: pd.DataFrame, column: str = "time") -> pd.DataFrame:
    """A table by one of its times, which stays a column if it is not ``time``."""
    return table.set_index(column, drop=column == "time").rename_axis("time")


def positions(run: RunShown) -> pd.DataFrame:
    """[changes, assets] units held from each time on: what fills and bookings (splits, delistings) made of them."""
    import pandas as pd

    fills, booked = run.tables.frame("fills"), run.tables.frame("account_activity")
    changed = booked[booked["kind"].isin(("split", "delisting"))]
    after = np.where(changed["kind"] == "split", changed["quantity"], 0.0)
    columns = ["logical_time", "time", "symbol"]
    steps = pd.concat(
        [
            changed[columns].assign(change=np.nan, after=after),  # before what fills at the same time
            fills[columns].assign(change=fills["quantity"], after=np.nan),
        ],
        ignore_index=True,
    ).sort_values("logical_time", kind="stable")
    held: dict[str, float] = {}
    value = np.empty(len(steps))
    told = zip(steps["symbol"], steps["change"], steps["after"], strict=True)
    for place, (symbol, change, whole) in enumerate(told):
        held[symbol] = value[place] = held.get(symbol, 0.0) + change if np.isnan(whole) else whole
    steps = steps.assign(symbol=steps["symbol"].astype(str), position=value)
    last = steps.drop_duplicates(["time", "symbol"], keep="last")
    wide = last.pivot(index="time", columns="symbol", values="position").sort_index().ffill().fillna(0.0)
    return wide.rename_axis(columns=None)
