"""Splits, dividends and delistings: as the fractions that vendors round, held against the prices, and kept whatever
drops or moves their row.

An action of a row that is left out takes effect in the next one of its asset. Two that come together are one: splits
multiply, and cash per share is counted in shares of after both. A delisting goes the other way, to the last bar that
its asset has before: what is paid off is what there was then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.data.panels.rows import Rows
from backbus.data.readers.headers import ADJ_CLOSE, DIVIDEND, SPLIT, extra_role
from backbus.market.columns import DELISTING
from backbus.market.panel import Floats, Ints

Mask = NDArray[np.bool_]
ACTIONS = (SPLIT, DIVIDEND)
ZEROS_ARE_NONE = f"0 in the column {DELISTING!r} was taken for no delisting: bars that have others after them have it"
_DENOMINATORS = range(1, 51)
_LEAST_DIGITS = 3
_LEAST_YIELD = 0.002
"""Dividends of a smaller share of the price are within the digits of an adjusted close."""
_TOLD_FROM = float(np.log(1.25))
"""A split by less cannot be told from a day's change of price."""


def whole_ratios(split: Floats) -> Floats:
    """Ratios as the fractions that they round: 0.142857 is a seventh."""
    odd = np.unique(split[~np.isnan(split) & (split != 0.0) & (split != 1.0)])
    found = split
    for ratio in odd.tolist():
        exact = _fraction_of(ratio)
        if exact != ratio:
            found = np.where(found == ratio, exact, found)
    return found


def _fraction_of(ratio: float) -> float:
    whole, _, digits = repr(ratio).partition(".")
    if "e" in digits or not whole.isdigit() or len(digits) < _LEAST_DIGITS:
        return ratio
    for denominator in _DENOMINATORS:
        numerator = round(ratio * denominator)
        if numerator and round(numerator / denominator, len(digits)) == ratio:
            return numerator / denominator
    return ratio


def acts(split: Floats, dividend: Floats) -> Mask:
    """Where there is an action."""
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (~np.isnan(split) & (split != 0.0) & (split != 1.0)) | (~np.isnan(dividend) & (dividend != 0.0))
        )


class Denied(NamedTuple):
    """An action that prices deny."""

    row: int
    column: str
    """Which of its columns is wrong."""
    why: str


def contradictions(before: float, close: Floats, split: Floats, dividend: Floats) -> Iterator[Denied]:
    """Actions of one asset that its prices deny. ``before`` is the close before the first of them."""
    there = np.flatnonzero(~np.isnan(close))
    for row in np.flatnonzero(acts(split, dividend)).tolist():
        earlier, later = there[there < row], there[there >= row]
        last = float(close[earlier[-1]]) if len(earlier) else before
        ratio, cash = float(split[row]), float(np.nan_to_num(dividend[row]))
        ratio = 1.0 if np.isnan(ratio) or ratio == 0.0 else ratio
        if np.isnan(last) or not 0.0 < ratio < np.inf:
            continue
        if cash * ratio >= last:
            why = f"a dividend of {cash:g} is not less than the close before it, {last:g}"
            yield Denied(row, DIVIDEND, why)
            continue
        size = float(np.log(ratio))
        if not len(later) or abs(size) < _TOLD_FROM:
            continue
        price = float(close[later[0]])
        change = float(np.log((price + cash) / last))
        told = f"a split of {ratio:g} for 1, and the close goes from {last:g} to {price:g}"
        if abs(change) < 0.5 * abs(size):
            yield Denied(row, SPLIT, f"{told}: prices are adjusted for it already")
        elif abs(change - size) < 0.5 * abs(size):
            yield Denied(row, SPLIT, f"{told}: as if it were {1.0 / ratio:g} for 1")


