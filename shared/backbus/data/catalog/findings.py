"""What looks wrong, or at least worth knowing, in a market: each finding with its asset, its date and its numbers.

Nothing is changed here. A panel that is larger than memory is looked at one asset and a stretch of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from backbus.data.panels.actions import ACTIONS
from backbus.data.panels.adjust import SUSPICIOUS, whole_actions
from backbus.data.panels.markets import assets_by_calendar
from backbus.data.panels.repair import NORMAL_QUARTILE
from backbus.data.readers.headers import ADJ_CLOSE
from backbus.market.calendars import sessions_between
from backbus.market.columns import OWN_SESSION
from backbus.market.panel import Floats, Ints, Panel, session_date

LISTED = 20
"""Findings of one kind and asset that are listed; the rest is counted."""
STRETCH_ROWS = 1 << 15
"""So many are looked at at a time: what is made of them stays in a processor's cache, which halves the time."""
OUTLIER = 15.0
"""Robust deviations of a return (Iglewicz and Hoaglin 1993 take 3.5 for normal data; returns have longer tails)."""
SAME_BARS = 10
"""So many bars in a row with the same four prices are one finding."""
_SAMPLE = 1 << 18
_LARGEST_SPLIT, _LEAST_SPLIT = 100, 0.2
_SHARES, _NEAR = 4, 0.02
"""A split gives new shares for so many old ones at most, and adjusted closes are rounded."""


def findings_of(panel: Panel, calendar: str | None) -> list[dict[str, Any]]:
    """All findings, as ``{"kind", "symbol", "count", "at": [{"date", …}, …]}``, by kind and asset; those of sessions by
    calendar, where assets have several."""
    found = []
    for asset, symbol in enumerate(panel.symbols):
        for kind, count, at in _of_asset(panel, asset):
            found.append({"kind": kind, "symbol": symbol, "count": count, "at": at})
    if panel.layout.calendars:
        for own, assets in assets_by_calendar(panel.layout.calendars):
            if own:
                found += _of_calendar(panel, own, assets)
    elif calendar is not None:
        found += _of_calendar(panel, calendar)
    return sorted(found, key=lambda one: (one["kind"], one["symbol"] or ""))


