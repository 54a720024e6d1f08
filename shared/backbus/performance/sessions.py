"""Rows of the account become sessions: the last equity of each, drawdown, exposure, and the digest, in one pass.

What flows in are rows (session, equity, gross) in order, in any cut; what stays is one number per session and a fixed
record of sums. Every sum is sequential, so the cut changes no bit of it.
"""

from __future__ import annotations

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.performance.fingerprint import Words, canonical, lanes_digest, mix, new_lanes
from backbus.trading.records import Records

ACCOUNT = np.dtype(
    [
        ("rows", "<i8"),
        ("held_rows", "<i8"),
        ("sessions", "<i8"),
        ("session", "<i8"),
        ("peak_session", "<i8"),
        ("worst_is_open", "<i8"),
        ("worst_sessions", "<i8"),
        ("longest_sessions", "<i8"),
        ("peak", "<f8"),
        ("trough", "<f8"),
        ("worst", "<f8"),
        ("gross_sum", "<f8"),
    ]
)
"""``peak`` is the highest equity so far (the initial cash at first), ``trough`` the lowest since, ``worst`` the deepest
fall as a fraction ≤ 0. ``peak_session`` counts sessions: 0 is before the first. ``gross_sum`` sums gross / equity."""

BENCHMARK = np.dtype([("sessions", "<i8"), ("session", "<i8"), ("price", "<f8")])

_FIRST_CAPACITY = 1024


@loop
def number_sessions(session: Ints, begin: int, account: Records, ids: Ints, numbers: Ints) -> int:
    """Count sessions from row ``begin`` on: their dates into ``ids``, and into ``numbers`` [rows] which one each row
    lies in, from 0. Returns the row it stopped at, which is short of the end where ``ids`` is full."""
    state = account[0]
    count, current = state["sessions"], state["session"]
    stop = len(session)
    for row in range(begin, len(session)):
        if session[row] != current or count == 0:
            if count == len(ids):
                stop = row
                break
            current = session[row]
            ids[count] = current
            count += 1
        numbers[row] = count - 1
    state["sessions"], state["session"] = count, current
    return stop


@loop
def mark_rows(
    numbers: Ints, equity: Floats, words: Words, gross: Floats, shares: Floats, account: Records, lanes: Words
) -> None:
    """Take rows, whose sessions are counted.

    ``words`` are the bit patterns of ``equity``, for its digest; ``shares`` [rows] is scratch: divisions that stand
    alone are made four at a time. The digest's lanes and the sums depend each on their own last
    value alone: in one loop the processor works on all of them at once. What changes too often to be foreseen,
    such as whether anything is held, decides no jump.
    """
    state = account[0]
    held, peak_session, worst_is_open = state["held_rows"], state["peak_session"], state["worst_is_open"]
    worst_sessions, longest = state["worst_sessions"], state["longest_sessions"]
    peak, trough, worst, gross_sum = state["peak"], state["trough"], state["worst"], state["gross_sum"]
    first, second = lanes[0, 0], lanes[0, 1]
    for row in range(len(equity)):
        value = equity[row]
        shares[row] = gross[row] / (value if value > 0.0 else np.inf)
    for row in range(len(equity)):
        held += 1 if gross[row] > 0.0 else 0
    for row in range(len(equity)):
        value = equity[row]
        first, second = second, mix(first, canonical(words[row]))
        gross_sum += shares[row]
        if value >= peak:
            count = numbers[row] + 1
            if trough < peak:
                # The deepest of a fall is its lowest: one division for all its rows.
                longest = max(longest, count - peak_session)
                if trough / peak - 1.0 < worst:
                    worst = trough / peak - 1.0
                    worst_is_open = 1
                if worst_is_open:
                    worst_sessions = count - peak_session
                    worst_is_open = 0
            peak = value
            trough = value
            peak_session = count
        trough = min(trough, value)
    if trough < peak and trough / peak - 1.0 < worst:
        worst = trough / peak - 1.0
        worst_is_open = 1
    lanes[0, 0], lanes[0, 1] = first, second
    state["rows"] += len(equity)
    state["held_rows"], state["peak_session"], state["worst_is_open"] = held, peak_session, worst_is_open
    state["worst_sessions"], state["longest_sessions"] = worst_sessions, longest
    state["peak"], state["trough"], state["worst"], state["gross_sum"] = peak, trough, worst, gross_sum


@loop
def end_sessions(numbers: Ints, equity: Floats, last: Floats) -> None:
    """The last equity of each session so far into ``last``."""
    for row in range(len(numbers)):
        if row + 1 == len(numbers) or numbers[row] != numbers[row + 1]:
            last[numbers[row]] = equity[row]


@loop
def mark_benchmark(session: Ints, close: Floats, asset: int, benchmark: Records, last: Floats) -> int:
    """The benchmark's last close of each session into ``last``: the price before a hole, NaN before its first bar."""
    state = benchmark[0]
    count, current, price = state["sessions"], state["session"], state["price"]
    for row in range(len(session)):
        if session[row] != current or count == 0:
            if count == len(last):
                return row
            current = session[row]
            count += 1
        if not np.isnan(close[row, asset]):
            price = close[row, asset]
        last[count - 1] = price
    state["sessions"], state["session"], state["price"] = count, current, price
    return len(session)


