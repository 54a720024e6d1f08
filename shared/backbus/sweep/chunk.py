"""Some points of a sweep computed: the one function that local processes, fleet workers and other engines run.

``Chunks`` is made once per process: panel, strategy class and indicator values are shared by all points that it ever
computes. A point that fails says how; the points beside it do not notice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.engine.points import Point, PointsEngine, Terms, terms_of
from backbus.engine.run import Engine
from backbus.errors import BackbusError, JobError, StrategyError
from backbus.jobs import Job
from backbus.market.panel import Floats, Panel
from backbus.market.records import Records
from backbus.performance.metrics import FIGURES
from backbus.strategy import Strategy, StrategyRunner, make_strategy
from backbus.strategy.sharing import Shared
from backbus.sweep.honesty import Observer, Plan
from backbus.sweep.space import point_job, split

REFUSED, RAISED, TOO_LONG, TOO_MUCH, KILLED = "refused", "raised", "time", "memory", "killed"
"""Kinds of failure: its parameters cannot be had together; its strategy raised; it took more processor time or more
memory than allowed; its process died of it."""
FAILURES = (REFUSED, RAISED, TOO_LONG, TOO_MUCH, KILLED)

BATCH_BYTES = 32 * 2**20
"""What the signals and returns of the points of one compiled call may take."""
BATCH_POINTS = 256

Values = Mapping[str, Any]
"""One point: the swept fields by their dotted path, ``strategy.fast`` and the like."""


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
    """[points] ``honesty.POINT``."""
    maxima: Floats
    """[4, resamples + 1], over the chunk's points."""


class Chunks:
    """Computes chunks of one sweep over one panel."""

    def __init__(self, job: Job, panel: Panel, strategy: type[Strategy], plan: Plan) -> None:
        self._job, self._panel, self._strategy, self._plan = job, panel, strategy, plan
        self._shared = Shared()
        self._jobs: dict[str, tuple[Job, Terms]] = {}
        self._engines: dict[str | None, PointsEngine] = {}

    def compute(self, points: Sequence[Values]) -> Chunk:
        """Run the points. What they raise is recorded; nothing else is caught."""
        count = len(points)
        made = _Making(count, self._plan)
        batch = _Batch()
        for index, values in enumerate(points):
            own, others = split(values)
            try:
                job, terms = self._terms(others)
                strategy = make_strategy(self._strategy, {**job.strategy.params, **own})
            except (JobError, StrategyError) as error:
                made.fail(index, REFUSED, error)
                continue
            try:
                if strategy.reads_book:
                    made.take_report(index, Engine(job, self._panel, strategy))
                    continue
                runner = StrategyRunner(strategy, self._panel.layout, shared=self._shared)
                signals = runner.on_block(self._panel.block)
            except StrategyError as error:
                made.fail(index, RAISED, error)
                continue
            kind = job.performance.benchmark, int(terms.rules["volatility_rows"][0])
            if batch.full(signals, self._plan.sessions) or (batch.points and batch.kind != kind):
                self._run(batch, made)
            batch.add(index, kind, Point(terms, signals))
        self._run(batch, made)
        return made.chunk()

    def _run(self, batch: _Batch, made: _Making) -> None:
        if not batch.points:
            return
        benchmark = batch.kind[0]
        engine = self._engines.get(benchmark)
        if engine is None:
            engine = self._engines[benchmark] = PointsEngine(self._panel, benchmark)
        outcome = engine.run(batch.points)
        rows = np.column_stack([outcome.figures[name] for name in FIGURES])
        for place, index in enumerate(batch.places):
            returns = outcome.returns[place] if outcome.returned[place] else None
            made.take(index, rows[place], outcome.fingerprints[place], returns)
        batch.clear()

    def _terms(self, others: Values) -> tuple[Job, Terms]:
        """The job of a point apart from its strategy's parameters; the same one for points that differ in these."""
        key = json.dumps(others, sort_keys=True, default=str)
        known = self._jobs.get(key)
        if known is None:
            job = point_job(self._job, others) if others else self._job
            if job.performance.benchmark not in (None, *self._panel.symbols):
                raise JobError(f"the data has no symbol {job.performance.benchmark!r}", field="performance.benchmark")
            known = self._jobs[key] = job, terms_of(job, self._panel.layout)
        return known


class _Batch:
    """Points that wait for one compiled call: all with one benchmark and one length of volatility."""

    def __init__(self) -> None:
        self.kind: tuple[str | None, int] = (None, 0)
        self.clear()

    def clear(self) -> None:
        self.points: list[Point] = []
        self.places: list[int] = []
        self._bytes = 0

    def full(self, signals: Records, sessions: int) -> bool:
        self._bytes += signals.nbytes + 8 * sessions
        return bool(self.points) and (self._bytes > BATCH_BYTES or len(self.points) >= BATCH_POINTS)

    def add(self, place: int, kind: tuple[str | None, int], point: Point) -> None:
        self.kind = kind
        self.places.append(place)
        self.points.append(point)


class _Making:
    """A chunk that is being filled."""

    def __init__(self, points: int, plan: Plan) -> None:
        self._figures = np.full((points, len(FIGURES)), np.nan)
        self._prints = np.zeros((points, 16), dtype=np.uint8)
        self._failures: dict[int, Failure] = {}
        self._observer = Observer(plan, points)

    def fail(self, place: int, kind: str, error: BackbusError) -> None:
        self._failures[place] = Failure(kind, str(error))

    def take(self, place: int, figures: Floats, fingerprint: str, returns: Floats | None) -> None:
        self._figures[place] = figures
        self._prints[place] = np.frombuffer(bytes.fromhex(fingerprint), dtype=np.uint8)
        if returns is not None:
            self._observer.observe(place, returns)

    def take_report(self, place: int, engine: Engine) -> None:
        report = engine.run()
        plain = report.metrics.as_dict()
        row = np.array([np.nan if plain[name] is None else plain[name] for name in FIGURES], dtype=np.float64)
        self.take(place, row, report.fingerprint, engine.returns())

    def chunk(self) -> Chunk:
        return Chunk(self._figures, self._prints, self._failures, self._observer.rows, self._observer.maxima)
