"""One asset, plain market orders that fill at the next open: traded from signal to signal, without a look at the rows
in between.

It is the way of the loop of all runs through its steps, where nothing else can happen on it: the same steps in the same
order, so the same numbers. What it cannot go is refused by ``fits`` and ``spoken_plainly``, and goes the whole way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from backbus.execution.ends import FillOf, write_fill
from backbus.jit.decorators import step
from backbus.jit.fields import copied
from backbus.jit.on_stack import on_stack
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import CLOSE_SIGNAL, OPEN_MATCH, PHASES
from backbus.performance.fingerprint import Words, fill_lanes, mix_fill, put_fill_lanes, words_of
from backbus.performance.lanes import Segments
from backbus.performance.trades import NO_TIME, match_fill
from backbus.portfolio.close_decision import within_band
from backbus.portfolio.limits import Allowed
from backbus.portfolio.risk import Trade, accept, power_by_leverage
from backbus.portfolio.sizing import desired_position
from backbus.trading.codes import Cap, FillRule, Reason, SignalKind
from backbus.trading.commission import FeeModel, fee_of
from backbus.trading.groups import Account, BarArrays, MarketArrays, RecordLog
from backbus.trading.ledger import book_fills, mark
from backbus.trading.records import ROW_SCALE, Records
from backbus.trading.rules import Rules, Sizing
from backbus.trading.slippage import SlippageModel, fill_price

_ROOM = (
    "needs_order_lists", "no_row_skipped", "volatility_rows", "has_futures", "limited", "fill_at_close", "size_at_open",
    "own_models", "lookback_rows", "slippage_follows_market", "costs_follow_market", "looks_at_closes",
    "checks_account", "universe", "by_quotes",
)  # fmt: skip
"""Rules that have to be off."""
_SLIPPAGE = (SlippageModel.NONE, SlippageModel.BASIS_POINTS, SlippageModel.HALF_SPREAD)


def fits(rules: Rules) -> bool:
    """Whether all that these rules can do is on the way."""
    record, instrument = rules.record[0], rules.instruments[0]
    return bool(
        len(rules.instruments) == 1
        and all(record[name] == 0 for name in _ROOM)
        and record["sizing"] not in (Sizing.VOLATILITY_TARGET, Sizing.OWN)
        and instrument["settles"] == 0
        and instrument["rate_of"] < 0
        and instrument["traded"] != 0
        and instrument["slippage_model"] in _SLIPPAGE
        and instrument["fee_model"] != FeeModel.OWN
        and instrument["tiers"] == 0
    )


def spoken_plainly(signals: Records, bounds: Ints, first_row: int, close: Floats) -> bool:
    """Whether these are directions and weights of the one asset, finite ones, in rows from ``first_row`` on and one in
    a row at the most, none in a hole of ``close`` [rows, 1]; those of run p are from ``bounds[p]`` on. A strategy may
    make its records by hand."""
    ticks = signals["tick"]
    rises = ticks[1:] > ticks[:-1]
    begins = bounds[1:-1]
    rises[begins[(begins > 0) & (begins < len(ticks))] - 1] = True  # another run begins
    plain = (signals["kind"] >= 0) & (signals["kind"] <= SignalKind.WEIGHT) & (ticks % PHASES == CLOSE_SIGNAL)
    fits_in = (signals["asset"] == 0) & (ticks >= PHASES * first_row) & np.isfinite(signals["value"])
    if not (plain.all() and fits_in.all() and rises.all()):
        return False
    rows = ticks // PHASES - first_row
    return not np.isnan(close[rows[rows < len(close)], 0]).any()


class Tally(NamedTuple):
    """What is counted of a run's fills as they come."""

    trades: Records
    """[1] OPEN_TRADE."""
    totals: Records
    """[1] TOTALS."""
    lanes: Words
    """[6, 2] the digests of their columns."""
    fill: Records
    """[1] FILL: scratch."""
    closed: Records
    """[1] TRADE: scratch."""
    length: Ints
    """[1]: scratch."""


