"""What is wrong with bars, and what the job says to do about it.

Each kind of mistake has its own setting under ``data.repair``. ``refuse`` raises ``DataError`` at the first one with
file, line, column and symbol; anything else repairs them all and says so, bar by bar, in the panel's notes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from backbus.data.panels.actions import (
    ACTIONS,
    ZEROS_ARE_NONE,
    against_dividends,
    denied_actions,
    moved,
    roles_of,
    rows_of_assets,
    zeros_for_none,
)
from backbus.data.panels.rows import Rows
from backbus.data.panels.sessions import span_text
from backbus.data.panels.sound import sound
from backbus.data.readers.headers import ADJ_CLOSE, DIVIDEND, STAMP, extra_role
from backbus.data.readers.numbers import why_unreadable
from backbus.market.columns import DELISTING, PRICES
from backbus.market.panel import Floats, Ints, instant_text
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    from backbus.job.data import Repair

LISTED = 20
"""Findings of one kind that are listed for each source; the rest is counted."""

ROUNDING = 1e-9
"""Relative distance by which an open or close may lie outside high and low and still be a rounding fault.

Float64 keeps some 1e-16 and vendors' printed digits seldom more than 1e-9; a wrong tick is at least 1e-6."""

AROUND = 5
"""So many closes on each side are what an outlier is told by."""
NORMAL_QUARTILE = 0.6744897501960817
"""The third quartile of a standard normal: a median absolute deviation over it estimates a deviation."""

Mask = NDArray[np.bool_]
HOUR_NS = 3_600 * 10**9
_SHORTEST = {30: 28, 91: 89}
"""Days of the shortest month and quarter."""


