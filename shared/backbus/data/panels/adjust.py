"""Prices adjusted for splits and dividends: by the vendor's adjusted close, or by the actions themselves.

An action of a row takes effect at its open. ``split`` is how many shares one became, 0 or 1 where there was none;
``dividend`` is cash for each share that there is after the split. Prices before it are divided by the split and, for
total return, multiplied by 1 − dividend × split / close before (as the Center for Research in Security Prices does);
volumes before it are multiplied by the split. Prices of the last row that is used stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from backbus.data.panels.actions import ACTIONS, contradictions, denied_actions
from backbus.data.panels.rows import Rows
from backbus.data.readers.headers import ADJ_CLOSE, SPLIT, extra_role
from backbus.market.columns import PRICES, QUOTES
from backbus.market.panel import Floats

FACTOR = "adjusted by"
"""A further column that tells by what prices were multiplied, for whoever has others to multiply."""
SCALED = (*PRICES, *QUOTES, extra_role(FACTOR))
SUSPICIOUS = 0.05
"""Difference of raw and adjusted close-to-close returns that is more than a usual dividend."""

ADVICE = 'prices are used as they are: set data.adjust = "adj_close" unless that is meant'
UNADJUSTED = 'prices are used as they are: set data.adjust = "splits" or "total_return" unless that is meant'
_NAMED = 5
_SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
"""New shares for an old one, or old ones for a new one, that are told from a day's change."""
_NEAR = 0.02
"""How far the open, or the close, may be from what a split alone would make of the close before."""
_BARS, _TYPICAL = 20, 20.0
"""An asset of so many bars has a usual change; one of so many times that is none."""


def adjusted(fields: Mapping[str, Floats], adjusted_close: Floats) -> dict[str, Floats]:
    """Prices times, and volume divided by, adjusted close / close of the same bar; arrays of any one shape.

    Multiplying by one positive factor keeps the order of a bar's prices, rounding included.
    """
    factor = adjusted_close / fields["close"]
    return _scaled(fields, factor) | {"volume": fields["volume"] / factor}


def _scaled(fields: Mapping[str, Floats], factor: Floats) -> dict[str, Floats]:
    return {role: fields[role] * factor for role in SCALED if role in fields}


@dataclass
class Actions:
    """The splits and dividends of one asset, in order of time."""

    total_return: bool
    trusted: bool = True
    """Whether prices do not deny them: somebody has looked, or said so."""
    before: float = np.nan
    """The last close that was seen."""
    rows: list[int] = field(default_factory=list)
    prices: list[float] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)

    def take(self, first_row: int, close: Floats, split: Floats, dividend: Floats) -> tuple[int, str] | None:
        """Take in the next rows; the row of an action that cannot be, and why."""
        if not self.trusted:
            denied = next(contradictions(self.before, close, split, dividend), None)
            if denied is not None:
                return denied.row, denied.why
        ratios, paid = whole_actions(split, dividend)
        for row in np.flatnonzero((ratios != 1.0) | ((paid != 0.0) & self.total_return)).tolist():
            earlier = close[:row][~np.isnan(close[:row])]
            before = float(earlier[-1]) if len(earlier) else self.before
            ratio, cash = float(ratios[row]), float(paid[row]) if self.total_return else 0.0
            if not (0.0 < ratio < np.inf and 0.0 <= cash < np.inf):
                return row, f"a split of {ratio:g} and a dividend of {cash:g} cannot be"
            if np.isnan(before):
                continue  # there is nothing before it to adjust
            if cash * ratio >= before:
                return row, f"a dividend of {cash:g} is not less than the close before it, {before:g}"
            self.rows.append(first_row + row)
            self.prices.append((1.0 - cash * ratio / before) / ratio)
            self.volumes.append(ratio)
        known = close[~np.isnan(close)]
        if len(known):
            self.before = float(known[-1])
        return None

    def factors(self, first_row: int, stop_row: int) -> tuple[Floats, Floats]:
        """What prices and volumes of some rows are multiplied by."""
        after = np.searchsorted(self.rows, np.arange(first_row, stop_row), side="right")
        prices, volumes = (
            np.append(np.cumprod(np.array(each)[::-1])[::-1], 1.0) for each in (self.prices, self.volumes)
        )
        return prices[after], volumes[after]


def whole_actions(split: Floats, dividend: Floats) -> tuple[Floats, Floats]:
    """Ratios of splits, 1 where there is none, and cash per share, 0 where there is none."""
    return np.where(np.isnan(split) | (split == 0.0), 1.0, split), np.nan_to_num(dividend)


