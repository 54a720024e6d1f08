"""The account's rows of eight runs side by side: marked from what they hold, and counted as ``sessions`` and
``moments`` count one run.

Each run's numbers are added in its own order, so its sums have the same bits. What is assumed is that every row's
equity is a finite number above zero; ``mark_lanes`` says of each run whether that holds, and where it does not, the run
is to be counted by itself.

Three loops over tiles of rows that the caches hold, because in one loop the compiler puts only a part side by side.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.jit.decorators import part, step
from backbus.jit.lanes import (
    LANES,
    Eight,
    add,
    alike,
    any_of,
    at_least,
    below,
    both,
    either,
    greatest,
    is_lane,
    least,
    less,
    load,
    over,
    pick,
    put,
    size,
    times,
)
from backbus.market.panel import Floats, Ints
from backbus.performance.fingerprint import Words, mix
from backbus.performance.moments import put_moments, rate_at
from backbus.trading.records import Records

TILE = 512
"""Rows of a tile: 32 KiB of equity."""

CASH, HELD, UNIT = range(3)
"""Rows of what accounts stand at, [3, 8]."""
GROSS, LEAST = range(2)
"""Rows of running sums of a mark, [2, 8]: gross exposure as a share of equity; the least equity."""
PEAK, TROUGH, PEAK_SESSION = range(3)
"""Rows of running drawdowns, [3, 8]."""


class Segments(NamedTuple):
    """What eight accounts hold, as it changes: [8, changes] for each, and which of them change in a row."""

    money: Floats
    """[8, changes, 2] cash and quantity from a change on."""
    head: Ints
    """[rows] 1 + the first run that changes in a row, 0 where none does; zeros again once they are marked."""
    link: Ints
    """[8, changes] 1 + the next run that changes in the same row, 0 where there is none."""
    next: Ints
    """[8] the change that comes next."""


@part
def mark_tile(  # noqa: PLR0913  (a loop's door)
    first: int, stop: int, close: Floats, money: Floats, head: Ints, link: Ints, following: Ints, account: Floats,
    sums: Floats, equity: Floats,
) -> None:  # fmt: skip
    """Mark rows ``first`` to ``stop`` into ``equity`` [rows, 8], and take them into ``sums``."""
    gross, lowest = load(sums, GROSS), load(sums, LEAST)
    cash, held, unit = load(account, CASH), load(account, HELD), load(account, UNIT)
    for row in range(first, stop):
        if head[row] != 0:
            # The runs that change in this row stand at what they then hold.
            lane = np.int64(head[row]) - 1
            head[row] = 0
            while lane >= 0:
                number = following[lane]
                following[lane] = number + 1
                changes = is_lane(lane)
                cash = pick(changes, alike(money[lane, number, 0]), cash)
                held = pick(changes, alike(money[lane, number, 1]), held)
                lane = np.int64(link[lane, number]) - 1
        worth = times(times(held, alike(close[row])), unit)
        now = add(cash, worth)
        put(equity, row - first, now)
        gross = add(gross, over(size(worth), now))
        lowest = least(now, lowest)
    put(account, CASH, cash)
    put(account, HELD, held)
    put(sums, GROSS, gross)
    put(sums, LEAST, lowest)


@step
def _mixed(lanes: Eight, words: Eight) -> Eight:
    return (
        mix(lanes[0], words[0]), mix(lanes[1], words[1]), mix(lanes[2], words[2]), mix(lanes[3], words[3]),
        mix(lanes[4], words[4]), mix(lanes[5], words[5]), mix(lanes[6], words[6]), mix(lanes[7], words[7]),
    )  # fmt: skip


@part
def digest_tile(rows: int, words: Words, lanes: Words) -> None:
    """Take rows of equity as words, [rows, 8], into the lanes of their digests, [2, 8]."""
    first, second = load(lanes, 0), load(lanes, 1)
    for row in range(0, rows - 1, 2):
        first, second = _mixed(first, load(words, row)), _mixed(second, load(words, row + 1))
    if rows % 2 == 1:
        first, second = second, _mixed(first, load(words, rows - 1))
    put(lanes, 0, first)
    put(lanes, 1, second)


@step
def _recover(account: Any, peak: float, trough: float, lasted: float) -> None:
    """A fall is over, of so many sessions: what ``mark_rows`` does then."""
    sessions = np.int64(lasted)
    account["longest_sessions"] = max(account["longest_sessions"], sessions)
    if trough / peak - 1.0 < account["worst"]:
        account["worst"] = trough / peak - 1.0
        account["worst_is_open"] = 1
    if account["worst_is_open"] != 0:
        account["worst_sessions"] = sessions
        account["worst_is_open"] = 0


@part
def fall_tile(first: int, stop: int, numbers: Ints, equity: Floats, falls: Floats, accounts: Records) -> None:
    """Follow drawdowns through rows ``first`` to ``stop``: ``falls`` [3, 8], and what has ended into ``accounts``."""
    peak, trough, begun = load(falls, PEAK), load(falls, TROUGH), load(falls, PEAK_SESSION)
    for row in range(first, stop):
        count = np.float64(numbers[row] + 1)
        now = load(equity, row - first)
        risen = at_least(now, peak)
        if any_of(both(risen, below(trough, peak))):
            put(falls, PEAK, peak)
            put(falls, TROUGH, trough)
            put(falls, PEAK_SESSION, begun)
            for lane in range(LANES):
                if equity[row - first, lane] >= falls[PEAK, lane] and falls[TROUGH, lane] < falls[PEAK, lane]:
                    _recover(accounts[lane], falls[PEAK, lane], falls[TROUGH, lane], count - falls[PEAK_SESSION, lane])
        begun = pick(risen, alike(count), begun)
        trough = pick(either(risen, below(now, trough)), now, trough)
        peak = pick(risen, now, peak)
    put(falls, PEAK, peak)
    put(falls, TROUGH, trough)
    put(falls, PEAK_SESSION, begun)


@step
def _end_sessions(first: int, stop: int, numbers: Ints, equity: Floats, last: Floats) -> None:
    for row in range(first, stop):
        if row + 1 == len(numbers) or numbers[row + 1] != numbers[row]:
            put(last, numbers[row], load(equity, row - first))


@part
def mark_lanes(  # noqa: PLR0913  (a loop's door)
    cash: Floats, close: Floats, numbers: Ints, money: Floats, head: Ints, link: Ints, following: Ints, account: Floats,
    sums: Floats, falls: Floats, digests: Words, tile: Floats, words: Words, last: Floats, last_words: Words,
    accounts: Records, lanes: Words, fine: Ints,
) -> None:  # fmt: skip
    """Mark and count all rows of eight runs, [1, 8] ``cash`` at first, whose rows lie in the sessions ``numbers``.

    ``last`` [sessions, 8] gets the equity at each session's end; where each row is a session it is the rows' equity,
    and ``tile`` is not used. ``accounts`` [8] are ``ACCOUNT`` records, ``lanes`` [8, 1, 2] their digests, ``fine`` [8]
    whether each run's equity is a finite number above zero throughout; the rest is scratch.
    """
    rows = len(close)
    whole = len(last) == rows
    for lane in range(LANES):
        sums[GROSS, lane], sums[LEAST, lane] = 0.0, np.inf
        falls[PEAK, lane], falls[TROUGH, lane], falls[PEAK_SESSION, lane] = cash[0, lane], cash[0, lane], 0.0
        digests[0, lane], digests[1, lane] = lanes[lane, 0, 0], lanes[lane, 0, 1]
    for first in range(0, rows, TILE):
        stop = min(rows, first + TILE)
        if whole:
            mark_tile(first, stop, close, money, head, link, following, account, sums, last[first:stop])
            digest_tile(stop - first, last_words[first:stop], digests)
            fall_tile(first, stop, numbers, last[first:stop], falls, accounts)
        else:
            mark_tile(first, stop, close, money, head, link, following, account, sums, tile)
            digest_tile(stop - first, words, digests)
            fall_tile(first, stop, numbers, tile, falls, accounts)
            _end_sessions(first, stop, numbers, tile, last)
    for lane in range(LANES):
        state, peak, trough = accounts[lane], falls[PEAK, lane], falls[TROUGH, lane]
        state["peak"], state["trough"], state["peak_session"] = peak, trough, np.int64(falls[PEAK_SESSION, lane])
        if trough < peak and trough / peak - 1.0 < state["worst"]:
            state["worst"] = trough / peak - 1.0
            state["worst_is_open"] = 1
        state["gross_sum"] = sums[GROSS, lane]
        state["rows"] += rows
        lanes[lane, 0, 0], lanes[lane, 0, 1] = digests[0, lane], digests[1, lane]
        fine[lane] = 1 if sums[LEAST, lane] > 0.0 and peak < np.inf and sums[GROSS, lane] < np.inf else 0


_TOTAL, _RAW, _DOWNSIDE, _EQUITY_SUM, _LOWEST, _HIGHEST, _EXCESS_SQUARES, _SQUARES = range(8)
"""Rows of what is summed of returns, [8, 8]."""


@part
def sum_lanes(
    cash: Floats, equity: Floats, rates: Floats, returns: Floats, sums: Floats, moments: Records, ends: Records
) -> None:
    """Fill a record of each kind for eight runs from their equity by sessions, [sessions, 8] and above zero, and
    ``returns`` [sessions, 8] with their returns: what ``moments.sum_up`` does for one. ``cash`` is [1, 8], ``sums`` is
    scratch."""
    count = len(equity)
    zero, one = alike(0.0), alike(1.0)
    total, raw, downside, equity_sum = zero, zero, zero, zero
    lowest, highest = alike(np.inf), alike(-np.inf)
    before = load(cash, 0)
    for session in range(count):
        now = load(equity, session)
        change = less(over(now, before), one)
        put(returns, session, change)
        equity_sum = add(equity_sum, now)
        excess = less(change, alike(rate_at(rates, session)))
        total, raw = add(total, excess), add(raw, change)
        under = pick(below(excess, zero), excess, zero)
        downside = add(downside, times(under, under))
        lowest, highest = least(change, lowest), greatest(change, highest)
        before = now
    put(sums, _TOTAL, total)
    put(sums, _RAW, raw)
    put(sums, _DOWNSIDE, downside)
    put(sums, _EQUITY_SUM, equity_sum)
    put(sums, _LOWEST, lowest)
    put(sums, _HIGHEST, highest)
    mean, raw_mean = over(total, alike(count * 1.0)), over(raw, alike(count * 1.0))
    squares, excess_squares = zero, zero
    for session in range(count):
        deviation = less(less(load(returns, session), alike(rate_at(rates, session))), mean)
        excess_squares = add(excess_squares, times(deviation, deviation))
    if len(rates) > 1:
        for session in range(count):
            deviation = less(load(returns, session), raw_mean)
            squares = add(squares, times(deviation, deviation))
    else:
        squares = excess_squares
    put(sums, _EXCESS_SQUARES, excess_squares)
    put(sums, _SQUARES, squares)
    for lane in range(LANES):
        end = ends[lane]
        end["sessions"], end["returned"], end["final"] = count, 1, equity[count - 1, lane]
        end["equity_sum"] = sums[_EQUITY_SUM, lane]
        put_moments(
            moments[lane], count, sums[_TOTAL, lane] / count, sums[_SQUARES, lane], sums[_EXCESS_SQUARES, lane],
            sums[_DOWNSIDE, lane], sums[_LOWEST, lane], sums[_HIGHEST, lane], len(rates) == 1,
        )  # fmt: skip


class Sight(NamedTuple):
    """What observes returns: what is taken from each of them, and the blocks that they are summed by."""

    benchmark: Floats
    """[sessions]"""
    rate: float
    bounds: Ints
    """[blocks + 1] the session that each block begins with, and the end."""


class SeenSums(NamedTuple):
    """What was summed of the returns of runs in groups of eight, the last of which may be fewer."""

    blocks: Floats
    """[eights, blocks, 8] sums of returns less the rate."""
    squares: Floats
    """The same of their squares."""
    sums: Floats
    """[eights, 7, 8]"""


def blank_sums(eights: int, blocks: int) -> SeenSums:
    """Room for the sums of so many groups."""
    shape = (eights, blocks, LANES)
    return SeenSums(np.zeros(shape), np.zeros(shape), np.zeros((eights, SEEN, LANES)))


TOTAL, ACTIVE, SECOND, THIRD, FOURTH, LOWEST, HIGHEST = range(7)
"""Rows of what is summed of returns for who observes them, [7, 8]."""
SEEN = 7


@part
def see_lanes(
    values: Floats, benchmark: Floats, rate: float, bounds: Ints, blocks: Floats, squares: Floats, sums: Floats
) -> None:
    """The sums of eight points' returns, [sessions, 8]: of each block, and of powers of their deviations."""
    zero, less_rate = alike(0.0), alike(rate)
    total, active = zero, zero
    for block in range(len(bounds) - 1):
        block_sum, block_squares = zero, zero
        for session in range(bounds[block], bounds[block + 1]):
            change = load(values, session)
            value = less(change, less_rate)
            block_sum, block_squares = add(block_sum, value), add(block_squares, times(value, value))
            active = add(active, less(change, alike(benchmark[session])))
        put(blocks, block, block_sum)
        put(squares, block, block_squares)
        total = add(total, block_sum)
    mean = over(total, alike(len(values) * 1.0))
    second, third, fourth = zero, zero, zero
    lowest, highest = alike(np.inf), alike(-np.inf)
    for session in range(len(values)):
        change = load(values, session)
        deviation = less(less(change, less_rate), mean)
        square = times(deviation, deviation)
        second, third = add(second, square), add(third, times(square, deviation))
        fourth = add(fourth, times(square, square))
        lowest, highest = least(change, lowest), greatest(change, highest)
    put(sums, TOTAL, total)
    put(sums, ACTIVE, active)
    put(sums, SECOND, second)
    put(sums, THIRD, third)
    put(sums, FOURTH, fourth)
    put(sums, LOWEST, lowest)
    put(sums, HIGHEST, highest)
