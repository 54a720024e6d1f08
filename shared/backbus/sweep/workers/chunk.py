"""Some points of a sweep computed: the one function that local processes, fleet workers and other engines run.

``Chunks`` is made once per process: panel, strategy class and indicator values are shared by all points that it ever
computes. A point that fails says how; the points beside it do not notice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.engine.batch import Outcome, Point, PointsEngine, Terms, terms_of
from backbus.engine.run import Engine
from backbus.engine.straight import may_stay_unwritten
from backbus.errors import JobError, StrategyError, lacks_memory, no_symbol
from backbus.job.job import Job
from backbus.job.performance import RiskFree
from backbus.market.panel import Floats, Ints, Panel, sessions_traded
from backbus.performance.lanes import Sight
from backbus.performance.metrics import FIGURES
from backbus.performance.risk_free import in_excess
from backbus.strategy import PanelRunner, Strategy, make_strategy
from backbus.strategy.loading import anew, prints_of_class, remembers, untouched
from backbus.strategy.saying.unwritten import Signals
from backbus.sweep.space.space import point_job, split
from backbus.sweep.statistics import Observer, Plan, merge
from backbus.trading.records import Records

REFUSED, RAISED, TOO_LONG, TOO_MUCH, KILLED = "refused", "raised", "time", "memory", "killed"
"""Kinds of failure: its parameters cannot be had together; its strategy raised; it took more processor time or more
memory than allowed; its process died of it."""
FAILURES = (REFUSED, RAISED, TOO_LONG, TOO_MUCH, KILLED)

BATCH_BYTES = 12 * 2**20
"""What the signals and returns of the points of one compiled call may take."""
BATCH_POINTS = 256
JOBS = 1024
"""Jobs that are kept made. Points of a sweep come in an order in which neighbours share theirs."""
MESSAGE_LETTERS = 2000

Values = Mapping[str, Any]
"""One point: the swept fields by their dotted path, ``strategy.fast`` and the like."""

Given = range | Sequence[Values]
"""Points as whoever computes them is given them: by their numbers, where they follow from these, or by their values."""

Kind = tuple[str | None, int]
"""The benchmark and the length of volatility: points of one compiled call have them in common."""

InHand = Callable[[int, int], None]
"""Told what is worked on from now: the place of the first point, and how many."""


@dataclass(frozen=True)
class Failure:
    """Why a point has no figures."""

    kind: str
    message: str


@dataclass(frozen=True, eq=False)
class Chunk:
    """What some points came to, in their order."""

    figures: Floats
    """[points, figures] in the order of ``FIGURES``; NaN where not defined."""
    fingerprints: NDArray[np.uint8]
    """[points, 16]; zeros where the point failed."""
    failures: dict[int, Failure]
    """By place in the chunk."""
    observed: Records
    """[points] ``statistics.POINT``."""
    maxima: Floats
    """[4, resamples + 1], over the chunk's points."""
    returns: Floats | None = None
    """[points, sessions], NaN where there is none; only where a search asks for them."""