def adjusted_by(fields: Mapping[str, Floats], prices: Floats, volumes: Floats) -> dict[str, Floats]:
    """Prices and volumes times their factors."""
    return _scaled(fields, prices) | {"volume": fields["volume"] * volumes}


def adjusted_rows(rows: Rows, *, total_return: bool) -> dict[str, Floats]:
    """Prices and volumes of bars, sorted by asset and time, adjusted by their actions."""
    missing = np.full(len(rows), np.nan)
    split, dividend = (rows.numbers.get(role, missing) for role in ACTIONS)
    prices, volumes = np.empty(len(rows)), np.empty(len(rows))
    edges = np.r_[0, np.flatnonzero(np.diff(rows.asset)) + 1, len(rows)].tolist()
    for start, stop in pairwise(edges):
        actions = Actions(total_return)
        wrong = actions.take(0, rows.numbers["close"][start:stop], split[start:stop], dividend[start:stop])
        if wrong is not None:
            raise rows.error(start + wrong[0], wrong[1])
        prices[start:stop], volumes[start:stop] = actions.factors(0, stop - start)
    return adjusted_by(rows.numbers, prices, volumes)


def unadjusted_actions(rows: Rows) -> list[str]:
    """A sentence for each asset that has splits which prices are not adjusted for."""
    if SPLIT not in rows.numbers:
        return []
    ratios, _ = whole_actions(rows.numbers[SPLIT], rows.numbers[SPLIT])
    at = np.flatnonzero(ratios != 1.0)
    denied = {bar: one for bar, one in denied_actions(rows).items() if one.column == SPLIT}
    sentences = [f"{rows.place(bar)}: {rows.symbol(bar)} {rows.when(bar)}: {one.why}" for bar, one in denied.items()]
    del sentences[_NAMED:]
    at = np.array([bar for bar in at.tolist() if bar not in denied], dtype=np.int64)
    for asset in np.unique(rows.asset[at]):
        here = at[rows.asset[at] == asset].tolist()
        named = ", ".join(f"{rows.when(bar)} ({ratios[bar]:g} for 1)" for bar in here[:_NAMED])
        more = f" and {len(here) - _NAMED} more" if len(here) > _NAMED else ""
        sentences.append(f"{rows.symbols[int(asset)]}: splits at {named}{more}; {UNADJUSTED}")
    return sentences


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


def unexplained_jumps(rows: Rows) -> list[str]:
    """A sentence for each asset whose close jumps as a split makes it, in data that tells of none.

    ``rows`` are sorted by asset and time.
    """
    if "open" not in rows.numbers:  # trades
        return []
    close, opens = rows.numbers["close"], rows.numbers["open"]
    raw = _returns(close)
    with np.errstate(invalid="ignore"):
        jumps = (rows.asset[1:] == rows.asset[:-1]) & ((raw > 0.8) | (raw < -0.4))
    at = np.flatnonzero(jumps)
    sentences = []
    for asset in np.unique(rows.asset[at]):
        mine = np.abs(raw[(rows.asset[1:] == asset) & (rows.asset[:-1] == asset)])
        if np.count_nonzero(mine > 0.0) < _BARS:
            continue
        least = _TYPICAL * float(np.nanmedian(mine[mine > 0.0]))
        named = []
        for bar in at[rows.asset[at] == asset].tolist():
            split = _split_of(float(close[bar]), float(opens[bar + 1]), float(close[bar + 1]))
            if split is not None and abs(raw[bar]) > least:
                named.append(f"{rows.place(bar + 1)} ({rows.when(bar + 1)}: {raw[bar]:+.1%}, as by {split})")
        if named:
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            sentences.append(
                f"{rows.symbols[int(asset)]}: the close jumps as at a split, at {', '.join(named[:_NAMED])}{more}, and"
                " the data tells of no splits; prices are used as they are: adjust or correct them unless that is meant"
            )
    return sentences


def _split_of(before: float, opens: float, close: float) -> str | None:
    """The split that makes of a close the next bar's open, or its close; None where none does."""
    for price in (opens, close):
        for shares in _SPLITS:
            if abs(before / price / shares - 1.0) < _NEAR:
                return f"{shares} for 1"
            if abs(price / before / shares - 1.0) < _NEAR:
                return f"1 for {shares}"
    return None


def _returns(prices: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return prices[1:] / prices[:-1] - 1.0
