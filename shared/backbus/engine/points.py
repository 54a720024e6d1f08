"""Many runs over one panel: strategies speak one after the other, then one compiled call trades and counts them all.

The loops are those of a single run, so a point's row is what its own run reports, to the last bit. Nothing of a point
is kept but its sums, digests and returns: memory depends on the panel and on the points of one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from backbus.compiled import loop, plain, step
from backbus.engine.loop import BOOKED, FILLS, TICK, WANTS_ROOM, run_lists, run_rows
from backbus.job.job import Job
from backbus.market import records as rec
from backbus.market.accounts import NO_BOOKINGS
from backbus.market.forward_adjusted import Adjusting
from backbus.market.ledger import open_book
from backbus.market.panel import Floats, Ints, Layout, Panel
from backbus.market.records import Records
from backbus.market.rules import Rules, blank_seen
from backbus.market.ticks import PHASES
from backbus.market.warmup import take_in, take_in_lists
from backbus.market.working import Orders
from backbus.performance.fingerprint import (
    FILL_COLUMNS,
    WORDS_OF_FILL,
    Words,
    fingerprints,
    mix_fills,
    new_lanes,
)
from backbus.performance.metrics import Sums, Values, figures, session_rate
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION, sum_up
from backbus.performance.sessions import (
    ACCOUNT,
    BenchmarkCurve,
    end_sessions,
    mark_closes,
    mark_rows,
    number_sessions,
    read_only,
)
from backbus.performance.trades import NO_TIME, TOTALS, TRADE, match_fills, no_trades
from backbus.trading.numbers import rules_of


@step
def _reset(
    rule: Records,
    instruments: Records,
    warmup: Floats,
    first_row: int,
    blank_account: Records,
    blank_ledger: Records,
    blank_tape: Records,
    blank_working: Records,
    blank_trades: Records,
    account: Records,
    ledger: Records,
    tape: Records,
    working: Records,
    history: Floats,
    trades: Records,
    cursor: Ints,
    seen: Any,
    volume: Any,
    facts: Any,
    bookings: Any,
) -> None:
    """Begin a run; the last four are the tape's, and are None where it does not follow the market."""
    account[0] = blank_account[0]
    account[0]["cash"] = rule[0]["cash"]
    account[0]["equity"] = rule[0]["cash"]
    for asset in range(ledger.shape[0]):
        ledger[asset] = blank_ledger[asset]
        tape[asset] = blank_tape[asset]
        if instruments[asset]["rate_of"] >= 0:
            tape[asset]["rate"] = np.nan
        tape[asset]["unit"] = instruments[asset]["multiplier"] * tape[asset]["rate"]
        working[asset] = blank_working[asset]
        trades[asset] = blank_trades[asset]
        trades[asset]["settles"] = instruments[asset]["settles"]
    account[0]["peak"] = rule[0]["cash"]
    for field in range(cursor.shape[0]):
        cursor[field] = 0
    cursor[TICK] = PHASES * first_row
    if seen is not None:
        take_in_lists(rule, account, ledger, instruments, tape, history, seen, warmup, volume, facts, bookings)
        return
    take_in(rule, account, ledger, instruments, tape, history, warmup)


@step
def _count(
    rule: Records,
    numbers: Ints,
    rate: float,
    factor: Floats,
    trades: Records,
    fills_read: Records,
    fills_words: Words,
    times: Ints,
    closed: Records,
    bookings: Records,
    equity_read: Floats,
    equity_words: Words,
    gross_read: Floats,
    shares: Floats,
    cursor: Ints,
    last: Floats,
    last_read: Floats,
    curves: Records,
    equity_lanes: Words,
    fills_lanes: Words,
    totals: Records,
    open_trades: Ints,
    moments: Records,
    regressions: Records,
    ends: Records,
    returns: Floats,
) -> None:
    """Sum up a run. The last eight arrays are the point's own: one record or row each."""
    filled = cursor[FILLS]
    curves[0]["peak"] = rule[0]["cash"]
    curves[0]["trough"] = rule[0]["cash"]
    mark_rows(numbers, equity_read, equity_words, gross_read, shares, curves, equity_lanes)
    if len(last) > 0:
        end_sessions(numbers, equity_read, last)
    mix_fills(fills_words[:filled], fills_lanes)
    match_fills(fills_read[:filled], times[:filled], bookings, trades, totals, closed)
    count = 0
    for asset in range(trades.shape[0]):
        if trades[asset]["position"] != 0.0:
            count += 1
    open_trades[0] = count
    sum_up(rule[0]["cash"], last_read, rate, factor, returns, moments, regressions, ends)


