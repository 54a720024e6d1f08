"""Prices adjusted for splits and dividends by the vendor's adjusted close, and a warning where they should be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backbus.data.headers import ADJ_CLOSE
from backbus.data.rows import Rows
from backbus.market.panel import PRICES, Floats

SUSPICIOUS = 0.05
"""Difference of raw and adjusted close-to-close returns that is more than a usual dividend."""

ADVICE = 'prices are used as they are: set data.adjust = "adj_close" unless that is meant'
_NAMED = 5


def adjusted(fields: Mapping[str, Floats], adjusted_close: Floats) -> dict[str, Floats]:
    """Prices times, and volume divided by, adjusted close / close of the same bar; arrays of any one shape.

    Multiplying by one positive factor keeps the order of a bar's prices, rounding included.
    """
    factor = adjusted_close / fields["close"]
    return {role: fields[role] * factor for role in PRICES} | {"volume": fields["volume"] / factor}


def unadjusted_jumps(rows: Rows) -> list[str]:
    """A sentence for each asset whose raw returns leave its adjusted ones: an unadjusted split, most of the time.

    ``rows`` are sorted by asset and time.
    """
    close, adjusted_close = rows.numbers["close"], rows.numbers[ADJ_CLOSE]
    raw, true = _returns(close), _returns(adjusted_close)
    with np.errstate(invalid="ignore"):
        jumps = (rows.asset[1:] == rows.asset[:-1]) & (np.abs(raw - true) > SUSPICIOUS)
    at = np.flatnonzero(jumps) + 1
    sentences = []
    for asset in np.unique(rows.asset[at]):
        here = at[rows.asset[at] == asset].tolist()
        named = ", ".join(
            f"{rows.place(bar)} ({rows.when(bar)}: {raw[bar - 1]:+.1%} raw, {true[bar - 1]:+.1%} adjusted)"
            for bar in here[:_NAMED]
        )
        more = f" and {len(here) - _NAMED} more" if len(here) > _NAMED else ""
        sentences.append(
            f"{rows.symbols[int(asset)]}: the close jumps where the adjusted close does not, at {named}{more}; {ADVICE}"
        )
    return sentences


def _returns(prices: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return prices[1:] / prices[:-1] - 1.0