class Inspection:
    """Bars under inspection; ``rows`` are what is left of them, ``notes`` what was done."""

    def __init__(self, rows: Rows, repair: Repair) -> None:
        self.rows = rows
        self.notes: list[str] = list(rows.notes)
        self._repair = repair

    def stamps(self) -> None:
        """Settle times that a change of the clock skips or repeats, and bars that begin after today."""
        rows = self.rows
        for table, faults in rows.clock.items():
            here = np.zeros(len(rows.tables[table]), dtype=np.bool_)
            here[faults.rows] = True
            mine = np.flatnonzero(rows.table == table)
            at = mine[here[rows.row[mine]]]
            wall = rows.tables[table].stamps.values

            def why(bar: int, wall: Ints = wall, zone: str = faults.timezone) -> str:
                return (
                    f"{instant_text(int(wall[self.rows.row[bar]]))} is not one instant in {zone}: its clock is changed"
                    " there"
                )

            done = {"shift": "it was taken for the nearest one", "drop": "it was left out"}
            if self._settle("clock", at, why, done, lambda bar: STAMP) == "drop":
                keep = np.ones(len(rows), dtype=np.bool_)
                keep[at] = False
                rows = self._leave(keep)
        if rows.odd is not None and rows.odd.any():
            odd = np.flatnonzero(rows.odd)
            done = {"drop": "it was left out", "keep": "it is its day's bar"}
            if self._settle("stamps", odd, self._why_odd, done, lambda bar: STAMP) == "drop":
                rows = self._leave(~rows.odd)
        # Dates and times of the zone furthest ahead are of tomorrow already.
        limit = int(time.time()) // 86_400 + 2
        if self._repair.future != "keep":
            late = rows.stamp >= limit if rows.dates else rows.stamp >= limit * DAY_NS
            self._settle(
                "future",
                np.flatnonzero(late),
                lambda bar: f"{rows.when(bar)} is in the future",
                {"drop": "it was left out"},
                lambda bar: STAMP,
            )
            if late.any():
                self.rows = rows.take(~late)

    def _leave(self, keep: Mask) -> Rows:
        """Leave out bars, but not their actions."""
        rows = self.rows
        changed = moved(rows.numbers, rows.asset.astype(np.int64), rows.stamp, keep)
        if changed:
            rows = replace(rows, numbers={**rows.numbers, **changed})
        self.rows = rows.take(keep)
        return self.rows

    def actions(self) -> None:
        """Settle splits, dividends and delistings that the prices deny."""
        self._zeros_for_none()
        rows = self.rows
        found = denied_actions(rows)
        done = {"drop": "it was left out", "keep": "it was used all the same"}
        at = np.array(sorted(found), dtype=np.int64)
        why, column = (lambda bar: found[bar].why), (lambda bar: found[bar].column)
        if self._settle("actions", at, why, done, column) == "drop" and len(at):
            numbers = {role: rows.numbers[role].copy() for role in roles_of(rows.numbers)}
            for bar, one in found.items():
                numbers[one.column][bar] = 0.0 if one.column in ACTIONS else np.nan
            self.rows = replace(rows, numbers={**rows.numbers, **numbers})

    def _zeros_for_none(self) -> None:
        """A column of delistings that has zeros in bars between others writes them for nothing."""
        rows, role = self.rows, extra_role(DELISTING)
        if role not in rows.numbers:
            return
        delisting, close = rows.numbers[role].copy(), rows.numbers["close"]
        for start, stop in pairwise(rows_of_assets(rows)):
            none = zeros_for_none(delisting[start:stop], close[start:stop])
            if none.any():
                delisting[start:stop][none] = np.nan
                self.notes.append(f"{rows.symbol(start)}: {ZEROS_ARE_NONE}")
        self.rows = replace(rows, numbers={**rows.numbers, role: delisting})

    def adjusted_close(self) -> None:
        """Settle dividends that the adjusted close moves against."""
        if DIVIDEND not in self.rows.numbers:
            return
        found = against_dividends(self.rows)
        done = {"keep": "it was used all the same", "drop": "the dividend was not looked at"}
        at = np.array(sorted(found), dtype=np.int64)
        self._settle("actions", at, lambda bar: found[bar].why, done, lambda bar: found[bar].column)

    def _why_odd(self, bar: int) -> str:
        table, row = self.rows.source(bar)
        stamps = table.stamps
        wall = stamps.values if stamps.wall is None else stamps.wall()
        return (
            f"{instant_text(int(wall[row]))} is no stamp of a whole session, and {self.rows.unlike}: a bar of a day"
            " that is not over, perhaps"
        )

    def intervals(self, interval_ns: int) -> None:
        """Settle bars that come sooner after the one before than bars of this interval do."""
        rows = self.rows
        if self._repair.intervals == "keep":
            return
        # A day with a change of the clock has bars of hours that are one hour short.
        least = interval_ns - (HOUR_NS if HOUR_NS < interval_ns < DAY_NS else 0)
        unit = DAY_NS if rows.dates else 1
        if rows.dates:
            least = min(least, _SHORTEST.get(interval_ns // DAY_NS, interval_ns // DAY_NS) * DAY_NS)
        soon = np.flatnonzero((np.diff(rows.stamp) * unit < least) & (rows.asset[1:] == rows.asset[:-1])) + 1
        extra: set[int] = set()
        for bar in soon.tolist():
            before = bar - 1
            while before in extra:
                before -= 1
            if (rows.stamp[bar] - rows.stamp[before]) * unit < least:
                extra.add(bar)
        at = np.array(sorted(extra), dtype=np.int64)
        self._settle(
            "intervals",
            at,
            lambda bar: (
                f"{rows.when(bar)} comes {span_text((int(rows.stamp[bar] - rows.stamp[bar - 1])) * unit)} after"
                f" the bar before it, and bars are {span_text(interval_ns)}"
            ),
            {"drop": "it was left out"},
        )
        if len(at):
            keep = np.ones(len(rows), dtype=np.bool_)
            keep[at] = False
            self._leave(keep)

    def order(self) -> None:
        """Sort bars by asset and time, and settle unsorted and repeated ones."""
        rows = self.rows
        if len(rows.symbols) > 1 or len(rows.tables) > 1:
            series = rows.asset.astype(np.int64) * len(rows.tables) + rows.table
            if (np.diff(series) < 0).any():
                rows = rows.take(np.argsort(series, kind="stable"))
                series = rows.asset.astype(np.int64) * len(rows.tables) + rows.table
            same = series[1:] == series[:-1]
        else:
            same = np.ones(max(len(rows) - 1, 0), dtype=bool)
        self.rows = rows
        back = np.flatnonzero(same & (rows.stamp[1:] < rows.stamp[:-1])) + 1
        self._settle(
            "unsorted",
            back,
            lambda at: f"{rows.when(at)} comes after {rows.when(at - 1)}; bars must be in order of time",
            {"sort": "it was sorted"},
        )
        if len(back) or len(rows.tables) > 1:
            self.rows = rows = rows.take(np.lexsort((rows.stamp, rows.asset)))
        again = np.flatnonzero((rows.asset[1:] == rows.asset[:-1]) & (rows.stamp[1:] == rows.stamp[:-1])) + 1
        if rows.ticks:  # many trades may be of one instant
            again = again[:0]
        verdict = self._settle(
            "duplicates",
            again,
            lambda at: f"{rows.when(at)} is there a second time (before: {rows.place(at - 1)})",
            {"first": "the first one was kept", "last": "the last one was kept"},
        )
        if len(again):
            keep = np.ones(len(rows), dtype=bool)
            keep[again if verdict == "first" else again - 1] = False
            self._leave(keep)

    def prices(self, *, adjusting: bool) -> None:
        """Settle missing, negative and impossible prices; the four prices and volume of a hole become NaN."""
        if not adjusting and self._looks_for_no_more() and sound(self.rows.numbers):
            return
        numbers = dict(self.rows.numbers)
        needed = (*PRICES, "volume", *((ADJ_CLOSE,) if adjusting else ()))
        holes = self._holes("missing", {role: ~np.isfinite(numbers[role]) for role in needed}, self._why_missing)
        with np.errstate(invalid="ignore"):
            negative = {role: numbers[role] < 0 if role == "volume" else numbers[role] <= 0 for role in needed}
        holes |= self._holes("negative", {role: mask & ~holes for role, mask in negative.items()}, self._why_negative)
        opened, high, low, close = (numbers[role] for role in PRICES)
        top, bottom = np.maximum(opened, close), np.minimum(opened, close)
        with np.errstate(invalid="ignore"):
            faults = ((high < top) | (low > bottom) | (high < low)) & ~holes
        if faults.any():
            at = np.flatnonzero(faults)
            beyond = at[self._impossible(top[at], bottom[at], high[at], low[at])]
            verdict = self._settle(
                "impossible",
                beyond,
                self._why_impossible,
                {"hole": "the bar became a hole", "widen": "high and low were widened"},
            )
            widened = at
            if verdict == "hole":
                holes[beyond] = True
                widened = np.setdiff1d(at, beyond)
            high, low = high.copy(), low.copy()
            high[widened] = np.maximum.reduce([high[widened], low[widened], top[widened]])
            low[widened] = np.minimum.reduce([numbers["high"][widened], low[widened], bottom[widened]])
            numbers |= {"high": high, "low": low}
        holes |= self._suspicious("zero_volume", holes, self._without_volume, lambda bar: "nothing was traded")
        holes |= self._suspicious("outliers", holes, self._outliers, self._why_outlier)
        if holes.any():
            for role in needed:
                numbers[role] = np.where(holes, np.nan, numbers[role])
        self.rows = replace(self.rows, numbers=numbers)

    def _looks_for_no_more(self) -> bool:
        return self._repair.zero_volume == "keep" and self._repair.outliers == "keep"

    def _suspicious(self, kind: str, holes: Mask, find: Callable[[Mask], Mask], why: Callable[[int], str]) -> Mask:
        """The bars that become holes because they look wrong, where the job wants that looked for."""
        if getattr(self._repair, kind) == "keep":
            return np.zeros(len(holes), dtype=np.bool_)
        found = find(holes)
        self._settle(kind, np.flatnonzero(found), why, {"hole": "the bar became a hole"})
        return found

    def _without_volume(self, holes: Mask) -> Mask:
        nothing: Mask = (self.rows.numbers["volume"] == 0.0) & ~holes
        has_some = np.unique(self.rows.asset[~nothing & ~holes])
        return nothing & np.isin(self.rows.asset, has_some)

    def _outliers(self, holes: Mask) -> Mask:
        """Hampel's identifier: a close against the median of those around it, in deviations told by their median."""
        found = np.zeros(len(holes), dtype=np.bool_)
        for asset in np.unique(self.rows.asset):
            at = np.flatnonzero((self.rows.asset == asset) & ~holes)
            if len(at) <= 2 * AROUND:
                continue
            logs = np.log(self.rows.numbers["close"][at])
            padded = np.pad(logs, AROUND, mode="reflect")
            others = np.delete(np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1), AROUND, axis=1)
            middle = np.median(others, axis=1)
            spread = np.median(np.abs(others - middle[:, None]), axis=1) / NORMAL_QUARTILE
            # Around a stretch of equal closes any change would be infinitely far.
            spread = np.maximum(spread, np.median(np.abs(np.diff(logs))))
            found[at] = np.abs(logs - middle) > self._repair.outlier_z * spread
        return found

    def _why_outlier(self, at: int) -> str:
        return f"close {float(self.rows.numbers['close'][at])!r} is far from those around it"

    @staticmethod
    def _impossible(top: Floats, bottom: Floats, high: Floats, low: Floats) -> Mask:
        allowed = ROUNDING * top
        return np.asarray((high < top - allowed) | (low > bottom + allowed) | (high < low - allowed))

    def _holes(self, kind: str, masks: dict[str, Mask], why: Callable[[int, str], str]) -> Mask:
        """The bars in which any mask is set, after settling them; the first column that is wrong is named."""
        wrong = np.zeros(len(self.rows), dtype=bool)
        for mask in masks.values():
            wrong |= mask
        at = np.flatnonzero(wrong)

        def column(bar: int) -> str:
            return next(role for role, mask in masks.items() if mask[bar])

        self._settle(
            kind, at, lambda bar: why(bar, column(bar)), {"hole": "the bar became a hole"}, column if len(at) else None
        )
        return wrong

    def _header(self, at: int, role: str) -> str:
        return self.rows.source(at)[0].headers.get(role, role)

    def _why_missing(self, at: int, role: str) -> str:
        table, row = self.rows.source(at)
        text = table.unreadable.get((role, row))
        value = float(self.rows.numbers[role][at])
        if text is not None:
            why = why_unreadable(text, role)
            return f"{text!r} in {self._header(at, role)!r}{why.removeprefix(repr(text))}"
        if np.isinf(value):
            return f"{value} in {self._header(at, role)!r} is not a price"
        return f"{self._header(at, role)!r} is empty"

    def _why_negative(self, at: int, role: str) -> str:
        value = float(self.rows.numbers[role][at])
        wanted = "at least zero" if role == "volume" else "above zero"
        return f"{self._header(at, role)!r} is {value:g}, and must be {wanted}"

    def _why_impossible(self, at: int) -> str:
        opened, high, low, close = (float(self.rows.numbers[role][at]) for role in PRICES)
        if high < low:
            return f"high {high!r} is below low {low!r}"
        name, value = ("open", opened) if not low <= opened <= high else ("close", close)
        return f"{name} {value!r} lies outside low {low!r} and high {high!r}"

    def _settle(
        self,
        kind: str,
        at: Ints,
        why: Callable[[int], str],
        done: dict[str, str],
        column: Callable[[int], str] | None = None,
    ) -> str:
        """Refuse or note the bars ``at``; returns the job's verdict on this kind."""
        verdict: str = getattr(self._repair, kind)
        if not len(at):
            return verdict
        rows = self.rows
        if verdict == "refuse":
            first = int(at[0])
            more = f" ({len(at) - 1} more like it)" if len(at) > 1 else ""
            choices = " or ".join(f'"{choice}"' for choice in done)
            raise rows.error(
                first,
                f"{why(first)}{more}; correct the data, or set data.repair.{kind} = {choices}",
                column(first) if column else None,
            )
        tables = rows.table[at]
        for table in np.unique(tables):
            here = at[tables == table]
            for bar in here[:LISTED].tolist():
                self.notes.append(
                    f"{rows.place(bar)}: {rows.symbol(bar)} {rows.when(bar)}: {why(bar)}; {done[verdict]}"
                )
            if len(here) > LISTED:
                name = rows.tables[int(table)].name
                self.notes.append(f"{name}: {len(here)} {kind} bars in all; {done[verdict]} in each case")
        return verdict
