"""Folds: which sessions of a panel points compete in, and which ones the best of them is then run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.job.sweep import LEAST_GROUPS, CrossValidationSettings, WalkForwardSettings
from backbus.market.panel import Floats, Ints, Panel, session_date
from backbus.performance.metrics import FIGURES, Sums, Values, figures
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION, sum_up
from backbus.performance.sessions import ACCOUNT, SessionCurve
from backbus.performance.trades import TOTALS

SESSION_FIGURES = ("total_return", "annual_return", "volatility", "sharpe", "sortino", "calmar", "max_drawdown")
"""Figures that follow from the returns of sessions alone; here drawdowns are by session, not by row."""


class Span(NamedTuple):
    """Traded sessions from ``start`` up to, not including, ``stop``, counted from the first."""

    start: int
    stop: int


class Fold(NamedTuple):
    """Where points compete, and where the best of them is run. No session is in both."""

    train: Span
    test: Span


def walk_forward_folds(sessions: int, settings: WalkForwardSettings) -> list[Fold]:
    """The folds of so many sessions, in order; the last test range may be shorter. JobError where not one fits."""
    train, test, step = settings.train, settings.test, settings.step or settings.test
    before = settings.history
    if before + train + test > sessions:
        first = f"{before} sessions of history, {train} of train" if before else f"{train} sessions of train"
        raise JobError(
            f"{first} and {test} of test are {before + train + test}, and the data has {sessions} to trade: ask for "
            "fewer, or name more data",
            field=f"sweep.walk_forward.{'history' if before >= sessions else 'train' if train >= sessions else 'test'}",
        )
    return [
        Fold(Span(before if settings.anchored else begin - train, begin), Span(begin, min(begin + test, sessions)))
        for begin in range(before + train, sessions, step)
    ]


def groups_of(sessions: int, settings: CrossValidationSettings) -> list[Span]:
    """Groups of nearly equal length that follow each other, the longer ones first. JobError where they do not fit."""
    count, before = settings.groups, settings.history
    sessions -= before
    if sessions < 2 * count:
        some = sessions >= 2 * LEAST_GROUPS
        way_on = f"{sessions // 2} groups are the most" if some else "shorten it" if before else "name more data"
        raise JobError(
            f"{count} groups of at least 2 sessions need {2 * count}, and the data has {max(sessions, 0)} to trade"
            + (f" after {before} of history" if before else "")
            + f": {way_on}",
            field="sweep.cpcv.history" if before and not some else "sweep.cpcv.groups",
        )
    lengths = [sessions // count + (place < sessions % count) for place in range(count)]
    stops = np.cumsum(lengths).tolist()
    return [Span(before + stop - length, before + stop) for stop, length in zip(stops, lengths, strict=True)]


def train_sessions(groups: Sequence[Span], test: Sequence[int], settings: CrossValidationSettings) -> NDArray[np.bool_]:
    """[sessions] which of them a split trains on: those of no test group, purged and with an embargo."""
    train = np.ones(groups[-1].stop, dtype=np.bool_)
    train[: groups[0].start] = False
    for place in test:
        start, stop = groups[place]
        train[max(start - settings.purge, 0) : stop + settings.purge + settings.embargo] = False
    return train


def session_rows(panel: Panel) -> Ints:
    """The first row of each traded session, and the number of rows as the last entry."""
    warmup = panel.layout.warmup
    session = panel.block.session[warmup:]
    return np.concatenate(([warmup], warmup + 1 + np.flatnonzero(np.diff(session)), [len(panel)])).astype(np.int64)


def panel_between(panel: Panel, start: int, stop: int, warmup: int | None = None) -> Panel:
    """The panel whose traded rows are ``start`` to ``stop`` of this one, its own warm-up rows among them, renumbered.

    Up to ``warmup`` rows before them are its warm-up, all there are where None: what ``data.start``, ``data.end`` and
    ``data.warmup`` make of the same rows.
    """
    before = start if warmup is None else min(start, warmup)
    part = panel.block.rows(start - before, stop)
    layout = replace(panel.layout, rows=len(part), warmup=before)
    return Panel(layout, replace(part, first_row=0), panel.notes)


def span_panel(panel: Panel, rows: Ints, span: Span, warmup: int | None) -> Panel:
    """The panel that trades these sessions; ``rows`` are ``session_rows(panel)``."""
    return panel_between(panel, int(rows[span.start]), int(rows[span.stop]), warmup)


def span_dates(panel: Panel, rows: Ints, span: Span) -> tuple[str, str]:
    """The first and the last session of a span."""
    session = panel.block.session
    return session_date(session[rows[span.start]]), session_date(session[rows[span.stop] - 1])


def session_figures(returns: Values, cash: float, year: float, rates: Floats) -> dict[str, float | None]:
    """``SESSION_FIGURES`` of an account that begins with ``cash`` and makes these returns, session by session."""
    found = figures_of_many(np.asarray(returns)[None, :], cash, year, rates)
    return {name: value for name, value in plain_figures(found).items() if name in SESSION_FIGURES}


def figures_of_many(returns: Floats, cash: float, year: float, rates: Floats) -> dict[str, Floats]:
    """The same for many accounts: [runs, sessions] to [runs] by figure, NaN where not defined.

    The sums and formulas of a run whose rows are its sessions; ``year`` are sessions per year, ``rates`` are per
    session, [1] for all or [sessions]. Only ``SESSION_FIGURES`` mean something. A run with a NaN among its returns has
    no figures.
    """
    count, size = returns.shape
    equity: Floats = np.asarray(cash * np.cumprod(1.0 + returns, axis=1), dtype=np.float64)
    accounts = np.zeros(count, ACCOUNT)
    moments, regression, ends = np.zeros(count, MOMENTS), np.zeros(count, REGRESSION), np.zeros(count, ENDS)
    sessions, nothing, made = np.arange(size, dtype=np.int64), np.zeros(size), np.empty(size)
    known = read_only(rates)
    for run in range(count):
        curve = SessionCurve(cash)
        curve.add(sessions, equity[run], nothing)
        accounts[run] = curve.account[0]
        own = slice(run, run + 1)
        sum_up(cash, read_only(equity[run]), known, NO_RETURNS, made, moments[own], regression[own], ends[own])
    totals, open_trades = np.zeros(count, TOTALS), np.zeros(count, dtype=np.int64)
    found = figures(
        np.full(count, cash), np.full(count, year), Sums(accounts, totals, open_trades, moments, regression, ends)
    )
    lacking = np.isnan(returns).any(axis=1)
    return {name: np.where(lacking, np.nan, values) for name, values in found.items()}


def plain_figures(found: dict[str, Values]) -> dict[str, float | None]:
    """One run's figures as numbers, None where not defined."""
    return {name: None if np.isnan(found[name][0]) else float(found[name][0]) for name in FIGURES}
