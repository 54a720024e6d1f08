"""Eight points at a time: each traded from signal to signal, then marked and counted side by side.

The steps are those of a single run, and each point's numbers are added in its own order: a point's line is what its own
run reports, to the last bit. What does not fit here is run by ``points``.
"""

from __future__ import annotations

from typing import NamedTuple

from backbus.engine.one_asset import Tally, trade_one
from backbus.engine.points import Blank, reset
from backbus.jit.decorators import loop
from backbus.jit.lanes import LANES
from backbus.market.panel import Floats, Ints
from backbus.performance.fingerprint import Words
from backbus.performance.lanes import CASH, HELD, UNIT, Segments, mark_lanes, see_lanes, sum_lanes
from backbus.performance.moments import regress
from backbus.strategy.saying.edges import WRITTEN, Bytes, write_unwritten
from backbus.trading.groups import Account, BarArrays, MarketArrays
from backbus.trading.records import Records
from backbus.trading.warmup import take_in


class LaneBuffers(NamedTuple):
    """What is written anew for each eight points; all but ``head``, which is zeros before and after."""

    cash: Floats
    """[1, 8]"""
    money: Floats
    """[8, changes, 2]"""
    head: Ints
    """[rows]"""
    link: Ints
    """[8, changes]"""
    following: Ints
    """[8]"""
    account: Floats
    """[3, 8]"""
    sums: Floats
    """[2, 8]"""
    falls: Floats
    """[3, 8]"""
    digests: Words
    """[2, 8]"""
    tile: Floats
    """[TILE, 8]"""
    words: Words
    """The same."""
    last: Floats
    """[sessions, 8]"""
    last_words: Words
    """The same."""
    returns: Floats
    """[sessions], of one point"""
    moments: Floats
    """[8, 8]"""


@loop
def run_groups(  # noqa: PLR0913  (a loop's door)
    rules: Records, instruments: Records, signals: Records, bounds: Ints, hows: Ints, sides: Floats, places: Ints,
    room: Records, room_read: Records, latch: Floats, flags: Bytes, flag_words: Words, rates: Floats, warmup:
    Floats, open_: Floats, close: Floats, closes_alone: Floats, next_bar: Ints, first_row: int, least_price: float,
    numbers: Ints, factor: Floats, blank_totals: Records, blank_positions: Records, blank_state: Records,
    blank_trades: Records, totals: Records, positions: Records, closes: Floats, state: Records, slots: Records,
    count: Ints, fill: Records, trades: Records, closed: Records, cursor: Ints, cash: Floats, money: Floats, head:
    Ints, link: Ints, following: Ints, account_lanes: Floats, sums_lanes: Floats, falls: Floats, digests: Words,
    tile: Floats, words: Words, last: Floats, last_words: Words, of_one: Floats, moments_lanes: Floats, fine: Ints,
    curves: Records, equity_lanes: Words, fills_lanes: Words, all_totals: Records, open_trades: Ints, moments:
    Records, regressions: Records, ends: Records, returns: Floats, seen_benchmark: Floats, seen_rate: float,
    seen_bounds: Ints, seen_blocks: Floats, seen_squares: Floats, seen_sums: Floats,
) -> None:  # fmt: skip
    """Run the points, whose number is a multiple of eight, and leave their sums in their lines of the nine arrays from
    ``curves`` on, and of those of ``SeenSums``; ``returns`` is [eights, sessions, 8]. ``fine`` [points] tells whose
    sums they are: the others are to be run by themselves.

    ``signals`` of point p are those from ``bounds[p]`` to ``bounds[p + 1]``, or are yet to be written as ``hows[p]``
    says, by what lies at ``places[p]``; ``closes_alone`` is [rows], without holes, ``rates`` are those of all points.
    Returns that have room for one group are in the end those of the last one; ``seen_bounds`` is empty where nobody
    observes them."""
    blank = Blank(blank_totals, blank_positions, blank_state, blank_trades)
    segments = Segments(money, head, link, following)
    bars = BarArrays(first_row, open_, close, None, None, None, None, None, None)
    for first in range(0, rules.shape[0], LANES):
        for lane in range(LANES):
            point = first + lane
            own = slice(point, point + 1)
            rule, instrument = rules[own], instruments[own]
            totals[0] = blank_totals[0]
            account, market = Account(totals[0], positions, closes), MarketArrays(instrument, state, None)
            reset(rule[0], first_row, blank, account, market, slots, count, trades, cursor)
            take_in(rule, totals, positions, closes, instrument, state, warmup)
            following[lane] = 0
            cash[0, lane] = rule[0]["cash"]
            account_lanes[CASH, lane], account_lanes[HELD, lane] = rule[0]["cash"] + 0.0, 0.0
            account_lanes[UNIT, lane] = state[0]["unit"]
            tally = Tally(trades, all_totals[own], fills_lanes[point], fill, closed, count)
            own_signals = signals[bounds[point] : bounds[point + 1]]
            if hows[point] != WRITTEN:
                said = write_unwritten(
                    hows[point], places[point], sides[point], close, first_row, room, latch, flags, flag_words
                )  # fmt: skip
                own_signals = room_read[:said]
            curves[point]["held_rows"] += trade_one(
                rule[0], Account(totals, positions, closes), market, bars, next_bar, own_signals, tally, lane,
                least_price, segments,
            )  # fmt: skip
            curves[point]["peak"] = rule[0]["cash"]
            curves[point]["trough"] = rule[0]["cash"]
            open_trades[point] = 1 if trades[0]["position"] != 0.0 else 0
        group = slice(first, first + LANES)
        mark_lanes(
            cash, closes_alone, numbers, money, head, link, following, account_lanes, sums_lanes,
            falls, digests, tile, words, last, last_words, curves[group], equity_lanes[group], fine[group],
        )  # fmt: skip
        eight = first // LANES
        own_returns = returns[min(eight, returns.shape[0] - 1)]
        sum_lanes(cash, last, rates, own_returns, moments_lanes, moments[group], ends[group])
        if seen_bounds.shape[0] > 0:
            see_lanes(
                own_returns, seen_benchmark, seen_rate, seen_bounds, seen_blocks[eight], seen_squares[eight],
                seen_sums[eight],
            )  # fmt: skip
        if factor.shape[0] > 0:
            for lane in range(LANES):
                for session in range(last.shape[0]):
                    of_one[session] = own_returns[session, lane]
                regress(of_one, factor, rates, regressions[first + lane : first + lane + 1])
