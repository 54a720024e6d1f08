"""Batches of runs over one panel: strategies have spoken, then one compiled call trades and counts them all.

Nothing of a point is kept but its sums, digests and returns: memory depends on the panel and on the points of one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.engine.groups import LaneBuffers, run_groups
from backbus.engine.loop import run_lists
from backbus.engine.one_asset import carried, fits, next_bars, spoken_plainly
from backbus.engine.points import Blank, PointSums, Views, begin_point, count_point, run_points
from backbus.engine.straight import SignalsRoom, lane_buffers, least_where_straight
from backbus.jit.arrays import read_only
from backbus.jit.lanes import LANES
from backbus.job.job import Job
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Floats, Ints, Layout, Panel
from backbus.market.ticks import PHASES
from backbus.performance import metrics
from backbus.performance.fingerprint import FILL_COLUMNS, WORDS_OF_FILL, fingerprints, new_lanes
from backbus.performance.lanes import SeenSums, Sight, blank_sums
from backbus.performance.metrics import Values, figures
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION
from backbus.performance.risk_free import session_rates
from backbus.performance.sessions import ACCOUNT, BenchmarkCurve, mark_closes, number_sessions
from backbus.performance.trades import NO_TIME, TOTALS, TRADE, no_trades
from backbus.strategy.saying.edges import WRITTEN
from backbus.strategy.saying.unwritten import NOWHERE, Signals, Unwritten, written
from backbus.trading import records as rec
from backbus.trading.account_rows import NO_BOOKINGS
from backbus.trading.codes import SignalKind
from backbus.trading.groups import CURSOR, StoppedFor
from backbus.trading.ledger import open_account
from backbus.trading.market_state import blank_window, open_market
from backbus.trading.numbers import rules_of
from backbus.trading.open_orders import OrderStore
from backbus.trading.records import Records
from backbus.trading.rules import Rules
from backbus.trading.warmup import NOTHING_WRITTEN

NO_BOOKINGS_READ = read_only(NO_BOOKINGS)
Truth = NDArray[np.bool_]
_NO_SIGHT = Sight(NO_RETURNS, 0.0, read_only(np.empty(0, dtype=np.int64)))
_NO_SIGNALS = np.empty(0, dtype=rec.SIGNAL)


class Terms(NamedTuple):
    """The numbers of a job that rule its run and measure it: made once for all points that share them."""

    rules: Rules
    year: float
    rates: Floats
    """Per session: [1] for all, or [sessions]."""


def terms_of(job: Job, layout: Layout, sessions: Ints) -> Terms:
    """What a point takes from its job; ``sessions`` are those that it trades, in days since 1970, which a rate that
    changes asks for."""
    year = job.year_of(layout.year)
    return Terms(rules_of(job, layout), year, session_rates(job.performance.risk_free, year, sessions))


class Point(NamedTuple):
    """One run of a batch: its terms, and its signals over the whole panel."""

    terms: Terms
    signals: Signals


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a batch of runs came to."""

    figures: dict[str, Values]
    """By name, [runs] float64 each, NaN where not defined."""
    fingerprints: list[str]
    returned: Values
    """[runs] whether each session has a return."""
    straight: Truth
    """[runs] whether a run was counted side by side with others."""
    seen: SeenSums | None
    """What was summed of the returns of these, where somebody said what to see; None where nobody did."""
    lanes: Floats | None
    """[eights, sessions, 8] their returns; None where they were summed instead, or no run was counted so."""
    _rows: Floats

    @property
    def returns(self) -> Floats:
        """[runs, sessions]; rows of runs whose equity fell to zero or below hold no returns, nor do those of runs of
        which ``seen`` has the sums."""
        if self.lanes is None:
            return self._rows
        by_run = self.lanes.transpose(0, 2, 1).reshape(-1, self.lanes.shape[1])
        return np.ascontiguousarray(by_run[: len(self.returned)])