def failed_chunk(failure: Failure, plan: Plan) -> Chunk:
    """One point that failed."""
    made = _Making(1, plan)
    made.fail(0, failure.kind, failure.message)
    return made.chunk()


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Chunks that follow each other as one: the same bytes however they were cut. At least one."""
    failures: dict[int, Failure] = {}
    first = 0
    for part in parts:
        failures.update({first + place: failure for place, failure in part.failures.items()})
        first += len(part.figures)
    return Chunk(
        np.concatenate([part.figures for part in parts]),
        np.concatenate([part.fingerprints for part in parts]),
        failures,
        np.concatenate([part.observed for part in parts]),
        functools.reduce(merge, [part.maxima for part in parts]),
        _joined_returns(parts),
    )


def _joined_returns(parts: Sequence[Chunk]) -> Floats | None:
    """As wide as the widest."""
    widest = max((part.returns.shape[1] for part in parts if part.returns is not None), default=0)
    if not widest:
        return None
    found = np.full((sum(len(part.figures) for part in parts), widest), np.nan)
    first = 0
    for part in parts:
        stop = first + len(part.figures)
        if part.returns is not None:
            found[first:stop, : part.returns.shape[1]] = part.returns
        first = stop
    return found


class Chunks:
    """Computes chunks of one sweep over one panel."""

    def __init__(
        self, job: Job, panel: Panel, strategy: type[Strategy], plan: Plan, *, keep_returns: bool = False
    ) -> None:
        self._job, self._panel, self._strategy, self._plan = job, panel, untouched(strategy), plan
        self._before = prints_of_class(strategy)
        self._anew = False
        """Whether the strategy's files remember what a point did, so that each point gets fresh ones."""
        self._keep_returns = keep_returns
        self._runner = PanelRunner(panel, unwritten=may_stay_unwritten(panel))
        traded = panel.block.session[panel.layout.warmup :]
        self._begins = panel.layout.warmup + np.flatnonzero(np.diff(traded, prepend=traded[:1] - 1))
        """The first row of each traded session."""
        self._sessions = sessions_traded(panel)
        self._year = job.year_of(panel.layout.year)
        self._before_rows: dict[int, int] = {}
        self._jobs: dict[str, _Common] = {}
        self._engines: dict[str | None, PointsEngine] = {}

    def compute(self, points: Sequence[Values], in_hand: InHand = lambda first, count: None) -> Chunk:
        """Run the points. What they raise is recorded; nothing else is caught.

        Each is the run that it says it is: where one leaves something behind in the strategy's files, none of them
        shares a module with another. StrategyError for a class that was handed over and does so."""
        if not self._anew:
            self._strategy = untouched(self._strategy)
            chunk = self._compute(points, in_hand)
            left = remembers(self._strategy, self._before)
            if not left or (len(points) == 1 and not self._before):
                return chunk
            if self._before:
                raise StrategyError(
                    f"{self._strategy.__name__} remembers something from point to point, so that a point is not the "
                    "run that it would be alone: keep it in self, or name the strategy by its file"
                )
            self._anew = True
        parts = []
        for place, values in enumerate(points):
            self._strategy = anew(self._strategy)
            in_hand(place, 1)
            parts.append(self._compute([values], lambda first, count: None))
        return joined(parts) if parts else self._compute(points, in_hand)

    def _compute(self, points: Sequence[Values], in_hand: InHand) -> Chunk:
        count = len(points)
        changes = isinstance(self._job.performance.risk_free, RiskFree)
        made = _Making(count, self._plan, self._keep_returns, self._in_excess if changes else None)
        batch = _Batch()
        for index, values in enumerate(points):
            own, others = split(values)
            in_hand(index, 1)
            try:
                common = self._common(others)
                strategy = make_strategy(self._strategy, {**common.job.strategy.params, **own})
            except (JobError, StrategyError) as error:
                made.fail(index, REFUSED, str(error))
                continue
            try:
                if strategy.reads_book:
                    made.cold(index, self._sessions_before(strategy.reach()))
                    made.take_report(index, Engine(common.job, self._panel, strategy))
                    continue
                signals = self._runner.signals(strategy)
                made.cold(index, self._sessions_before(self._runner.cold))
            except (StrategyError, MemoryError) as error:
                made.fail(index, TOO_MUCH if lacks_memory(error) else RAISED, str(error) or type(error).__name__)
                continue
            if common.terms.rules.own:
                self._run_own(index, common, signals, made)
                continue
            if batch.full(signals, self._plan.sessions) or (batch.points and batch.kind != common.kind):
                self._run(batch, made, in_hand)
            batch.add(index, common.kind, Point(common.terms, signals))
        self._run(batch, made, in_hand)
        return made.chunk()

    def _in_excess(self, returns: Floats) -> Floats:
        return in_excess(returns, self._job.performance.risk_free, self._year, self._sessions)

    def _sessions_before(self, rows: int) -> int:
        known = self._before_rows.get(rows)
        if known is None:
            known = self._before_rows[rows] = int(np.searchsorted(self._begins, rows))
        return known

    def _run(self, batch: _Batch, made: _Making, in_hand: InHand) -> None:
        if not batch.points:
            return
        in_hand(batch.places[0], batch.places[-1] + 1 - batch.places[0])
        benchmark = batch.kind[0]
        engine = self._engines.get(benchmark)
        if engine is None:
            engine = self._engines[benchmark] = PointsEngine(self._panel, benchmark)
        made.take(np.array(batch.places), engine.run(batch.points, made.sight))
        batch.clear()

    def _run_own(self, index: int, common: _Common, signals: Signals, made: _Making) -> None:
        """Run a point with models of the user's own, by itself: it fails alone where one of them does, and begins with
        models that no other point has used."""
        batch = _Batch()
        batch.add(index, common.kind, Point(terms_of(common.job, self._panel.layout, self._sessions), signals))
        try:
            self._run(batch, made, lambda first, count: None)
        except (StrategyError, MemoryError) as error:
            made.fail(index, TOO_MUCH if lacks_memory(error) else RAISED, str(error) or type(error).__name__)

    def _common(self, others: Values) -> _Common:
        """What a point is apart from its strategy's parameters; the same for points that differ in these alone."""
        key = repr(others)
        known = self._jobs.get(key)
        if known is None:
            job = point_job(self._job, others) if others else self._job
            if job.performance.benchmark not in (None, *self._panel.symbols):
                raise JobError(no_symbol(job.performance.benchmark, self._panel.symbols), field="performance.benchmark")
            if len(self._jobs) >= JOBS:
                self._jobs.clear()
            terms = terms_of(job, self._panel.layout, self._sessions)
            kind = job.performance.benchmark, int(terms.rules.record["volatility_rows"][0])
            known = self._jobs[key] = _Common(job, terms, kind)
        return known