class _Listed:
    """The first findings of a kind, and how many there are."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.count = 0
        self.at: list[dict[str, Any]] = []

    def add(self, rows: Ints, **columns: Any) -> None:
        self.count += len(rows)
        for place in range(min(len(rows), LISTED - len(self.at))):
            told = {name: values[place] for name, values in columns.items()}
            self.at.append({"date": _when(self._panel, int(rows[place])), **told})


def _when(panel: Panel, row: int) -> str:
    if panel.layout.daily:
        return session_date(int(panel.block.session[row]))
    return f"{np.datetime64(int(panel.block.end[row]), 'ns').astype('M8[s]')}Z"


def _of_asset(panel: Panel, asset: int) -> Iterator[tuple[str, int, list[dict[str, Any]]]]:
    kinds = ("split", "payment", "outlier", "zero volume", "same bar", "hole")
    listed = {kind: _Listed(panel) for kind in kinds}
    scale = _typical_return(panel, asset)
    before: dict[str, float] = {}
    first = last = -1
    same = _Runs()
    holes = 0
    for start in range(0, len(panel), STRETCH_ROWS):
        block = panel.block.rows(start, min(start + STRETCH_ROWS, len(panel)))
        close = block.close[:, asset]
        there = np.flatnonzero(~np.isnan(close))
        if not len(there):
            continue
        rows = there + start
        here: Any = there if len(there) < len(close) else slice(None)  # which is not copied
        if first < 0:
            first = int(rows[0])
        last = int(rows[-1])
        holes += len(there)
        traded = {"close": close[here]}
        if ADJ_CLOSE in block.extra:
            traded[ADJ_CLOSE] = block.extra[ADJ_CLOSE][here, asset]
        returns = {name: _returns(values, before.get(name)) for name, values in traded.items()}
        closes = np.concatenate(([before.get("close", np.nan)], traded["close"][:-1]))
        if ADJ_CLOSE in returns:
            _splits(listed["split"], listed["payment"], rows, closes, returns)
        else:
            told = [block.extra[name][here, asset] if name in block.extra else None for name in ACTIONS]
            returns[ADJ_CLOSE] = _actions(listed["split"], listed["payment"], rows, closes, returns["close"], *told)
        _outliers(listed["outlier"], rows, returns[ADJ_CLOSE], scale)
        volume = block.volume[here, asset]
        nothing = np.flatnonzero(volume == 0.0)
        listed["zero volume"].add(rows[nothing])
        prices = np.stack([getattr(block, name)[here, asset] for name in ("open", "high", "low", "close")])
        same.add(rows, prices, listed["same bar"])
        before = {name: float(values[-1]) for name, values in traded.items()}
    same.end(listed["same bar"])
    if first >= 0 and last - first + 1 > holes:
        _holes(panel, asset, first, last, listed["hole"])
    every = listed["zero volume"].count == holes
    for kind, one in listed.items():
        if one.count and not (kind == "zero volume" and every):  # a source without volumes has none to find
            yield kind, one.count, one.at


def _returns(values: Floats, before: float | None) -> Floats:
    """Of each bar from the one before, NaN for the very first."""
    ahead = np.concatenate(([np.nan if before is None else before], values))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = ahead[1:] / ahead[:-1] - 1.0
    return found


def _typical_return(panel: Panel, asset: int) -> float:
    """A robust deviation of returns: from evenly spread pairs of bars, where there are very many."""
    rows = len(panel)
    values = panel.block.extra.get(ADJ_CLOSE, panel.block.close)
    step = max(1, rows // _SAMPLE)
    at = np.arange(1, rows, step)
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = values[at, asset] / values[at - 1, asset] - 1.0
    returns = returns[np.isfinite(returns) & (returns != 0.0)]
    if not len(returns):
        return np.inf
    return float(np.median(np.abs(returns - np.median(returns)))) / NORMAL_QUARTILE


def _splits(splits: _Listed, payments: _Listed, rows: Ints, closes: Floats, returns: dict[str, Floats]) -> None:
    """Where the close jumps and the adjusted close does not: by a ratio of shares that is a small fraction, or because
    much was paid out for each. ``closes`` are of the bars before."""
    raw, true = returns["close"], returns[ADJ_CLOSE]
    with np.errstate(invalid="ignore", divide="ignore"):
        for place in np.flatnonzero(np.abs(raw - true) > SUSPICIOUS).tolist():
            shares = float((1.0 + true[place]) / (1.0 + raw[place]))
            ratio, at = _ratio(shares), rows[place : place + 1]
            if ratio is not None:
                splits.add(at, ratio=[ratio], raw_return=[float(raw[place])])
            else:
                paid = float(closes[place] * (1.0 - 1.0 / shares))
                payments.add(at, paid=[paid], raw_return=[float(raw[place])])


def _actions(
    splits: _Listed,
    payments: _Listed,
    rows: Ints,
    closes: Floats,
    raw: Floats,
    split: Floats | None,
    dividend: Floats | None,
) -> Floats:
    """The splits that the data itself has, and what it says was paid where that is much; returns what was earned."""
    if split is None and dividend is None:
        return (1.0 + raw) - 1.0  # as the last line has it of no action
    missing = np.full(len(rows), np.nan)
    ratios, paid = whole_actions(missing if split is None else split, missing if dividend is None else dividend)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = paid * ratios / closes
    at = np.flatnonzero(ratios != 1.0)
    told = [_ratio(ratio) or f"{ratio:g}:1" for ratio in ratios[at].tolist()]
    splits.add(rows[at], ratio=told, raw_return=raw[at].tolist())
    at = np.flatnonzero(part > SUSPICIOUS)
    payments.add(rows[at], paid=paid[at].tolist(), raw_return=raw[at].tolist())
    earned: Floats = (1.0 + raw) * ratios + np.nan_to_num(part) - 1.0
    return earned


def _ratio(shares: float) -> str | None:
    """New shares for old ones, such as 2:1; None where what was paid out explains it better."""
    if not np.isfinite(shares) or not 1 / _LARGEST_SPLIT <= shares <= _LARGEST_SPLIT:
        return None
    near = Fraction(shares).limit_denominator(_LARGEST_SPLIT if shares < 1.0 else _SHARES)
    close = near.numerator > 0 and abs(float(near) / shares - 1.0) < _NEAR
    return f"{near.numerator}:{near.denominator}" if close and abs(float(near) - 1.0) >= _LEAST_SPLIT else None


def _outliers(listed: _Listed, rows: Ints, returns: Floats, scale: float) -> None:
    if not 0.0 < scale < np.inf:
        return
    score = np.abs(returns) / scale
    with np.errstate(invalid="ignore"):
        at = np.flatnonzero(score > OUTLIER)
    listed.add(rows[at], z=score[at].tolist(), **{"return": returns[at].tolist()})


class _Runs:
    """Bars that repeat the one before."""

    def __init__(self) -> None:
        self._last: Floats | None = None
        self._first, self._length = -1, 0

    def add(self, rows: Ints, prices: Floats, listed: _Listed) -> None:
        ahead = prices if self._last is None else np.concatenate((self._last[:, None], prices), axis=1)
        again = (ahead[:, 1:] == ahead[:, :-1]).all(axis=0)
        if self._last is None:
            again = np.concatenate(([False], again))
        changes = np.flatnonzero(~again)
        if not len(changes):
            self._length += len(rows)
        else:
            self._length += int(changes[0])
            self.end(listed)
            lengths = np.diff(np.concatenate((changes, [len(rows)])))
            long = lengths[:-1] >= SAME_BARS
            listed.add(rows[changes[:-1][long]], bars=lengths[:-1][long].tolist())
            self._first, self._length = int(rows[changes[-1]]), int(lengths[-1])
        self._last = prices[:, -1]

    def end(self, listed: _Listed) -> None:
        if self._length >= SAME_BARS:
            listed.add(np.array([self._first]), bars=[self._length])
        self._length = 0


def _holes(panel: Panel, asset: int, first: int, last: int, listed: _Listed) -> None:
    for start in range(first, last + 1, STRETCH_ROWS):
        here = slice(start, min(start + STRETCH_ROWS, last + 1))
        part = np.isnan(panel.block.close[here, asset])
        if OWN_SESSION in panel.block.extra:  # a row of another market is none
            part &= ~np.isnan(panel.block.extra[OWN_SESSION][here, asset])
        listed.add(np.flatnonzero(part) + start)


def _of_calendar(panel: Panel, calendar: str, assets: list[int] | None = None) -> list[dict[str, Any]]:
    """Sessions of the calendar without a row, and rows outside of its sessions; of the rows in which any of ``assets``
    has a bar."""
    block, of = panel.block, None if assets is None else calendar
    mine = np.ones(len(panel), dtype=np.bool_)
    if assets is not None:
        mine &= ~np.isnan(block.close[:, assets]).all(axis=1)
    days = np.unique(block.session[mine])
    if not len(days):
        return []
    sessions, opens, closes = sessions_between(calendar, int(days[0]), int(days[-1]), field="data.calendar")
    wanted = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
    missing = np.setdiff1d(wanted, days)
    found = []
    if len(missing):
        at = [{"date": session_date(int(day))} for day in missing[:LISTED]]
        found.append({"kind": "missing session", "symbol": of, "count": len(missing), "at": at})
    outside = _Listed(panel)
    for start in range(0, len(panel), STRETCH_ROWS):
        end = block.end[start : start + STRETCH_ROWS]
        place = np.searchsorted(closes, end)
        inside = (place < len(closes)) & (end > opens[np.minimum(place, len(opens) - 1)])
        outside.add(np.flatnonzero(~inside & mine[start : start + STRETCH_ROWS]) + start)
    if outside.count:
        found.append({"kind": "outside hours", "symbol": of, "count": outside.count, "at": outside.at})
    return found
