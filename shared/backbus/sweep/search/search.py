"""A job's search over data: which points there are, how they become known, how they are computed, what they come to.

``Search`` is all that whoever computes points needs to know, here, in other processes and on a fleet: points by number,
in generations where they follow from results, their values, something that computes them, and the end of it all.
``Whole`` is the search whose points compete over all of the data; those in folds are other ones (``kinds.search_for``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Floats, Panel, Source, sessions_traded
from backbus.performance.risk_free import in_excess
from backbus.strategy import Strategy, make_strategy
from backbus.strategy.loading import untouched
from backbus.sweep.outcome import Points, best_of, verdict, write_outcome
from backbus.sweep.search.cold import cold_of, notes_of_cold, way_of_start
from backbus.sweep.search.plan import plan_for, points_between, search_of
from backbus.sweep.space.generations import Generations
from backbus.sweep.space.space import Space, point_job, split
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import Chunk, Chunks, Given, InHand, Values


class Computes(Protocol):
    """Computes points; ``Chunks`` is one."""

    def compute(self, points: Sequence[Values], in_hand: InHand = ...) -> Chunk:
        """Run the points, and tell which are in hand."""
        ...


class Search(ABC):
    """What a job with ``[sweep]`` computes over data of so many traded sessions."""

    space: Space
    """Of one competition, for checks."""
    width = 0
    """The most sessions that a point's returns are kept of."""
    runs_at_end = 1
    """Backtests that ``conclude`` runs."""
    source: Source | None = None
    """The market that the job's panel was made of, for a search that makes others like it."""

    def __init__(self, job: Job, sessions: int) -> None:
        self.job = job
        self.settings = search_of(job)
        self.plan = plan_for(job, sessions)
        """Of all chunks, as far as their sizes go."""

    @abstractmethod
    def __len__(self) -> int:
        """How many points there are."""

    @abstractmethod
    def next(self) -> range:
        """The points of the next round; empty at the end."""

    @abstractmethod
    def tell(self, figures: Floats) -> None:
        """[points, figures] of the last round in the order of its points; NaN where a point has none."""

    @abstractmethod
    def values(self, first: int, stop: int) -> list[dict[str, Any]]:
        """What tells these points from others, as ``Computes`` takes it; of those that were given out, or recorded."""

    def given(self, first: int, stop: int) -> Given:
        """The same, as another process is given them, which makes what follows from their numbers itself."""
        return self.values(first, stop) if self.settings.method == "adaptive" else range(first, stop)

    @abstractmethod
    def record(self, values: Sequence[dict[str, Any]]) -> None:
        """Take in the values of the next points, where they follow from results that were told elsewhere."""

    @abstractmethod
    def computes(self, panel: Panel, strategy: type[Strategy]) -> Computes:
        """What computes the points."""

    @abstractmethod
    def conclude(
        self, folder: Path, panel: Panel, strategy: type[Strategy], points: Points, family: Family
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Write the files of the finished search into ``folder``, which is made; the summary, and the files by name.

        ``family`` are all trials of the strategy on this market.
        """


class PointsAfter:
    """The points of a search from one on: called, it gives the values of some, as clusters take them."""

    def __init__(self, search: Search, first: int = 0) -> None:
        self._search, self._first = search, first

    def __call__(self, begin: int, stop: int) -> list[dict[str, Any]]:
        """Their values."""
        return self._search.values(self._first + begin, self._first + stop)

    def given(self, begin: int, stop: int) -> Given:
        """What a process that has the search is given."""
        return self._search.given(self._first + begin, self._first + stop)


class Whole(Search):
    """All points over all of the data."""

    def __init__(self, job: Job, sessions: int) -> None:
        super().__init__(job, sessions)
        self._generations = Generations(self.settings)
        self.space = self._generations.space

    def __len__(self) -> int:
        return len(self.space)

    def next(self) -> range:
        """The points of the next round; empty at the end."""
        return self._generations.next()

    def tell(self, figures: Floats) -> None:
        """What the last round came to."""
        self._generations.tell(figures)

    def values(self, first: int, stop: int) -> list[dict[str, Any]]:
        """Values by field."""
        return points_between(self.space, first, stop)

    def record(self, values: Sequence[dict[str, Any]]) -> None:
        """Take in values."""
        self.space.record(values)

    def computes(self, panel: Panel, strategy: type[Strategy]) -> Computes:
        """Chunks over the panel."""
        return Chunks(self.job, panel, strategy, self.plan)

    def conclude(
        self, folder: Path, panel: Panel, strategy: type[Strategy], points: Points, family: Family
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Run the best point again for its returns, judge it, write table and summary."""
        goal = self.settings.objectives[0]
        best = best_of(points.figures, goal)
        returns = None if best is None else self._returns_of(best, panel, strategy)
        statistics = verdict(self.job, self.space, points, self.plan, goal, returns, family.trials)
        cold = cold_of(points.observed["cold"])
        notes = notes_of_cold([("the data", self.plan.sessions, cold)], way_of_start(self.job, panel, cold))
        told = {"trials_family_told": family.told} if family.told else {}
        more = {"statistics": statistics.model_dump(mode="json"), **told, "cold": cold, "notes": notes}
        return write_outcome(folder, self.job, self.space, points, goal, more)

    def _returns_of(self, point: int, panel: Panel, strategy: type[Strategy]) -> Floats | None:
        own, others = split(self.space.values(point))
        one = point_job(self.job, others)
        engine = Engine(one, panel, make_strategy(untouched(strategy), {**self.job.strategy.params, **own}))
        engine.run()
        returns = engine.returns()
        if returns is None:
            return None
        return in_excess(returns, one.performance.risk_free, one.year_of(panel.layout.year), sessions_traded(panel))
