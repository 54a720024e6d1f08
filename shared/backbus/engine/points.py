"""Many runs over one panel, point after point in one compiled call: trade, count, leave the sums.

The loops are those of a single run, so a point's row is what its own run reports, to the last bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.engine.loop import run_rows
from backbus.jit.decorators import loop, step
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import PHASES
from backbus.performance.fingerprint import Words, mix_fills
from backbus.performance.moments import sum_up
from backbus.performance.sessions import end_sessions, mark_rows
from backbus.performance.trades import match_fills
from backbus.trading.groups import CURSOR, Account, MarketArrays
from backbus.trading.records import NO_ORDER, Records
from backbus.trading.warmup import take_in, take_in_market


class Blank(NamedTuple):
    """What every run begins with: a record of the account, one of each for each asset."""

    totals: Records
    positions: Records
    state: Records
    trades: Records


class RowSessions(NamedTuple):
    """What the panel is to whoever counts."""

    numbers: Ints
    """[rows] the session that a row lies in, counted from 0."""
    factor: Floats
    """[sessions] the benchmark's returns, or empty."""
    times: Ints
    """[fills] when fills were, which nobody asks for."""


class Views(NamedTuple):
    """Read-only views of what the loops wrote."""

    fills: Records
    fill_words: Words
    equity: Floats
    equity_words: Words
    gross: Floats
    last: Floats
    """[sessions] equity at each session's end; the equity itself where each row is a session."""


class PointBuffers(NamedTuple):
    """What is written anew for each point."""

    trades: Records
    """[assets] trades under way."""
    closed: Records
    shares: Floats
    last: Floats
    """[sessions] equity at each session's end; empty where each row is a session."""


class PointSums(NamedTuple):
    """What is kept of points: a line for each."""

    curves: Records
    equity_lanes: Words
    fills_lanes: Words
    totals: Records
    open_trades: Ints
    moments: Records
    regressions: Records
    ends: Records
    returns: Floats


@step
def reset(
    rules: Any,
    first_row: int,
    blank: Blank,
    account: Account,
    market: MarketArrays,
    slots: Records,
    count: Ints,
    trades: Records,
    cursor: Ints,
) -> None:
    """Begin a run."""
    totals = account.totals
    totals["cash"] = rules["cash"]
    totals["equity"] = rules["cash"]
    totals["peak"] = rules["cash"]
    for asset in range(account.positions.shape[0]):
        instrument, state = market.instruments[asset], market.state[asset]
        account.positions[asset] = blank.positions[asset]
        market.state[asset] = blank.state[asset]
        if instrument["rate_of"] >= 0:
            state["rate"] = np.nan
        state["unit"] = instrument["multiplier"] * state["rate"]
        slots[asset]["order"] = NO_ORDER
        slots[asset]["waits"] = 0
        trades[asset] = blank.trades[asset]
        trades[asset]["settles"] = instrument["settles"]
        trades[asset]["lot"] = instrument["lot"]
    count[0] = 0
    for field in range(cursor.shape[0]):
        cursor[field] = 0
    cursor[CURSOR.TICK] = PHASES * first_row


@step
def _count(
    rules: Any,
    rates: Floats,
    traded: RowSessions,
    filled: int,
    bookings: Records,
    views: Views,
    scratch: PointBuffers,
    sums: PointSums,
) -> None:
    """Sum up a run into its own lines of the sums."""
    cash = rules["cash"]
    sums.curves[0]["peak"] = cash
    sums.curves[0]["trough"] = cash
    mark_rows(
        traded.numbers, views.equity, views.equity_words, views.gross, scratch.shares, sums.curves, sums.equity_lanes
    )
    if len(scratch.last) > 0:
        end_sessions(traded.numbers, views.equity, scratch.last)
    mix_fills(views.fill_words[:filled], sums.fills_lanes)
    match_fills(views.fills[:filled], traded.times[:filled], bookings, scratch.trades, sums.totals, scratch.closed)
    still_open = 0
    for asset in range(scratch.trades.shape[0]):
        if scratch.trades[asset]["position"] != 0.0:
            still_open += 1
    sums.open_trades[0] = still_open
    sum_up(cash, views.last, rates, traded.factor, sums.returns, sums.moments, sums.regressions, sums.ends)