@loop
def run_points(
    rules: Records,
    instruments: Records,
    signals: Records,
    bounds: Ints,
    warmup: Floats,
    open_: Floats,
    close: Floats,
    numbers: Ints,
    first_row: int,
    rates: Floats,
    factor: Floats,
    blank_account: Records,
    blank_ledger: Records,
    blank_tape: Records,
    blank_working: Records,
    blank_trades: Records,
    account: Records,
    ledger: Records,
    tape: Records,
    working: Records,
    history: Floats,
    trades: Records,
    orders: Records,
    fills: Records,
    fills_read: Records,
    fills_words: Words,
    times: Ints,
    closed: Records,
    bookings: Records,
    equity: Floats,
    equity_read: Floats,
    equity_words: Words,
    cash: Floats,
    gross: Floats,
    gross_read: Floats,
    shares: Floats,
    cursor: Ints,
    last: Floats,
    last_read: Floats,
    curves: Records,
    equity_lanes: Words,
    fills_lanes: Words,
    totals: Records,
    open_trades: Ints,
    moments: Records,
    regressions: Records,
    ends: Records,
    returns: Floats,
) -> None:
    """Run each point over the whole panel and leave its record in each of the last eight arrays.

    Arrays named ``*_read`` and ``*_words`` are read-only views of their namesakes; where each row is a session,
    ``last`` is empty and ``last_read`` the equity. ``signals`` of point p are those from ``bounds[p]`` to
    ``bounds[p + 1]``, ``instruments`` has as many lines for each point as there are assets.
    """
    assets = ledger.shape[0]
    for point in range(rules.shape[0]):
        own = slice(point, point + 1)
        rule = rules[own]
        instrument = instruments[point * assets : (point + 1) * assets]
        _reset(
            rule,
            instrument,
            warmup,
            first_row,
            blank_account,
            blank_ledger,
            blank_tape,
            blank_working,
            blank_trades,
            account,
            ledger,
            tape,
            working,
            history,
            trades,
            cursor,
            None,
            None,
            None,
            None,
        )
        run_rows(
            rule,
            account,
            ledger,
            instrument,
            tape,
            working,
            history,
            open_,
            close,
            first_row,
            signals[bounds[point] : bounds[point + 1]],
            PHASES * (first_row + open_.shape[0]),
            orders,
            fills,
            equity,
            cash,
            gross,
            cursor,
        )
        _count(
            rule,
            numbers,
            rates[point],
            factor,
            trades,
            fills_read,
            fills_words,
            times,
            closed,
            bookings,
            equity_read,
            equity_words,
            gross_read,
            shares,
            cursor,
            last,
            last_read,
            curves[own],
            equity_lanes[point],
            fills_lanes[point],
            totals[own],
            open_trades[own],
            moments[own],
            regressions[own],
            ends[own],
            returns[point],
        )


begin_point = loop(plain(_reset))
"""``_reset`` for a point that is run by itself, since orders of every kind may work in it."""
count_point = loop(plain(_count))
"""``_count`` for such a point."""

_run_points: Callable[..., None] = run_points
_begin_point: Callable[..., None] = begin_point
_run_lists: Callable[..., None] = run_lists
_count_point: Callable[..., None] = count_point
"""The same, called with arrays that are kept in tuples."""


NO_BOOKINGS_READ = read_only(NO_BOOKINGS)


class Terms(NamedTuple):
    """The numbers of a job that rule its run and measure it: made once for all points that share them."""

    rules: Rules
    year: float
    rate: float


def terms_of(job: Job, layout: Layout) -> Terms:
    """What a point takes from its job."""
    settings = job.performance
    rate = session_rate(settings.risk_free, job.year)
    return Terms(rules_of(job, layout), job.year, rate)