@step
def trade_one(  # noqa: PLR0913  (the locals of a loop)
    rules: Any,
    book: Account,
    market: MarketArrays,
    bars: BarArrays,
    next_bar: Ints,
    signals: Records,
    tally: Tally,
    lane: int,
    least_price: float,
    segments: Segments,
) -> int:
    """Trade a run's signals over bars [rows, 1], of which ``next_bar`` [rows] tells the next row that is no hole;
    returns in how many rows something was held. What is held from a fill
    on goes into ``segments`` of ``lane``; ``book`` has its totals as an array of one, and is not written to."""
    totals, positions, length = on_stack(book.totals), on_stack(book.positions), on_stack(tally.length)
    fill, trades, sums, closed = (
        on_stack(tally.fill), on_stack(tally.trades), on_stack(tally.totals), on_stack(tally.closed)
    )  # fmt: skip
    account, log = Account(totals[0], positions, book.closes), RecordLog(fill, length)
    first, second = fill_lanes(tally.lanes, 0), fill_lanes(tally.lanes, 1)
    trades[0]["settles"] = 0  # what fits does not settle, and so needs less to be counted
    instrument, state, line = market.instruments[0], market.state[0], positions[0]
    rows = bars.close.shape[0]
    count = begun = 0
    held_rows: int = 0
    holds = False
    for number in range(signals.shape[0]):
        signal = signals[number]
        row = signal["tick"] // PHASES
        at = row - bars.first_row
        then = next_bar[at]
        if then >= rows:
            break  # its order would fill after the last bar
        mark(rules, account, market, bars.close, at)
        price, held = bars.close[at, 0], copied(line["position"])
        equity = account.totals["equity"] * (1.0 - rules["cash_buffer"])
        wish = desired_position(rules, instrument, state, signal, held, price, equity, 0.0, rules["size"])
        if wish < 0.0 and rules["shorts"] == 0:
            wish = 0.0
        wanted = wish - held
        lessens = wanted * held < 0.0 and abs(wanted) <= abs(held)
        if within_band(rules, account, signal, held, wish, abs(wanted) * price * state["unit"]) or wanted == 0.0:
            continue
        now = bars.open[then, 0]
        paid = fill_price(instrument, state, price, wanted)
        power = 0.0 if lessens else power_by_leverage(rules, account, market, bars.close, at)
        trade = Trade(held, wanted, paid, price)
        accepted = accept(rules, instrument, state, power, trade, Allowed(wanted, Reason.NONE), lessens)
        if not lessens and accepted.quantity != 0.0:
            power = power_by_leverage(rules, account, market, bars.open, then)
            trade = Trade(held, accepted.quantity, fill_price(instrument, state, now, accepted.quantity), now)
            allowed = Allowed(accepted.quantity, Reason.NONE)
            accepted = accept(rules, instrument, state, power, trade, allowed, lessens)
        quantity = accepted.quantity
        if quantity == 0.0:
            continue
        paid = fill_price(instrument, state, now, quantity)
        fee = fee_of(rules, instrument, state, quantity, paid)
        found = FillOf(FillRule.AT_OPEN, Cap.NONE, quantity, paid, now, fee, 0.0)
        length[0] = 0
        write_fill(log, PHASES * (bars.first_row + then) + OPEN_MATCH, row * ROW_SCALE, 0, state["unit"], found)
        book_fills(account, market, log, 0)
        match_fill(fill[0], line["position"], NO_TIME, 0, trades[0], sums[0], closed[0])
        first, second = second, mix_fill(first, words_of(fill[0]))
        held_rows += (then - begun) * (1 if holds else 0)
        begun = then
        holds = abs(line["position"] * least_price * state["unit"]) > 0.0
        segments.money[lane, count, 0] = account.totals["cash"] + 0.0
        segments.money[lane, count, 1] = line["position"]
        segments.link[lane, count] = segments.head[then]
        segments.head[then] = lane + 1
        count += 1
    held_rows += (rows - begun) * (1 if holds else 0)
    tally.trades[0]["position"], tally.totals[0] = trades[0]["position"], sums[0]
    put_fill_lanes(tally.lanes, 0, first)
    put_fill_lanes(tally.lanes, 1, second)
    return held_rows


def least_of(open_: Floats, close: Floats) -> float:
    """The lowest price of bars [rows, 1], holes left out: 0.0 where there is none, or one that is not a number above
    zero."""
    there = ~np.isnan(close)
    if not there.any() or (np.isnan(open_) != ~there).any():
        return 0.0
    open_, close = open_[there], close[there]
    if not (np.isfinite(open_).all() and np.isfinite(close).all()):
        return 0.0
    return max(min(float(open_.min()), float(close.min())), 0.0)


def next_bars(close: Floats) -> Ints:
    """[rows] the next row after each in which the one asset of ``close`` [rows, 1] has a bar; ``rows`` after the last
    one."""
    rows = len(close)
    there = np.flatnonzero(~np.isnan(close[:, 0]))
    places = np.searchsorted(there, np.arange(rows), side="right")
    return np.append(there, rows)[places]


def carried(close: Floats) -> Floats:
    """[rows] the last close of one asset in each row; before its first bar, when nothing can be held, the first one."""
    values = close[:, 0]
    there = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
    return values[np.where(last < 0, np.argmax(there), last)]