class PointsEngine:
    """Runs batches of points over one panel."""

    def __init__(self, panel: Panel, benchmark: str | None = None) -> None:
        layout, block = panel.layout, panel.block
        self._layout = layout
        warmup, rows = layout.warmup, len(panel) - layout.warmup
        self._early, self._traded = block.rows(0, warmup), block.rows(warmup, len(block))
        self._warmup = read_only(self._early.close)
        bars = self._traded
        self._open, self._high, self._low = read_only(bars.open), read_only(bars.high), read_only(bars.low)
        self._close, self._volume = read_only(bars.close), read_only(bars.volume)
        self._through = PHASES * len(panel)
        self._end, self._session = read_only(bars.end), read_only(bars.session)
        self.sessions = int(np.count_nonzero(np.diff(self._session))) + 1 if rows else 0
        """Sessions that are traded."""
        self._benchmark: BenchmarkCurve | None = None
        self._factor = NO_RETURNS
        if benchmark is not None:
            self._benchmark = self._curve_of(panel, benchmark)
            self._factor = self._benchmark.returns()
        self._equity, self._cash, self._gross = np.empty(rows), np.empty(rows), np.empty(rows)
        self._shares = np.empty(rows)
        self._last = np.empty(self.sessions if self.sessions < rows else 0)
        self._curve = np.zeros(1, dtype=ACCOUNT)
        numbers = np.empty(rows, dtype=np.int64)
        number_sessions(self._session, 0, self._curve, np.empty(self.sessions, dtype=np.int64), numbers)
        self._numbers = read_only(numbers)
        self._cursor = np.zeros(len(CURSOR), dtype=np.int64)
        self._room = 0
        self._signals_room = SignalsRoom()
        self._least_price = least_where_straight(panel)
        self._holes = bool(np.isnan(self._close).any())
        if self._least_price > 0.0:
            self._carried, self._next_bar = read_only(carried(self._close)), read_only(next_bars(self._close))
        self._buffers: LaneBuffers | None = None

    def _curve_of(self, panel: Panel, benchmark: str) -> BenchmarkCurve:
        """The benchmark's sessions, in prices that corporate actions do not move."""
        layout, warmup = self._layout, self._layout.warmup
        closes, early, close = np.full(layout.assets, np.nan), self._warmup, self._close
        adjusting = Adjusting(layout)
        if adjusting.acts:
            shown = adjusting.take(panel.block).block.close
            early, close = read_only(shown[:warmup]), read_only(shown[warmup:])
        if warmup:
            mark_closes(early, closes)
        curve = BenchmarkCurve(layout.symbols.index(benchmark))
        curve.start(closes)
        curve.add(self._session, close, self.sessions)
        return curve

    def _make_room(self, room: int) -> None:
        if room > self._room:
            self._room = 2 * room
            self._orders = rec.empty(rec.ORDER, 3 * self._room)
            self._fills = rec.empty(rec.FILL, self._room)
            self._times = read_only(np.full(self._room, NO_TIME, dtype=np.int64))
            self._closed = np.zeros(2 * self._room, dtype=TRADE)  # what fills close, and what bookings do
            self._bookings = rec.empty(rec.BOOKING, self._room)

    def _views(self) -> Views:
        words = self._fills.view(np.uint64).reshape(-1, WORDS_OF_FILL)
        last = self._last if self.sessions < len(self._equity) else self._equity
        return Views(
            read_only(self._fills),
            read_only(words),
            read_only(self._equity),
            read_only(self._equity.view(np.uint64)),
            read_only(self._gross),
            read_only(last),
        )

    def run(self, points: Sequence[Point], sight: Sight | None = None) -> Outcome:
        """Run at least one point; all look back as far for their volatility (``rules["volatility_rows"]``). With
        ``sight`` returns are summed as it says where they are made, as far as points are counted side by side."""
        if sight is not None and sight.bounds[-1] != self.sessions:
            raise ValueError(f"{self.sessions} returns for {sight.bounds[-1]} sessions")
        if self._holes:
            points = [Point(point.terms, written(point.signals)) for point in points]
        rules = _rules_of(points)
        sums, straight = self._blank_sums(len(points)), np.zeros(len(points), dtype=np.bool_)
        lanes, seen = None, None
        with np.errstate(over="ignore"):
            if self._is_straight(points):
                straight, lanes, seen = self._run_in_groups(points, rules, sums, sight)
                if not straight.all():
                    self._run_again(points, np.flatnonzero(~straight), sums, lanes)
            else:
                self._run_row_by_row(points, rules, sums)
        year = np.array([point.terms.year for point in points])
        parts = metrics.Sums(
            sums.curves, sums.totals, sums.open_trades, sums.moments, sums.regressions, sums.ends
        )  # fmt: skip
        found = figures(rules["cash"], year, parts, self._benchmark)
        prints = fingerprints(sums.fills_lanes, sums.equity_lanes)
        return Outcome(found, prints, sums.ends["returned"] == 1, straight, seen, lanes, sums.returns)

    def _run_row_by_row(self, points: Sequence[Point], rules: Records, sums: PointSums) -> None:
        """Run points by the loop of all runs."""
        signals, bounds = _joined([written(point.signals) for point in points])
        assets, most = self._layout.assets, int(np.diff(bounds).max())
        orders = OrderStore(assets, listed=any(point.terms.rules.needs_order_lists for point in points))
        orders.need(signals["kind"], beyond=SignalKind.WEIGHT)
        self._make_room((32 if orders.listed else 2) * (most + assets))
        if not orders.listed:
            self._run_together(points, rules, signals, bounds, orders, sums)
            return
        orders.make_room(4 * (most + assets))
        for number, point in enumerate(points):
            own = read_only(signals[bounds[number] : bounds[number + 1]])
            self._run_by_itself(point, rules[number : number + 1], own, orders, _line(sums, number))

    def _blank_sums(self, count: int) -> PointSums:
        return PointSums(
            np.repeat(self._curve, count),
            np.repeat(new_lanes()[None], count, axis=0),
            np.repeat(new_lanes(len(FILL_COLUMNS))[None], count, axis=0),
            np.zeros(count, dtype=TOTALS),
            np.zeros(count, dtype=np.int64),
            np.zeros(count, dtype=MOMENTS),
            np.zeros(count, dtype=REGRESSION),
            np.zeros(count, dtype=ENDS),
            np.empty((count, self.sessions)),
        )

    def _blank(self, rules: Rules) -> Blank:
        account, market = open_account(rules), open_market(rules)
        return Blank(account.totals, account.positions, market.state, no_trades(self._layout.assets))

    def _run_together(
        self,
        points: Sequence[Point],
        rules: Records,
        signals: Records,
        bounds: Ints,
        orders: OrderStore,
        sums: PointSums,
    ) -> None:
        """One call for all points: only plain market orders work."""
        instruments = read_only(rec.joined([point.terms.rules.instruments for point in points]))
        rates = read_only(np.stack([point.terms.rates for point in points]))
        own, blank = points[0].terms.rules, self._blank(points[0].terms.rules)
        run_points(
            rules, instruments, read_only(signals), bounds, rates, self._warmup, self._open, self._close,
            self._layout.warmup, self._numbers, self._factor, self._times, *blank, *open_account(own),
            open_market(own).state, *orders.single, self._orders, self._fills, NO_BOOKINGS_READ, self._equity,
            self._cash, self._gross, self._cursor, *self._views(), blank.trades.copy(), self._closed, self._shares,
            self._last, *sums,
        )  # fmt: skip

    def _is_straight(self, points: Sequence[Point]) -> bool:
        """Whether ``groups`` can run these points: they differ in nothing but their signals and numbers."""
        first = points[0].terms
        if not self._least_price > 0.0 or not all(
            (terms.rates is first.rates or np.array_equal(terms.rates, first.rates)) and fits(terms.rules)
            for terms in {id(p.terms): p.terms for p in points}.values()
        ):
            return False
        # What is not written yet is plain.
        signals, bounds = _joined([point.signals for point in points if not isinstance(point.signals, Unwritten)])
        return spoken_plainly(signals, bounds, self._layout.warmup, self._close)

    def _run_in_groups(
        self, points: Sequence[Point], rules: Records, sums: PointSums, sight: Sight | None
    ) -> tuple[Truth, Floats | None, SeenSums | None]:
        """Run the points eight by eight: which of them that went for, and what came of their returns."""
        count, rows = len(points), len(self._equity)
        filler = -count % LANES  # the last eight are filled up with the last point
        points = [*points, *[points[-1]] * filler]
        instruments = read_only(_each(points, lambda terms: terms.rules.instruments))
        rules = np.concatenate((rules, *[rules[-1:]] * filler)) if filler else rules
        found = [point.signals for point in points]
        signals, bounds = _joined([_NO_SIGNALS if isinstance(each, Unwritten) else each for each in found])
        how = [each.how if isinstance(each, Unwritten) else WRITTEN for each in found]
        hows, sides, places = np.array(how), *_where(found)
        unwritten = bool((hows != WRITTEN).any())
        own, blank = points[0].terms.rules, self._blank(points[0].terms.rules)
        room = self._signals_room.of(rows if unwritten else 0)
        buffers = self._buffers = lane_buffers(
            self._buffers, rows, self.sessions, max(rows if unwritten else 0, int(np.diff(bounds).max()))
        )
        padded, fine = self._blank_sums(len(points)), np.zeros(len(points), dtype=np.int64)
        eights = len(points) // LANES
        lanes = np.empty((eights if sight is None else 1, self.sessions, LANES))
        looked = sight or _NO_SIGHT
        seen = blank_sums(eights, max(len(looked.bounds) - 1, 0))
        slots, fill, closed = OrderStore(1, listed=False).single, np.zeros(1, rec.FILL), np.zeros(1, TRADE)
        run_groups(
            rules, instruments, read_only(signals), bounds, hows, sides, places, *room,
            read_only(points[0].terms.rates), self._warmup, self._open, self._close, self._carried, self._next_bar,
            self._layout.warmup, self._least_price, self._numbers, self._factor, *blank, *open_account(own),
            open_market(own).state, *slots, fill, blank.trades.copy(), closed, self._cursor, *buffers, fine,
            *padded[:-1], lanes, *looked, *seen,
        )  # fmt: skip
        for whole, part in zip(padded[:-1], sums[:-1], strict=True):
            part[...] = whole[:count]
        straight = fine[:count] == 1
        return (straight, lanes, None) if sight is None else (straight, None, seen)

    def _run_again(self, points: Sequence[Point], left: Ints, sums: PointSums, lanes: Floats | None) -> None:
        """Run some points by the loop that goes from row to row."""
        some = [points[number] for number in left]
        own = self._blank_sums(len(some))
        self._run_row_by_row(some, _rules_of(some), own)
        for line, found in zip(sums[:-1], own[:-1], strict=True):
            line[left] = found
        if lanes is None:
            sums.returns[left] = own.returns
        else:
            lanes[left // LANES, :, left % LANES] = own.returns

    def _run_by_itself(
        self, point: Point, rule: Records, signals: Records, orders: OrderStore, sums: PointSums
    ) -> None:
        """One point in which orders of every kind may work."""
        own = point.terms.rules
        blank, account, market = self._blank(own), open_account(own), open_market(own)
        instruments, facts = read_only(own.instruments), own.facts_of(self._traded)
        trades = blank.trades.copy()
        while True:
            window = blank_window(own)
            orders.clear()
            begin_point(
                rule, instruments, self._warmup, self._layout.warmup, *blank, *account, market.state, window,
                *orders.single, trades, self._cursor, read_only(self._early.volume), own.facts_of(self._early),
                self._bookings, NOTHING_WRITTEN,
            )  # fmt: skip
            run_lists(
                rule, *account, instruments, market.state, window, *orders.lists, self._layout.warmup, self._open,
                self._close, self._high, self._low, self._volume, facts, self._session, self._end, signals,
                self._through, self._orders, self._fills, self._bookings, self._equity, self._cash, self._gross,
                self._cursor,
            )  # fmt: skip
            if self._cursor[CURSOR.STOPPED_FOR] != StoppedFor.RECORD_ROOM:
                break
            self._make_room(2 * self._room)
        own.look_at_own(self._cash, over=True)
        bookings = read_only(self._bookings[: self._cursor[CURSOR.BOOKINGS]])
        count_point(
            rule, point.terms.rates, self._numbers, self._factor, self._times, int(self._cursor[CURSOR.FILLS]),
            bookings, *self._views(), trades, self._closed, self._shares, self._last, *sums,
        )  # fmt: skip


def _where(found: Sequence[Signals]) -> tuple[Floats, Ints]:
    """The sides and the places of what is not written yet, zeros of what is."""
    said = [(each.side, each.at()) if isinstance(each, Unwritten) else (0.0, NOWHERE) for each in found]
    return np.array([side for side, _ in said]), np.array([at for _, at in said], dtype=np.int64)


def _each(points: Sequence[Point], of: Callable[[Terms], Records]) -> Records:
    """Records of all points' terms, which most of them share."""
    first = points[0].terms
    if all(point.terms is first for point in points):
        own = of(first)
        return np.frombuffer(own.tobytes() * len(points), dtype=own.dtype)
    return rec.joined([of(point.terms) for point in points])


def _rules_of(points: Sequence[Point]) -> Records:
    return _each(points, lambda terms: terms.rules.record).copy()


def _joined(signals: Sequence[Records]) -> tuple[Records, Ints]:
    """The signals of all points, and where each point's begin and end."""
    lengths = [len(each) for each in signals]
    bounds = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return rec.joined([each for each in signals if len(each)] or [_NO_SIGNALS]), bounds


def _line(sums: PointSums, number: int) -> PointSums:
    """The lines of one point."""
    own = slice(number, number + 1)
    return PointSums(
        sums.curves[own],
        sums.equity_lanes[number],
        sums.fills_lanes[number],
        sums.totals[own],
        sums.open_trades[own],
        sums.moments[own],
        sums.regressions[own],
        sums.ends[own],
        sums.returns[number],
    )
