"""The value of earlier bars."""

from __future__ import annotations

import numpy as np

from backbus.jit.decorators import loop
from backbus.market.panel import Floats, Ints
from backbus.strategy.indicators.indicated import Indicated, S, bars_count, counts
from backbus.strategy.run import Run

NAN = np.nan


@loop
def shifted(x: Floats, close: Floats, out: Floats, ring: Floats, counts: Ints, n: int) -> None:
    """The value of ``n`` own bars ago, missing ones included; state: ring [assets, n] of NaN, counts [assets]."""
    for a in range(x.shape[1]):
        at = counts[a]
        for r in range(x.shape[0]):
            if close[r, a] != close[r, a]:
                out[r, a] = NAN
                continue
            out[r, a] = ring[a, at]
            ring[a, at] = x[r, a]
            at = at + 1
            if at == n:
                at = 0
        counts[a] = at


def shift(run: Run, x: Floats, close: Floats, n: int) -> Floats:
    """The value of ``n`` own bars ago; ``close`` tells which bars there are."""
    n, assets = bars_count("shift", n, least=0), x.shape[1]
    if n == 0:
        return x
    state = run.slot(("shift", n), lambda: (np.full((assets, n), np.nan), counts(assets)))
    out = np.empty(x.shape)
    shifted(x, close, out, *state, n)
    return out


class Shifted(Indicated[S]):
    """What ``shift`` and changes are made of."""

    __slots__ = ()

    def _shifted(self, n: int) -> S:
        of = self._closes
        close = of._there
        return of._named("shift", n, lambda run, values, n: shift(run, values, close, n))


class Shift(Shifted[S]):
    """``shift`` and ``diff``, of streams only."""

    __slots__ = ()

    def shift(self, n: int = 1) -> S:
        """The value of n own bars ago."""
        return self._shifted(n)

    def diff(self, n: int = 1) -> S:
        """Difference to n own bars ago."""
        before = self._values(self._shifted(n))
        with np.errstate(all="ignore"):
            return self._made(self._numbers() - before)