class _Common(NamedTuple):
    """What points that differ in nothing but their strategy's parameters share."""

    job: Job
    terms: Terms
    kind: Kind


class _Batch:
    """Points that wait for one compiled call: all of one kind."""

    def __init__(self) -> None:
        self.kind: Kind = (None, 0)
        self.clear()

    def clear(self) -> None:
        self.points: list[Point] = []
        self.places: list[int] = []
        self._bytes = 0

    def full(self, signals: Signals, sessions: int) -> bool:
        self._bytes += signals.nbytes + 8 * sessions
        return bool(self.points) and (self._bytes > BATCH_BYTES or len(self.points) >= BATCH_POINTS)

    def add(self, place: int, kind: Kind, point: Point) -> None:
        self.kind = kind
        self.places.append(place)
        self.points.append(point)


class _Making:
    """A chunk that is being filled."""

    def __init__(
        self, points: int, plan: Plan, keep_returns: bool = False, excess: Callable[[Floats], Floats] | None = None
    ) -> None:
        """``excess`` makes returns what is observed of them, where the rate changes by session."""
        self._excess, self._by_session = excess or np.asarray, excess is not None
        self._returns = np.full((points, plan.sessions), np.nan) if keep_returns else None
        self._figures = np.full((points, len(FIGURES)), np.nan)
        self._prints = np.zeros((points, 16), dtype=np.uint8)
        self._failures: dict[int, Failure] = {}
        self._observer = Observer(plan, points)
        self._cold = np.zeros(points, dtype=np.int64)

    def fail(self, place: int, kind: str, message: str) -> None:
        # A message travels and is stored: what a strategy put there must be text, and no more of it than is read.
        text = message[:MESSAGE_LETTERS].encode("utf-8", "backslashreplace").decode()
        self._failures[place] = Failure(kind, text)

    def cold(self, place: int, sessions: int) -> None:
        self._cold[place] = sessions

    @property
    def sight(self) -> Sight | None:
        """What is summed of points' returns; None where something else is asked of them."""
        return None if self._returns is not None or self._by_session else self._observer.sight

    def take(self, places: Ints, outcome: Outcome) -> None:
        self._put(places, np.column_stack([outcome.figures[name] for name in FIGURES]), outcome.fingerprints)
        rest = outcome.returned
        if outcome.seen is not None:
            rest = outcome.returned & ~outcome.straight
            self._observer.observe_sums(np.where(outcome.straight, places, -1), outcome.seen)
        if rest.all():
            self._observe(places, outcome.returns)
        elif rest.any():
            self._observe(places[rest], outcome.returns[rest])

    def _put(self, places: Ints, figures: Floats, fingerprints: Sequence[str]) -> None:
        self._figures[places] = figures
        self._prints[places] = np.frombuffer(bytes.fromhex("".join(fingerprints)), dtype=np.uint8).reshape(-1, 16)

    def _observe(self, places: Ints, returns: Floats) -> None:
        self._observer.observe_some(places, self._excess(returns))
        if self._returns is not None:
            self._returns[places] = returns

    def take_report(self, place: int, engine: Engine) -> None:
        report = engine.run()
        plain = report.metrics.as_dict()
        row = np.array([np.nan if plain[name] is None else plain[name] for name in FIGURES], dtype=np.float64)
        places, returns = np.array([place]), engine.returns()
        self._put(places, row[None], [report.fingerprint])
        if returns is not None:
            self._observe(places, returns[None])

    def chunk(self) -> Chunk:
        self._observer.rows["cold"] = self._cold
        return Chunk(
            self._figures, self._prints, self._failures, self._observer.rows, self._observer.maxima, self._returns
        )