class Point(NamedTuple):
    """One run of a batch: its terms, and its signals over the whole panel."""

    terms: Terms
    signals: Records


class Outcome(NamedTuple):
    """What a batch of runs came to."""

    figures: dict[str, Values]
    """By name, [runs] float64 each, NaN where not defined."""
    fingerprints: list[str]
    returns: Floats
    """[runs, sessions]; rows of runs whose equity fell to zero or below hold no returns."""
    returned: Values
    """[runs] whether each session has a return."""


class PointsEngine:
    """Runs batches of points over one panel."""

    def __init__(self, panel: Panel, benchmark: str | None = None) -> None:
        layout, block = panel.layout, panel.block
        self._layout = layout
        warmup, rows = layout.warmup, len(panel) - layout.warmup
        traded = block.rows(warmup, len(block))
        self._warmup = read_only(block.close[:warmup])
        self._early, self._traded = block.rows(0, warmup), traded
        self._bars: tuple[Any, ...] = tuple(
            read_only(column) for column in (traded.open, traded.high, traded.low, traded.close, traded.volume)
        )
        self._through = PHASES * len(panel)
        self._end, self._session = read_only(traded.end), read_only(traded.session)
        session, close = self._session, self._bars[3]
        self.sessions = int(np.count_nonzero(np.diff(session))) + 1 if rows else 0
        """Sessions that are traded."""
        self._benchmark: BenchmarkCurve | None = None
        self._factor = NO_RETURNS
        if benchmark is not None:
            closes, early = np.full(layout.assets, np.nan), self._warmup
            adjusting = Adjusting(layout)
            if adjusting.acts:
                shown = adjusting.take(block).block.close
                early, close = read_only(shown[:warmup]), read_only(shown[warmup:])
            if warmup:
                mark_closes(early, closes)
            self._benchmark = BenchmarkCurve(layout.symbols.index(benchmark))
            self._benchmark.start(closes)
            self._benchmark.add(session, close, self.sessions)
            self._factor = self._benchmark.returns()
        self._equity, self._cash, self._gross = np.empty(rows), np.empty(rows), np.empty(rows)
        self._shares = np.empty(rows)
        self._last = np.empty(self.sessions if self.sessions < rows else 0)
        self._curve = np.zeros(1, dtype=ACCOUNT)
        numbers = np.empty(rows, dtype=np.int64)
        number_sessions(session, 0, self._curve, np.empty(self.sessions, dtype=np.int64), numbers)
        self._numbers = read_only(numbers)
        self._cursor = np.zeros(8, dtype=np.int64)
        self._room = 0

    def _make_room(self, room: int) -> None:
        if room > self._room:
            self._room = 2 * room
            self._orders = rec.empty(rec.ORDER, 3 * self._room)
            self._fills = rec.empty(rec.FILL, self._room)
            self._times = read_only(np.full(self._room, NO_TIME, dtype=np.int64))
            self._closed = np.zeros(2 * self._room, dtype=TRADE)  # what fills close, and what bookings do
            self._bookings = rec.empty(rec.BOOKING, self._room)

    def run(self, points: Sequence[Point]) -> Outcome:
        """Run at least one point; all look back as far for their volatility (``rules["volatility_rows"]``)."""
        count, assets = len(points), self._layout.assets
        rules = rec.joined([point.terms.rules.record for point in points]).copy()
        instruments = rec.joined([point.terms.rules.instruments for point in points])
        year = np.array([point.terms.year for point in points])
        rates = np.array([point.terms.rate for point in points])
        signals = rec.joined([point.signals for point in points])
        bounds = np.concatenate(([0], np.cumsum([len(point.signals) for point in points]))).astype(np.int64)
        most = int(np.diff(bounds).max())
        orders = Orders(assets, lists=any(point.terms.rules.lists for point in points))
        orders.need(signals["kind"], beyond=rec.WEIGHT)
        if orders.lists:
            orders.make_room(4 * (most + assets))
        self._make_room((32 if orders.lists else 2) * (most + assets))
        account, ledger, tape, history, _ = open_book(points[0].terms.rules)
        blank_trades = no_trades(assets)
        curves, totals = np.repeat(self._curve, count), np.zeros(count, dtype=TOTALS)
        moments, regressions = np.zeros(count, dtype=MOMENTS), np.zeros(count, dtype=REGRESSION)
        ends, open_trades = np.zeros(count, dtype=ENDS), np.zeros(count, dtype=np.int64)
        equity_lanes = np.repeat(new_lanes()[None], count, axis=0)
        fills_lanes = np.repeat(new_lanes(len(FILL_COLUMNS))[None], count, axis=0)
        returns = np.empty((count, self.sessions))
        mine: tuple[Any, ...] = (account.copy(), ledger.copy(), tape.copy())
        words = self._fills.view(np.uint64).reshape(-1, WORDS_OF_FILL)
        last = self._last if self.sessions < len(self._equity) else self._equity
        blank: tuple[Any, ...] = (account, ledger, tape, Orders(assets, lists=False).working, blank_trades)
        outcome: tuple[Any, ...] = (
            curves,
            equity_lanes,
            fills_lanes,
            totals,
            open_trades,
            moments,
            regressions,
            ends,
            returns,
        )
        rows: tuple[Any, ...] = (self._equity, self._cash, self._gross)
        seen: tuple[Any, ...] = (read_only(self._equity), read_only(self._equity.view(np.uint64)))
        trades = blank_trades.copy()
        with np.errstate(over="ignore"):
            if not orders.lists:
                _run_points(
                    rules,
                    read_only(instruments),
                    read_only(signals),
                    bounds,
                    self._warmup,
                    self._bars[0],
                    self._bars[3],
                    self._numbers,
                    self._layout.warmup,
                    rates,
                    self._factor,
                    *blank,
                    *mine,
                    orders.working,
                    history,
                    trades,
                    self._orders,
                    self._fills,
                    read_only(self._fills),
                    read_only(words),
                    self._times,
                    self._closed,
                    NO_BOOKINGS_READ,
                    self._equity,
                    *seen,
                    self._cash,
                    self._gross,
                    read_only(self._gross),
                    self._shares,
                    self._cursor,
                    self._last,
                    read_only(last),
                    *outcome,
                )
            for point in range(count if orders.lists else 0):
                own = slice(point, point + 1)
                rule, instrument = rules[own], read_only(instruments[point * assets : (point + 1) * assets])
                own_rules = points[point].terms.rules
                facts = own_rules.facts_of(self._traded)
                while True:
                    seen_rows = blank_seen(own_rules)
                    orders.clear()
                    _begin_point(
                        rule,
                        instrument,
                        self._warmup,
                        self._layout.warmup,
                        *blank,
                        *mine,
                        orders.working,
                        history,
                        trades,
                        self._cursor,
                        seen_rows,
                        read_only(self._early.volume),
                        own_rules.facts_of(self._early),
                        self._bookings,
                    )
                    _run_lists(
                        rule, *mine[:2], instrument, mine[2], orders.working, orders.terms, orders.wishes, orders.heads,
                        history, self._end, self._session, *self._bars, seen_rows, facts, self._layout.warmup,
                        read_only(signals[bounds[point] : bounds[point + 1]]), self._through, self._orders, self._fills,
                        self._bookings, *rows, self._cursor,
                    )  # fmt: skip
                    if not self._cursor[WANTS_ROOM]:
                        break
                    self._make_room(2 * self._room)
                words = self._fills.view(np.uint64).reshape(-1, WORDS_OF_FILL)
                _count_point(
                    rule, self._numbers, rates[point], self._factor, trades, read_only(self._fills), read_only(words),
                    self._times, self._closed, read_only(self._bookings[: self._cursor[BOOKED]]), *seen,
                    read_only(self._gross), self._shares, self._cursor, self._last,
                    read_only(last), curves[own], equity_lanes[point], fills_lanes[point],
                    *(a[own] for a in outcome[3:8]), returns[point],
                )  # fmt: skip
        sums = Sums(curves, totals, open_trades, moments, regressions, ends)
        found = figures(rules["cash"], year, sums, self._benchmark)
        prints = fingerprints(fills_lanes, equity_lanes)
        return Outcome(found, prints, returns, ends["returned"] == 1)