@loop
def run_points(  # noqa: PLR0913  (a loop's door)
    rules: Records, instruments: Records, signals: Records, bounds: Ints, rates: Floats, warmup: Floats, open_: Floats,
    close: Floats, first_row: int, numbers: Ints, factor: Floats, times: Ints, blank_totals: Records,
    blank_positions: Records, blank_state: Records, blank_trades: Records, totals: Records, positions: Records,
    closes: Floats, state: Records, slots: Records, count: Ints, orders: Records, fills: Records, bookings: Records,
    equity: Floats, cash: Floats, gross: Floats, cursor: Ints, fills_read: Records, fill_words: Words,
    equity_read: Floats, equity_words: Words, gross_read: Floats, last_read: Floats, trades: Records, closed: Records,
    shares: Floats, last: Floats, curves: Records, equity_lanes: Words, fills_lanes: Words, all_totals: Records,
    open_trades: Ints, moments: Records, regressions: Records, ends: Records, returns: Floats,
) -> None:  # fmt: skip
    """Run each point over the whole panel and leave its sums in its lines of the last nine arrays.

    ``signals`` of point p are those from ``bounds[p]`` to ``bounds[p + 1]``, ``instruments`` has as many lines for each
    point as there are assets.
    """
    assets = positions.shape[0]
    blank = Blank(blank_totals, blank_positions, blank_state, blank_trades)
    traded = RowSessions(numbers, factor, times)
    views = Views(fills_read, fill_words, equity_read, equity_words, gross_read, last_read)
    scratch = PointBuffers(trades, closed, shares, last)
    for point in range(rules.shape[0]):
        own = slice(point, point + 1)
        instrument = instruments[point * assets : (point + 1) * assets]
        totals[0] = blank_totals[0]
        account, market = Account(totals[0], positions, closes), MarketArrays(instrument, state, None)
        reset(rules[point], first_row, blank, account, market, slots, count, trades, cursor)
        take_in(rules[own], totals, positions, closes, instrument, state, warmup)
        run_rows(
            rules[own], totals, positions, closes, instrument, state, slots, count, first_row, open_, close,
            signals[bounds[point] : bounds[point + 1]], PHASES * (first_row + open_.shape[0]), orders, fills, equity,
            cash, gross, cursor,
        )  # fmt: skip
        sums = PointSums(
            curves[own], equity_lanes[point], fills_lanes[point], all_totals[own], open_trades[own], moments[own],
            regressions[own], ends[own], returns[point],
        )  # fmt: skip
        _count(rules[point], rates[point], traded, cursor[CURSOR.FILLS], bookings, views, scratch, sums)


@loop
def begin_point(  # noqa: PLR0913  (a loop's door)
    rules: Records, instruments: Records, warmup: Floats, first_row: int, blank_totals: Records,
    blank_positions: Records, blank_state: Records, blank_trades: Records, totals: Records, positions: Records,
    closes: Floats, state: Records, window: Floats, slots: Records, count: Ints, trades: Records, cursor: Ints,
    volume: Floats, facts: Floats, bookings: Records, length: Ints,
) -> None:  # fmt: skip
    """Begin a run of a point that is run by itself, since orders of every kind may work in it."""
    blank = Blank(blank_totals, blank_positions, blank_state, blank_trades)
    totals[0] = blank_totals[0]
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, window)
    reset(rules[0], first_row, blank, account, market, slots, count, trades, cursor)
    take_in_market(
        rules, totals, positions, closes, instruments, state, window, warmup, volume, facts, bookings, length
    )  # fmt: skip


@loop
def count_point(  # noqa: PLR0913  (a loop's door)
    rules: Records, rates: Floats, numbers: Ints, factor: Floats, times: Ints, filled: int, bookings: Records,
    fills: Records, fill_words: Words, equity: Floats, equity_words: Words, gross: Floats, last_read: Floats,
    trades: Records, closed: Records, shares: Floats, last: Floats, curves: Records, equity_lanes: Words,
    fills_lanes: Words, totals: Records, open_trades: Ints, moments: Records, regressions: Records, ends: Records,
    returns: Floats,
) -> None:  # fmt: skip
    """Sum up a run of such a point."""
    traded = RowSessions(numbers, factor, times)
    views = Views(fills, fill_words, equity, equity_words, gross, last_read)
    sums = PointSums(
        curves, equity_lanes, fills_lanes, totals, open_trades, moments, regressions, ends, returns
    )  # fmt: skip
    _count(rules[0], rates, traded, filled, bookings, views, PointBuffers(trades, closed, shares, last), sums)
