"""When a value comes over to the other side of another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.jit.decorators import loop
from backbus.market.panel import Floats
from backbus.strategy.indicators.indicated import Indicated, S
from backbus.strategy.run import Run


@loop
def crossed(x: Floats, y: Floats, out: NDArray[np.bool_], sides: Floats, side: float) -> None:
    """Whether ``x`` has come over to this ``side`` of ``y`` from the other; state: [assets] the last strict side."""
    for a in range(x.shape[1]):
        last = sides[a]
        for r in range(x.shape[0]):
            now = 1.0 if x[r, a] > y[r, a] else (-1.0 if x[r, a] < y[r, a] else 0.0)
            out[r, a] = now == side and last == -side
            if now != 0.0:
                last = now
        sides[a] = last


def cross(run: Run, name: str, x: Floats, y: Floats, side: float) -> NDArray[np.bool_]:
    """Whether ``x`` came over to this side of ``y``."""
    state = run.slot((name,), lambda: np.zeros(x.shape[1]))
    out = np.empty(x.shape, np.bool_)
    crossed(x, y, out, state, side)
    return out


class Cross(Indicated[S]):
    """``crosses_above`` and ``crosses_below``, of streams only: the other side is a stream or a number."""

    __slots__ = ()

    def crosses_above(self, other: Any) -> S:
        """True where this comes from strictly below ``other`` to strictly above; touching does not change the side."""
        return self._made(cross(self._run, "crosses_above", self._numbers(), self._like(other), 1.0))

    def crosses_below(self, other: Any) -> S:
        """True where this comes from strictly above ``other`` to strictly below; touching does not change the side."""
        return self._made(cross(self._run, "crosses_below", self._numbers(), self._like(other), -1.0))
