"""What the tables of a run tell beside its report: when it fell and was back again, and how long trades were held."""

from __future__ import annotations

import numpy as np

from backbus.performance.drawdowns import worst_drawdowns
from backbus.performance.summary import Particulars
from backbus.runs.shown import RunShown

_DAY = np.timedelta64(1, "D")


def particulars_of(run: RunShown, cash: float) -> Particulars | None:
    """Of a run that began with ``cash``; None where no row was traded, or equity is not a number."""
    equity = run.column("equity", "equity")
    if not len(equity) or not np.isfinite(equity).all():
        return None
    bars, days = _held(run)
    worst = worst_drawdowns(equity, cash, 1)
    if not worst:
        return Particulars(None, None, None, bars, days)
    session = run.column("equity", "session").astype("M8[D]")
    begun, bottom, recovered = worst[0].times(session)
    return Particulars(str(begun), str(bottom), None if recovered is None else str(recovered), bars, days)


def _held(run: RunShown) -> tuple[float | None, float | None]:
    """Bars and days that trades were held which closed, in the mean."""
    entry, end = run.column("trades", "entry_time"), run.column("trades", "exit_time")
    closed = ~np.isnat(end)
    if not closed.any():
        return None, None
    return float(run.column("trades", "bars")[closed].mean()), float(((end - entry)[closed] / _DAY).mean())