@loop
def mark_closes(close: Floats, last: Floats) -> None:
    """The last close of each asset into ``last`` [assets]; an asset that did not trade keeps what it had."""
    for asset in range(close.shape[1]):
        for row in range(close.shape[0] - 1, -1, -1):
            if not np.isnan(close[row, asset]):
                last[asset] = close[row, asset]
                break


class SessionCurve:
    """The account by sessions. Memory grows with sessions, not with rows."""

    __slots__ = ("_account", "_ids", "_lanes", "_last")

    def __init__(self, cash: float) -> None:
        self._account = np.zeros(1, dtype=ACCOUNT)
        self._account["peak"] = self._account["trough"] = cash
        self._lanes = new_lanes()
        self._ids = np.empty(_FIRST_CAPACITY, dtype=np.int64)
        self._last = np.empty(_FIRST_CAPACITY, dtype=np.float64)

    def add(self, session: Ints, equity: Floats, gross: Floats) -> None:
        """Take the next rows: [rows] session in days since 1970, equity and gross in cash units."""
        session, equity, gross = read_only(session), read_only(equity), read_only(gross)
        if not len(session) == len(equity) == len(gross):
            raise ValueError(f"{len(session)} sessions, {len(equity)} equities and {len(gross)} gross values")
        numbers = np.empty(len(session), dtype=np.int64)
        row = number_sessions(session, 0, self._account, self._ids, numbers)
        while row < len(session):
            self._ids = np.concatenate((self._ids, np.empty_like(self._ids)))
            self._last = np.concatenate((self._last, np.empty_like(self._last)))
            row = number_sessions(session, row, self._account, self._ids, numbers)
        numbers, words = read_only(numbers), read_only(equity.view(np.uint64))
        with np.errstate(over="ignore"):
            mark_rows(numbers, equity, words, gross, np.empty(len(equity)), self._account, self._lanes)
        end_sessions(numbers, equity, self._last)

    def digest(self) -> bytes:
        """16 bytes, of the equity of all rows so far."""
        return lanes_digest(self._lanes)

    @property
    def sessions(self) -> int:
        """Sessions so far, the current one included."""
        return int(self._account["sessions"][0])

    @property
    def rows(self) -> int:
        """Traded rows so far."""
        return int(self._account["rows"][0])

    @property
    def account(self) -> Records:
        """One ``ACCOUNT`` record of all rows so far."""
        return self._account

    @property
    def dates(self) -> Ints:
        """[sessions] days since 1970."""
        return self._ids[: self.sessions]

    @property
    def equity(self) -> Floats:
        """[sessions] equity at the last row of each session, in cash units."""
        return self._last[: self.sessions]


def drawdown_sessions(accounts: Records) -> tuple[Ints, Ints]:
    """Sessions of the deepest drawdown and of the longest, from peak to recovery or to now; [runs] ``ACCOUNT``."""
    current = np.where(accounts["trough"] < accounts["peak"], accounts["sessions"] - accounts["peak_session"], 0)
    longest = np.maximum(accounts["longest_sessions"], current)
    is_current = (accounts["worst_is_open"] != 0) & (current > 0)
    return np.where(is_current, current, accounts["worst_sessions"]), longest


class BenchmarkCurve:
    """The benchmark by the same sessions as the account."""

    __slots__ = ("_asset", "_last", "_state", "base")

    def __init__(self, asset: int) -> None:
        self._asset = asset
        self._state = np.zeros(1, dtype=BENCHMARK)
        self._state["price"] = np.nan
        self._last = np.empty(_FIRST_CAPACITY, dtype=np.float64)
        self.base = float("nan")
        """Its last close before the first traded row; NaN where there is none."""

    def start(self, closes: Floats) -> None:
        """The last close of each asset before the first traded row, [assets]."""
        self.base = float(closes[self._asset])
        self._state["price"] = self.base

    def add(self, session: Ints, close: Floats, sessions: int) -> None:
        """Take the next rows, [rows] and [rows, assets]; ``sessions`` is how many there are then."""
        while len(self._last) < sessions:
            self._last = np.concatenate((self._last, np.empty_like(self._last)))
        mark_benchmark(read_only(session), read_only(close), self._asset, self._state, self._last)

    @property
    def closes(self) -> Floats:
        """[sessions] last close of each session; NaN before its first bar."""
        return self._last[: int(self._state["sessions"][0])]

    def returns(self) -> Floats:
        """[sessions] simple returns; NaN where it did not trade at both ends."""
        closes = self.closes
        before = np.concatenate(([self.base], closes[:-1]))
        return read_only(closes / before - 1.0)

    def total_return(self) -> float:
        """Over the sessions that have a return; NaN where none has."""
        closes = self.closes
        before = np.concatenate(([self.base], closes[:-1]))
        known = np.flatnonzero(~np.isnan(closes / before))
        return float(closes[known[-1]] / before[known[0]] - 1.0) if len(known) else float("nan")
