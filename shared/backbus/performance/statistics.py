"""Everything that is counted about a run, fed with its records in any cut; at the end, its report.

Rows, fills, orders and signals flow in independently, each in the order of its own stream. The engine feeds whole
arrays, the performance handler feeds what has arrived; both get the same report. Memory grows with sessions and
assets, not with rows.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backbus.errors import JobError, no_symbol
from backbus.jit.arrays import read_only
from backbus.job.job import Job
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Block, Floats, Ints, Layout, instant_text, session_date
from backbus.market.spacing import NO_CALENDAR
from backbus.performance.fingerprint import FillsDigest, fingerprint
from backbus.performance.holding import HeldThroughout
from backbus.performance.instants import Begins
from backbus.performance.marks import Marking, Marks
from backbus.performance.metrics import Metrics, Sums, figures, metrics_of
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION, sum_up
from backbus.performance.orders import OrderCounts
from backbus.performance.report import Counts, Report
from backbus.performance.risk_free import notes_of_rates, session_rates
from backbus.performance.sessions import BenchmarkCurve, SessionCurve, mark_closes
from backbus.performance.tails import Tails, tails_of, why_undefined
from backbus.performance.trades import TradeBook
from backbus.trading.account_rows import NO_BOOKINGS, EquityRows
from backbus.trading.codes import BOOKING_KINDS, REASONS, Reason
from backbus.trading.numbers import instruments_of
from backbus.trading.records import Records, joined

NEAR = 1.1
"""How far a year that is set may be from the one that the bars say."""


class Statistics:
    """The account of one run."""

    __slots__ = (
        "_adjusting",
        "_benchmark",
        "_booked",
        "_bookings",
        "_closes",
        "_curve",
        "_fills",
        "_held",
        "_instruments",
        "_job",
        "_layout",
        "_marking",
        "_orders",
        "_shown",
        "_signals",
        "_times",
        "_trades",
        "_year",
    )

    def __init__(self, job: Job, layout: Layout, *, marks: bool = False) -> None:
        self._job, self._layout = job, layout
        self._marking = Marking(layout) if marks else None
        self._curve = SessionCurve(job.portfolio.cash)
        self._fills = FillsDigest()
        self._instruments = instruments_of(job, layout.symbols)
        self._trades = TradeBook(layout.assets, self._instruments)
        self._bookings: list[Records] = []
        """Those that have not met the fills of their rows yet."""
        self._booked = np.zeros(len(BOOKING_KINDS))
        self._orders = OrderCounts(layout.assets)
        self._signals = 0
        self._times: tuple[int, int] | None = None
        """When the first traded row begins, and when the last one ends."""
        self._closes = np.full(layout.assets, np.nan)
        self._year = job.year_of(layout.year)
        self._benchmark: BenchmarkCurve | None = None
        self._adjusting: Adjusting | None
        """What makes prices to compare with go on over splits and dividends, where there are any."""
        self._shown = np.full(layout.assets, np.nan)
        symbol = job.performance.benchmark
        adjusting = Adjusting(layout)
        self._adjusting = adjusting if adjusting.acts else None
        self._held = HeldThroughout(self._instruments) if symbol is None else None
        if symbol is not None:
            if symbol not in layout.symbols:
                raise JobError(no_symbol(symbol, layout.symbols), field="performance.benchmark")
            self._benchmark = BenchmarkCurve(layout.symbols.index(symbol))

    def add_rows(self, block: Block, equity: EquityRows | None) -> None:
        """Take the next rows of the panel and the equity of those of them that are traded.

        ``equity`` must end with the block; rows of the block before it are warm-up.
        """
        warmup = len(block) if equity is None else len(block) - len(equity)
        if warmup < 0 or (equity is not None and equity.first_row != block.first_row + warmup):
            raise ValueError("equity rows must be the last rows of the block")
        if self._marking is not None:
            self._marking.add(block)
        shown = block.close
        if self._adjusting is not None:
            shown = self._adjusting.take(block).block.close
            mark_closes(read_only(shown[:warmup]), self._shown)
        if warmup:
            mark_closes(read_only(block.close[:warmup]), self._closes)
        if equity is None or not len(equity):
            return
        if self._benchmark is not None and not self._curve.rows:
            self._benchmark.start(self._closes if self._adjusting is None else self._shown)
        if len(equity.bookings):
            self._bookings.append(equity.bookings)
            np.add.at(self._booked, equity.bookings["kind"], equity.bookings["amount"])
        begin = Begins(self._layout).of(block.rows(warmup, warmup + 1))[0] if self._times is None else self._times[0]
        self._times = int(begin), int(block.end[-1])
        session, close = block.session[warmup:], block.close[warmup:]
        self._curve.add(session, equity.equity, equity.gross)
        if self._benchmark is not None:
            self._benchmark.add(session, shown[warmup:], self._curve.sessions)
        if self._held is not None:
            self._held.add(shown[warmup:])
        mark_closes(read_only(close), self._closes)

    def add_fills(self, fills: Records, times: Ints | None = None, watermark: int | None = None) -> Records:
        """Take the next fills, with their instants where trades are kept; returns the trades that they close.

        They are complete up to ``watermark``, or as far as there are rows: what else befell positions before it is
        taken in with them."""
        self._fills.add(fills)
        return self._trades.add(fills, times, self._bookings_before(watermark))

    def _bookings_before(self, watermark: int | None) -> Records:
        if not self._bookings:
            return NO_BOOKINGS
        bookings = joined(self._bookings)
        cut = len(bookings) if watermark is None else int(np.searchsorted(bookings["tick"], watermark))
        self._bookings = [bookings[cut:]] if cut < len(bookings) else []
        return bookings[:cut]

    def add_orders(self, orders: Records) -> None:
        """Take the next records of the ORDER stream."""
        self._orders.add(orders)

    def add_signals(self, count: int) -> None:
        """Count signals that the strategy emitted."""
        self._signals += count

    @property
    def fingerprint(self) -> str:
        """The fingerprint of what was taken in so far."""
        return fingerprint(self._fills.digest(), self._curve.digest())

    @property
    def marks(self) -> Marks | None:
        """What tells the bars from others, where that was asked for."""
        return None if self._marking is None else self._marking.marks()

    def open_trades(self) -> Records:
        """Trades still open, as ``TRADE`` records valued at the last closes."""
        return self._trades.valued(self._closes, self._layout.warmup + self._curve.rows - 1, self._units())

    def _units(self) -> Floats:
        """[assets] what one unit of price is worth in the account's currency, at the last closes."""
        lines, closes = self._instruments, self._closes
        rates = np.where(lines["rate_of"] >= 0, closes[lines["rate_of"]], 1.0)
        units: Floats = lines["multiplier"] * np.where(lines["inverse"] != 0, 1.0 / rates, rates)
        return units

    def metrics(self) -> Metrics:
        """The figures of what was taken in so far."""
        sums, _ = self._sums()
        cash, year = np.array([self._job.portfolio.cash]), np.array([self._year])
        return metrics_of(figures(cash, year, sums, self._benchmark))

    def returns(self) -> Floats | None:
        """[sessions] simple returns so far; None where equity before one of them was not above zero."""
        sums, returns = self._sums()
        return returns if sums.ends["returned"][0] else None

    def tails(self) -> Tails:
        """The tails of the returns so far."""
        benchmark = None if self._benchmark is None else self._benchmark.returns()
        return tails_of(self.returns(), benchmark, rates=self._rates(), year=self._year)

    def _rates(self) -> Floats:
        return session_rates(self._job.performance.risk_free, self._year, self._curve.dates)

    def _sums(self) -> tuple[Sums, Floats]:
        curve, benchmark = self._curve, self._benchmark
        moments, regression = np.zeros(1, dtype=MOMENTS), np.zeros(1, dtype=REGRESSION)
        ends, returns = np.zeros(1, dtype=ENDS), np.empty(curve.sessions)
        sum_up(
            self._job.portfolio.cash,
            read_only(curve.equity),
            self._rates(),
            benchmark.returns() if benchmark is not None else NO_RETURNS,
            returns,
            moments,
            regression,
            ends,
        )
        open_trades = np.array([self._trades.open_trades])
        return Sums(curve.account, self._trades.totals, open_trades, moments, regression, ends), returns

    def report(self, warnings: Iterable[str] = ()) -> Report:
        """The report of what was taken in so far; ``warnings`` are passed through."""
        metrics = self.metrics()
        dates = self._curve.dates
        return Report(
            name=self._job.name,
            symbols=self._layout.symbols,
            assets=self._layout.assets,
            rows=self._curve.rows,
            warmup=self._layout.warmup,
            sessions=self._curve.sessions,
            year=self._year,
            year_because=self._year_because(),
            first_session=session_date(dates[0]) if len(dates) else None,
            last_session=session_date(dates[-1]) if len(dates) else None,
            first_time=instant_text(self._times[0]) if self._times else None,
            last_time=instant_text(self._times[1]) if self._times else None,
            fingerprint=self.fingerprint,
            fills_digest=self._fills.digest().hex(),
            equity_digest=self._curve.digest().hex(),
            final_equity=metrics.final_equity,
            counts=self._counts(),
            booked={
                name: float(amount) for name, amount in zip(BOOKING_KINDS, self._booked, strict=True) if amount != 0.0
            },
            metrics=metrics,
            buy_and_hold=None if self._held is None else self._held.total_return(),
            undefined=why_undefined(
                metrics, self._curve.sessions, ruined=self.returns() is None, benchmark=self._benchmark is not None
            ),
            tails=self.tails(),
            notes=tuple(self._notes(metrics)),
            warnings=tuple(warnings),
            read=self._layout.read,
        )

    def _counts(self) -> Counts:
        orders, totals = self._orders, self._trades.totals[0]
        return Counts(
            signals=self._signals,
            orders=orders.placed,
            fills=int(totals["fills"]),
            refused=orders.refused,
            refused_because=orders.refused_because,
            forced=orders.forced,
            cut=orders.cut,
            cancelled=orders.cancelled,
            expired=self._trades.expired,
            ended=self._trades.ended,
        )

    def _year_because(self) -> str:
        if self._job.performance.periods_per_year is not None:
            return "as performance.periods_per_year says"
        if self._layout.year:
            return self._layout.year_because
        return NO_CALENDAR if self._job.data.calendar is None else f"sessions of {self._job.data.calendar}"

    def _other_years(self) -> Iterable[str]:
        """Where settings say another year than the bars do."""
        layout, sizing = self._layout, self._job.portfolio.sizing
        bars = layout.year * layout.bars_per_session
        said = (
            ("performance.periods_per_year", self._job.performance.periods_per_year, layout.year),
            ("portfolio.sizing.bars_per_year", getattr(sizing, "bars_per_year", None), bars),
        )
        for name, setting, found in said:
            if setting is not None and found and not 1.0 / NEAR < setting / found < NEAR:
                yield (
                    f"{name} is {setting:g}, and by the data it would be {found:g} ({layout.year_because}): "
                    "leave it out, if that is what a year is"
                )

    def _notes(self, metrics: Metrics) -> Iterable[str]:
        yield from self._other_years()
        yield from notes_of_rates(self._job.performance.risk_free, self._curve.dates)
        refused = self._orders.refused_because.get(REASONS[Reason.NOT_A_MEMBER], 0)
        if refused:
            yield f"orders refused because their asset was not in the universe in that row: {refused}"
        if self._job.execution.fill == "close":
            yield "orders filled at the close that decided them, a price that was not known before deciding"
        ruined = np.flatnonzero(self._curve.equity <= 0.0)
        if len(ruined):
            date = session_date(self._curve.dates[ruined[0]])
            yield f"equity was zero or less at the end of {date}: figures made of returns after it are undefined"
        if metrics.open_trades:
            yield f"trades still open at the end, valued at the last close: {metrics.open_trades}"
        if self._benchmark is not None and self._curve.rows and np.isnan(self._benchmark.base):
            yield (
                f"the benchmark {self._job.performance.benchmark} has no bar before the first traded row: "
                "the comparison leaves out the sessions before its second bar"
            )
