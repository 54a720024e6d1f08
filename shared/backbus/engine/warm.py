"""Small runs through every loop of the engine and of the handlers: after them nothing is left to compile or to load."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from backbus.engine.handlers import run_handlers
from backbus.jit.arrays import read_only
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel, whole
from backbus.market.timeframe_ends import framed
from backbus.market.timeframes import DAY_NS, bar_size
from backbus.strategy import PanelRunner, Strategy, make_strategy
from backbus.strategy.bars import Bars
from backbus.strategy.builtins import CLASSES, SmaCross
from backbus.strategy.indicators import call_each
from backbus.trading.records import Records


def small_panel(rows: int = 64, assets: int = 2, *, hole: bool = True) -> Panel:
    """A panel of waves, with a hole in it; no randomness."""
    row = np.arange(rows, dtype=np.float64)[:, None]
    close = 100.0 + 10.0 * ((row * (1.0 + np.arange(assets)) * 0.37) % 2.0)
    if hole:
        close[rows // 2, assets - 1] = np.nan
    end = (np.arange(rows, dtype=np.int64) + 1) * DAY_NS
    fields = [read_only(column) for column in (close, close + 1.0, close - 1.0, close, close * 0.0 + 1000.0)]
    layout = Layout(tuple(f"S{asset}" for asset in range(assets)), rows, 1, DAY_NS)
    return whole(
        framed(Panel(layout, Block(0, read_only(end), read_only(np.arange(rows, dtype=np.int64)), *fields)), ["1w"])
    )


class EveryIndicator(Strategy):
    """Calls every indicator, so that a user's strategy finds its loop compiled."""

    def signals(self, bars: Bars) -> Records:
        """The sides of the last return."""
        call_each(bars)
        call_each(bars.close)
        bars.every("1w").close.on(bars)
        return self.hold(bars.pct_change(1))


def warm_handlers(*, strategies: bool = True) -> None:
    """Run every built-in strategy, and one that calls what they do not, by the five handlers: by those that wait and by
    those that do not. Without ``strategies``, the handlers' own loops alone."""
    panel = small_panel()
    for job, strategy in _runs(strategies=strategies):
        for predict in (True, False):
            run_handlers(job, panel, strategy, predict=predict)


def warm_engine(*, strategies: bool = True) -> None:
    """The same in one process; and make bars by volume. Without ``strategies``, the engine's own loops alone."""
    from backbus.data.panels.aggregate import Maker, SessionClock
    from backbus.engine.run import Engine

    panel = small_panel()
    for job, strategy in _runs(strategies=strategies):
        Engine(job, panel, strategy).run()
    Engine(job, panel, strategy, lambda pieces: None).run()  # what only runs with tables need
    maker = Maker(bar_size("1500 volume"), SessionClock(None, None))
    maker.take(panel.block.end, {name: values[:, 0] for name, values in panel.block.cells().items()}, instants=False)
    maker.finish()


def warm_points(*, strategies: bool = True) -> None:
    """The same as points of a sweep."""
    from backbus.engine.batch import Point, PointsEngine, terms_of

    panel = small_panel()
    for job, strategy in _runs(strategies=strategies):
        signals = PanelRunner(panel).signals(strategy)
        terms = terms_of(job, panel.layout, panel.block.session)
        PointsEngine(panel, job.performance.benchmark).run([Point(terms, signals)])
    warm_groups()


def warm_groups() -> None:
    """The loop of points that are counted eight side by side."""
    from backbus.engine.batch import Point, PointsEngine, terms_of

    job, strategy = _of_one_loop(False)
    panel = small_panel(assets=1, hole=False)
    terms = terms_of(job, panel.layout, panel.block.session)
    PointsEngine(panel).run([Point(terms, PanelRunner(panel).signals(strategy))])


def warm_run(lists: bool = False) -> None:
    """The loop of a plain run, or that of one with lists of orders."""
    from backbus.engine.run import Engine

    job, strategy = _of_one_loop(lists)
    Engine(job, small_panel(), strategy, lambda pieces: None).run()


def warm_point(lists: bool = False) -> None:
    """The loop of a plain point of a sweep, or that of one with lists of orders."""
    from backbus.engine.batch import Point, PointsEngine, terms_of

    job, strategy = _of_one_loop(lists)
    panel = small_panel()
    terms = terms_of(job, panel.layout, panel.block.session)
    PointsEngine(panel, job.performance.benchmark).run([Point(terms, PanelRunner(panel).signals(strategy))])


def warm_signals() -> None:
    """What any strategy says by."""
    _, strategy = next(_runs())
    PanelRunner(small_panel()).signals(strategy)


def warm_strategies() -> None:
    """What each built-in strategy says, and one that calls what they do not: every loop of theirs."""
    panel = small_panel()
    for _, strategy in _runs():
        PanelRunner(panel).signals(strategy)


def _of_one_loop(lists: bool) -> tuple[Job, Strategy]:
    return next(itertools.islice(_runs(), int(lists), None))


def _runs(*, strategies: bool = True) -> Iterator[tuple[Job, Strategy]]:
    """Jobs that need every loop: without and with lists of orders, beside a benchmark, and of each strategy."""
    exits = {"exits": {"stop_loss": 0.02, "take_profit": 0.02, "trail": 0.05}}
    cross = {"strategy": {"use": "SmaCross"}}
    for more in ({}, {"portfolio": exits, "execution": {"slippage": {"model": "square_root"}}}):
        yield Job.parse(cross | more), make_strategy(SmaCross, {"fast": 2, "slow": 4})
    every = (*(make_strategy(strategy_class, {}) for strategy_class in CLASSES), EveryIndicator())
    for strategy in every if strategies else every[:1]:
        job = {"strategy": {"use": type(strategy).__name__}, "performance": {"benchmark": "S0"}}
        yield Job.parse(job), strategy
