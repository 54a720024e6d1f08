"""Folds: which sessions of a panel points compete in, and which ones the best of them is then run in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backbus.errors import JobError
from backbus.market.panel import FIELDS, Block, Floats, Ints, Layout, Panel
from backbus.performance.metrics import FIGURES, Sums, Values, figures
from backbus.performance.moments import ENDS, MOMENTS, NO_RETURNS, REGRESSION, sum_up
from backbus.performance.sessions import SessionCurve, read_only
from backbus.performance.trades import TOTALS
from backbus.searches import WalkForwardSettings

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
    if train + test > sessions:
        raise JobError(
            f"{train} sessions of train and {test} of test are {train + test}, and the data has {sessions} to trade",
            field="sweep.walk_forward.train" if train >= sessions else "sweep.walk_forward.test",
        )
    return [
        Fold(Span(0 if settings.anchored else begin - train, begin), Span(begin, min(begin + test, sessions)))
        for begin in range(train, sessions, step)
    ]


def session_rows(panel: Panel) -> Ints:
    """The first row of each traded session, and the number of rows as the last entry."""
    warmup = panel.layout.warmup
    session = panel.block.session[warmup:]
    if not len(session):
        raise JobError("the data has no row to trade", field="data")
    return np.concatenate(([warmup], warmup + 1 + np.flatnonzero(np.diff(session)), [len(panel)])).astype(np.int64)


def panel_between(panel: Panel, start: int, stop: int, warmup: int | None = None) -> Panel:
    """The panel whose traded rows are ``start`` to ``stop`` of this one, its own warm-up rows among them, renumbered.

    Up to ``warmup`` rows before them are its warm-up, all there are where None: what ``data.start``, ``data.end`` and
    ``data.warmup`` make of the same rows.
    """
    before = start if warmup is None else min(start, warmup)
    part = panel.block.rows(start - before, stop)
    block = Block(0, part.end, part.session, *(getattr(part, name) for name in FIELDS))
    layout = panel.layout
    return Panel(Layout(layout.symbols, len(block), before, layout.interval_ns), block, panel.notes)


def span_panel(panel: Panel, rows: Ints, span: Span, warmup: int | None) -> Panel:
    """The panel that trades these sessions; ``rows`` are ``session_rows(panel)``."""
    return panel_between(panel, int(rows[span.start]), int(rows[span.stop]), warmup)


def session_figures(returns: Values, cash: float, year: float, rate: float) -> dict[str, float | None]:
    """``SESSION_FIGURES`` of an account that begins with ``cash`` and makes these returns, session by session.

    The sums and formulas of a run whose rows are its sessions; ``year`` are sessions per year, ``rate`` is per session.
    """
    equity: Floats = np.asarray(cash * np.cumprod(1.0 + returns), dtype=np.float64)
    curve = SessionCurve(cash)
    curve.add(np.arange(len(equity), dtype=np.int64), equity, np.zeros(len(equity)))
    moments, regression, ends = np.zeros(1, MOMENTS), np.zeros(1, REGRESSION), np.zeros(1, ENDS)
    sum_up(cash, read_only(equity), rate, NO_RETURNS, np.empty(len(equity)), moments, regression, ends)
    no_trades = np.zeros(1, dtype=np.int64)
    sums = Sums(curve.account, np.zeros(1, TOTALS), no_trades, moments, regression, ends)
    return {
        name: value
        for name, value in plain_figures(figures(np.array([cash]), np.array([year]), sums)).items()
        if name in SESSION_FIGURES
    }


def plain_figures(found: dict[str, Values]) -> dict[str, float | None]:
    """One run's figures as numbers, None where not defined."""
    return {name: None if np.isnan(found[name][0]) else float(found[name][0]) for name in FIGURES}