def denied_actions(rows: Rows) -> dict[int, Denied]:
    """Bars, sorted by asset and time, whose actions their prices deny."""
    missing = np.full(len(rows), np.nan)
    split, dividend = (rows.numbers.get(role, missing) for role in ACTIONS)
    gone = extra_role(DELISTING)
    delisting = rows.numbers.get(gone, missing)
    if not acts(split, dividend).any() and np.isnan(delisting).all():
        return {}
    found: dict[int, Denied] = {}
    for start, stop in pairwise(rows_of_assets(rows)):
        here = slice(start, stop)
        close = rows.numbers["close"][here]
        for row in early(delisting[here], close).tolist():
            told = f"{delisting[start + row]:g} is paid off for a share that has bars after this one"
            found[start + row] = Denied(start + row, gone, told)
        found |= {start + one.row: one for one in contradictions(np.nan, close, split[here], dividend[here])}
    return found


def rows_of_assets(rows: Rows) -> list[int]:
    """Where each asset's bars begin, and where the last one's end."""
    return [int(edge) for edge in np.r_[0, np.flatnonzero(np.diff(rows.asset)) + 1, len(rows)]]


def early(delisting: Floats, close: Floats) -> Ints:
    """[found] rows of one asset that say that it is delisted, while it has bars after them."""
    there = np.flatnonzero(~np.isnan(close))
    said = np.flatnonzero(~np.isnan(delisting))
    return said[said < there[-1]] if len(there) else said[:0]


def zeros_for_none(delisting: Floats, close: Floats) -> Mask:
    """[rows] zeros of one asset that stand for no delisting: all, where any is in a bar that has others after it."""
    zeros = np.asarray(delisting == 0.0)
    before = early(delisting, close)
    return zeros if bool(zeros[before].any()) else np.zeros(len(zeros), np.bool_)


def against_dividends(rows: Rows) -> dict[int, Denied]:
    """Bars whose adjusted close moves against their dividend: it falls further than the close does, or much further up
    than by what was paid."""
    close, adjusted, dividend = (rows.numbers[role] for role in ("close", ADJ_CLOSE, DIVIDEND))
    split = rows.numbers.get(SPLIT, np.full(len(rows), np.nan))
    paid = np.flatnonzero((np.nan_to_num(dividend) > 0.0) & ~acts(split, np.full(len(rows), np.nan)))
    found: dict[int, Denied] = {}
    for bar in paid.tolist():
        if bar == 0 or rows.asset[bar] != rows.asset[bar - 1]:
            continue
        raw, true = close[bar] / close[bar - 1], adjusted[bar] / adjusted[bar - 1]
        share = dividend[bar] / close[bar - 1]
        if share >= _LEAST_YIELD and true < raw - 0.5 * share:
            why = (
                f"a dividend of {dividend[bar]:g} was paid, and the adjusted close goes by {true - 1.0:+.2%} where the"
                f" close goes by {raw - 1.0:+.2%}: against it"
            )
            found[bar] = Denied(bar, ADJ_CLOSE, why)
    return found


def roles_of(numbers: Mapping[str, Floats]) -> list[str]:
    """The columns of actions among a table's numbers."""
    return [role for role in (SPLIT, DIVIDEND, extra_role(DELISTING)) if role in numbers]


def moved(numbers: Mapping[str, Floats], asset: Ints, stamp: Ints, kept: Mask) -> dict[str, Floats]:
    """Columns of actions of flat bars in which those of bars that are not ``kept`` stand in the next one that is; of
    delistings in the one before."""
    roles = roles_of(numbers)
    missing = np.full(len(kept), np.nan)
    split, dividend = (numbers.get(role, missing) for role in (SPLIT, DIVIDEND))
    gone = extra_role(DELISTING)
    acting = acts(split, dividend)
    if gone in numbers:
        acting |= ~np.isnan(numbers[gone])
    at = np.flatnonzero(acting & ~kept)
    if not len(at):
        return {}
    found = {role: numbers[role].copy() for role in roles}
    for row in at[np.argsort(stamp[at], kind="stable")[::-1]].tolist():  # the latest first: see add_action
        mine = np.flatnonzero(kept & (asset == asset[row]))
        later = mine[stamp[mine] >= stamp[row]]
        if len(later) and acts(split[[row]], dividend[[row]])[0]:
            to = int(later[np.argmin(stamp[later])])
            same = stamp[to] == stamp[row] and all(_alike(found[r][to], found[r][row]) for r in roles if r != gone)
            if not same:  # of a bar that is there twice, its action is one
                add_action(found, to, found[SPLIT][row] if SPLIT in found else 1.0, _of(found, DIVIDEND, row))
        earlier = mine[stamp[mine] <= stamp[row]]
        if gone in found and not np.isnan(found[gone][row]) and len(earlier):
            found[gone][int(earlier[np.argmax(stamp[earlier])])] = found[gone][row]
    return found


