"""Rows in which an asset has no bar although it has some before and after: left alone, dropped, or carried over."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import CARRIED, PRICES, Floats, Ints


@dataclass(frozen=True)
class Laid:
    """Bars row by asset, before they are a panel."""

    ends: Ints
    sessions: Ints
    warmup: int
    fields: dict[str, Floats]
    extra: dict[str, Floats]


def within_life(close: Floats) -> NDArray[np.bool_]:
    """[rows, assets] holes between an asset's first and last bar."""
    there = ~np.isnan(close)
    begun: NDArray[np.bool_] = np.logical_or.accumulate(there, axis=0)
    reversed_: NDArray[np.bool_] = np.logical_or.accumulate(there[::-1], axis=0)
    goes_on = reversed_[::-1]
    found: NDArray[np.bool_] = ~there & begun & goes_on
    return found


def drop(laid: Laid) -> tuple[Laid, int]:
    """Without the rows in which any asset has a hole, and how many these are."""
    kept = np.asarray(~within_life(laid.fields["close"]).any(axis=1))
    chosen = replace(
        laid,
        ends=laid.ends[kept],
        sessions=laid.sessions[kept],
        warmup=int(np.count_nonzero(kept[: laid.warmup])),
        fields={name: values[kept] for name, values in laid.fields.items()},
        extra={name: values[kept] for name, values in laid.extra.items()},
    )
    return chosen, int(np.count_nonzero(~kept))


def carry(laid: Laid) -> tuple[Laid, int]:
    """Each hole as a bar of the last close without volume, marked; and how many there are."""
    close = laid.fields["close"]
    holes = within_life(close)
    row: Ints = np.where(np.isnan(close), 0, np.arange(len(close))[:, None])
    last = np.take_along_axis(close, np.maximum.accumulate(row, axis=0), axis=0)
    fields = {name: np.where(holes, last, laid.fields[name]) for name in PRICES}
    fields["volume"] = np.where(holes, 0.0, laid.fields["volume"])
    return replace(laid, fields=fields, extra={**laid.extra, CARRIED: holes.astype(np.float64)}), int(holes.sum())
