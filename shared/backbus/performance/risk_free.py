"""What a session without risk returns, by the rates that a job has: one number for all, or one for each session.

A session counts with the rate that is known where it begins: the last one whose date is no later than its own.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable

import numpy as np

from backbus.jit.arrays import read_only
from backbus.job.performance import RiskFree
from backbus.market.panel import Floats, Ints, session_date
from backbus.performance.metrics import session_rate

STALE_DAYS = 100
"""How long a rate goes on without a word: a quarter, and some."""


def session_rates(risk_free: float | RiskFree, year: float, sessions: Ints) -> Floats:
    """[1] the rate of every session, or [sessions] of each; ``sessions`` are days since 1970, in order."""
    if not isinstance(risk_free, RiskFree):
        return read_only(np.array([session_rate(risk_free, year)]))
    days, rates = _series(risk_free)
    known = rates[np.maximum(np.searchsorted(days, sessions, side="right") - 1, 0)]
    if risk_free.days is not None:
        return read_only(known * np.diff(sessions, prepend=sessions[:1] - 1) / risk_free.days)
    return read_only(np.array([session_rate(rate, year) for rate in known.tolist()]))


def rate_of_plan(risk_free: float | RiskFree, year: float) -> float:
    """The rate per session that a sweep's plan is made with: 0 where each session has its own, by which its returns are
    lessened before they are observed."""
    return 0.0 if isinstance(risk_free, RiskFree) else session_rate(risk_free, year)


def in_excess(returns: Floats, risk_free: float | RiskFree, year: float, sessions: Ints) -> Floats:
    """Returns […, sessions] less each session's own rate; as they are where all have the same, which the plan knows."""
    if not isinstance(risk_free, RiskFree):
        return returns
    return np.asarray(returns - session_rates(risk_free, year, sessions), dtype=np.float64)


def notes_of_rates(risk_free: float | RiskFree, sessions: Ints) -> Iterable[str]:
    """What a reader has to know of a rate that changes."""
    if not isinstance(risk_free, RiskFree) or not len(sessions):
        return
    days, rates = _series(risk_free)
    how = (
        "compounded by sessions"
        if risk_free.days is None
        else f"simple interest for the calendar days between sessions, of a year of {risk_free.days}"
    )
    named = risk_free.file or "performance.risk_free"
    yield (
        f"the risk-free rate is that of {named}: {100.0 * rates.min():g} % to {100.0 * rates.max():g} % a year, "
        f"{session_date(days[0])} to {session_date(days[-1])}, {how}; each session counts with the last one known "
        "where it begins"
    )
    early = int(np.searchsorted(sessions, days[0]))
    if early:
        yield (
            f"the risk-free rate begins on {session_date(days[0])}: the first {early} sessions, from "
            f"{session_date(sessions[0])} on, count with that first rate"
        )
    if sessions[-1] - days[-1] > STALE_DAYS:
        late = len(sessions) - int(np.searchsorted(sessions, days[-1], side="right"))
        yield (
            f"the risk-free rate ends on {session_date(days[-1])}: the last {late} sessions, to "
            f"{session_date(sessions[-1])}, count with that last rate"
        )


def _series(risk_free: RiskFree) -> tuple[Ints, Floats]:
    """Dates in days since 1970, and rates a year."""
    if not risk_free.rates:
        raise ValueError(f"{risk_free.file} was not read")
    epoch = datetime.date(1970, 1, 1)
    days = [(datetime.date.fromisoformat(date) - epoch).days for date in risk_free.rates]
    return np.array(days, dtype=np.int64), np.array(list(risk_free.rates.values()), dtype=np.float64)
