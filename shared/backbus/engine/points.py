"""Many runs over one panel: strategies speak one after the other, then one compiled call trades and counts them all.

The loops are those of a single run, so a point's row is what its own run reports, to the last bit. Nothing of a point
is kept but its sums, digests and returns: memory depends on the panel and on the points of one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backbus.compiled import loop
from backbus.engine.loop import FILLS, TICK, run_rows
from backbus.jobs import Job
from backbus.market import records as rec
from backbus.market.ledger import open_book
from backbus.market.panel import Floats, Ints, Layout, Panel
from backbus.market.records import Records
from backbus.market.ticks import PHASES
from backbus.market.warmup import take_in
from backbus.market.working import no_orders
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


@loop
def run_points(
    rules: Records,
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
    blank_working: Records,
    blank_trades: Records,
    account: Records,
    ledger: Records,
    working: Records,
    history: Floats,
    trades: Records,
    orders: Records,
    fills: Records,
    fills_read: Records,
    fills_words: Words,
    times: Ints,
    closed: Records,
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
    ``bounds[p + 1]``.
    """
    for point in range(rules.shape[0]):
        rule = rules[point : point + 1]
        account[0] = blank_account[0]
        account[0]["cash"] = rule[0]["cash"]
        account[0]["equity"] = rule[0]["cash"]
        for asset in range(ledger.shape[0]):
            ledger[asset] = blank_ledger[asset]
            working[asset] = blank_working[asset]
            trades[asset] = blank_trades[asset]
        for field in range(cursor.shape[0]):
            cursor[field] = 0
        take_in(rule, account, ledger, history, warmup)
        cursor[TICK] = PHASES * first_row
        run_rows(
            rule,
            account,
            ledger,
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
        filled = cursor[FILLS]
        curve = curves[point : point + 1]
        curve[0]["peak"] = rule[0]["cash"]
        curve[0]["trough"] = rule[0]["cash"]
        mark_rows(numbers, equity_read, equity_words, gross_read, shares, curve, equity_lanes[point])
        if len(last) > 0:
            end_sessions(numbers, equity_read, last)
        mix_fills(fills_words[:filled], fills_lanes[point])
        match_fills(fills_read[:filled], times[:filled], trades, totals[point : point + 1], closed)
        count = 0
        for asset in range(trades.shape[0]):
            if trades[asset]["position"] != 0.0:
                count += 1
        open_trades[point] = count
        sum_up(
            rule[0]["cash"],
            last_read,
            rates[point],
            factor,
            returns[point],
            moments[point : point + 1],
            regressions[point : point + 1],
            ends[point : point + 1],
        )


class Terms(NamedTuple):
    """The numbers of a job that rule its run and measure it: made once for all points that share them."""

    rules: Records
    year: float
    rate: float


def terms_of(job: Job, layout: Layout) -> Terms:
    """What a point takes from its job."""
    settings = job.performance
    rate = session_rate(settings.risk_free, job.year)
    return Terms(job.rules(layout), job.year, rate)


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
        self._open, self._close = read_only(traded.open), read_only(traded.close)
        session = read_only(traded.session)
        self.sessions = int(np.count_nonzero(np.diff(session))) + 1 if rows else 0
        """Sessions that are traded."""
        self._benchmark: BenchmarkCurve | None = None
        self._factor = NO_RETURNS
        if benchmark is not None:
            closes = np.full(layout.assets, np.nan)
            if warmup:
                mark_closes(self._warmup, closes)
            self._benchmark = BenchmarkCurve(layout.symbols.index(benchmark))
            self._benchmark.start(closes)
            self._benchmark.add(session, self._close, self.sessions)
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

    def _make_room(self, signals: int) -> None:
        room = signals + 2 * self._layout.assets
        if room > self._room:
            self._room = 2 * room
            self._orders = rec.empty(rec.ORDER, 3 * self._room)
            self._fills = rec.empty(rec.FILL, self._room)
            self._times = read_only(np.full(self._room, NO_TIME, dtype=np.int64))
            self._closed = np.zeros(self._room, dtype=TRADE)

    def run(self, points: Sequence[Point]) -> Outcome:
        """Run at least one point; all look back as far for their volatility (``rules["volatility_rows"]``)."""
        count, assets = len(points), self._layout.assets
        rules = rec.joined([point.terms.rules for point in points]).copy()
        year = np.array([point.terms.year for point in points])
        rates = np.array([point.terms.rate for point in points])
        signals = rec.joined([point.signals for point in points])
        bounds = np.concatenate(([0], np.cumsum([len(point.signals) for point in points]))).astype(np.int64)
        self._make_room(int(np.diff(bounds).max()))
        account, ledger, history = open_book(rules[:1])
        blank_trades = no_trades(assets)
        curves, totals = np.repeat(self._curve, count), np.zeros(count, dtype=TOTALS)
        moments, regressions = np.zeros(count, dtype=MOMENTS), np.zeros(count, dtype=REGRESSION)
        ends, open_trades = np.zeros(count, dtype=ENDS), np.zeros(count, dtype=np.int64)
        equity_lanes = np.repeat(new_lanes()[None], count, axis=0)
        fills_lanes = np.repeat(new_lanes(len(FILL_COLUMNS))[None], count, axis=0)
        returns = np.empty((count, self.sessions))
        words = self._fills.view(np.uint64).reshape(-1, WORDS_OF_FILL)
        with np.errstate(over="ignore"):
            run_points(
                rules,
                read_only(signals),
                bounds,
                self._warmup,
                self._open,
                self._close,
                self._numbers,
                self._layout.warmup,
                rates,
                self._factor,
                account,
                ledger,
                no_orders(assets),
                blank_trades,
                account.copy(),
                ledger.copy(),
                no_orders(assets),
                history,
                blank_trades.copy(),
                self._orders,
                self._fills,
                read_only(self._fills),
                read_only(words),
                self._times,
                self._closed,
                self._equity,
                read_only(self._equity),
                read_only(self._equity.view(np.uint64)),
                self._cash,
                self._gross,
                read_only(self._gross),
                self._shares,
                self._cursor,
                self._last,
                read_only(self._last if self.sessions < len(self._equity) else self._equity),
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
        sums = Sums(curves, totals, open_trades, moments, regressions, ends)
        found = figures(rules["cash"], year, sums, self._benchmark)
        prints = fingerprints(fills_lanes, equity_lanes)
        return Outcome(found, prints, returns, ends["returned"] == 1)
