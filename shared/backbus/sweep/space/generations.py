"""The points of a search in the generations in which they become known: all at once, or some after the others."""

from __future__ import annotations

from typing import Any

from backbus.job.sweep import SweepSettings
from backbus.market.panel import Floats
from backbus.performance.metrics import FIGURES
from backbus.sweep.space.adaptive import Adaptive
from backbus.sweep.space.space import Space


class Generations:
    """Hands out numbers of points; an adaptive search wants the results of a generation before it gives the next."""

    def __init__(self, settings: SweepSettings) -> None:
        self._adaptive = Adaptive(settings) if settings.method == "adaptive" else None
        self.space = Space(settings) if self._adaptive is None else self._adaptive.space
        """Has the values of all points that were handed out."""
        self._given = 0

    def next(self) -> range:
        """The points of the next generation; empty at the end."""
        first = self._given
        if self._adaptive is None:
            self._given = len(self.space)
        else:
            self._given += len(self._adaptive.ask())
        return range(first, self._given)

    def tell(self, figures: Floats) -> None:
        """[points, figures] of the last generation in the order of its points; NaN where a point has none."""
        if self._adaptive is None:
            return
        wanted = [FIGURES.index(goal.metric) for goal in self._adaptive.settings.objectives]
        results: list[list[Any]] = figures[:, wanted].tolist()
        self._adaptive.tell(results)