def _of(found: Mapping[str, Floats], role: str, row: int) -> float:
    return float(found[role][row]) if role in found else np.nan


def _alike(one: float, other: float) -> bool:
    return bool(np.nan_to_num(one) == np.nan_to_num(other))


def add_action(found: Mapping[str, Floats], to: int | tuple[int, int], split: float, dividend: float) -> None:
    """Let an action of before take effect together with what a row has: of several the latest comes first, since cash
    is counted in shares of after all that follow it."""
    own = float(found[SPLIT][to]) if SPLIT in found else 1.0
    own = 1.0 if np.isnan(own) or own == 0.0 else own
    if SPLIT in found and not np.isnan(split) and split not in (0.0, 1.0):
        found[SPLIT][to] = own * split
    if DIVIDEND in found and not np.isnan(dividend) and dividend != 0.0:
        found[DIVIDEND][to] = np.nan_to_num(found[DIVIDEND][to]) + dividend / own


def moved_down(extra: Mapping[str, Floats], kept: Mask) -> dict[str, Floats]:
    """Columns [rows, assets] of a panel, in which actions of rows that are not ``kept`` stand in the next one that is;
    of delistings in the one before."""
    found = {name: values for name, values in extra.items() if name in (SPLIT, DIVIDEND, DELISTING)}
    if not found or kept.all():
        return {}
    shape = next(iter(found.values())).shape
    missing = np.full(shape, np.nan)
    acting = acts(found.get(SPLIT, missing), found.get(DIVIDEND, missing))
    changed = {name: values.copy() for name, values in found.items()}
    there = np.flatnonzero(kept)
    for row, asset in reversed(np.argwhere(acting & ~kept[:, None]).tolist()):
        place = int(np.searchsorted(there, row))
        if place < len(there):
            split, dividend = (
                float(found[name][row, asset]) if name in found else np.nan for name in (SPLIT, DIVIDEND)
            )
            add_action(changed, (int(there[place]), asset), split, dividend)
    if DELISTING in found:
        for row, asset in np.argwhere(~np.isnan(found[DELISTING]) & ~kept[:, None]).tolist():
            place = int(np.searchsorted(there, row)) - 1
            if place >= 0:
                changed[DELISTING][int(there[place]), asset] = found[DELISTING][row, asset]
    return changed


def on_last_bars(delisting: Floats, close: Floats) -> Floats:
    """Delistings [rows, assets], those of rows in which their asset has no bar in the last one before that it has."""
    none = np.stack([zeros_for_none(*both) for both in zip(delisting.T, close.T, strict=True)], axis=1)
    lost = np.argwhere(~np.isnan(delisting) & np.isnan(close) & ~none)
    if not len(lost) and not none.any():
        return delisting
    found = np.where(none, np.nan, delisting)
    for row, asset in lost.tolist():
        before = np.flatnonzero(~np.isnan(close[:row, asset]))
        found[row, asset] = np.nan
        if len(before):
            found[before[-1], asset] = delisting[row, asset]
    return found


def growth(split: Floats) -> Floats:
    """[rows, assets] how many units one of before the first row has become."""
    ratios: Floats = np.where(np.isnan(split) | (split <= 0.0) | ~np.isfinite(split), 1.0, split)
    return np.asarray(np.cumprod(ratios, axis=0), dtype=np.float64)
