"""A small run through every loop, in the engine and in the handlers: after it nothing is left to compile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from backbus.data.handler import DataHandler
from backbus.data.panels.aggregate import Maker, SessionClock
from backbus.engine.batch import Point, PointsEngine, terms_of
from backbus.engine.run import Engine
from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.market.panel import Block, Layout, Panel, whole
from backbus.market.timeframe_ends import framed
from backbus.market.timeframes import bar_size
from backbus.performance.handler import PerformanceHandler
from backbus.performance.report import Report
from backbus.portfolio.handler import PortfolioHandler
from backbus.strategy import Strategy, StrategyHandler, StrategyRunner, make_strategy
from backbus.strategy.bars import Bars
from backbus.strategy.builtins import CLASSES, SmaCross
from backbus.strategy.indicators import call_each
from backbus.streams import codec
from backbus.streams.event import Event, Handler
from backbus.streams.topology import READERS
from backbus.trading.numbers import rules_of
from backbus.trading.records import Records


def small_panel(rows: int = 64, assets: int = 2) -> Panel:
    """A panel of waves with a hole in it; no randomness."""
    row = np.arange(rows, dtype=np.float64)[:, None]
    close = 100.0 + 10.0 * ((row * (1.0 + np.arange(assets)) * 0.37) % 2.0)
    close[rows // 2, assets - 1] = np.nan
    end = (np.arange(rows, dtype=np.int64) + 1) * 86_400_000_000_000
    arrays = (end, np.arange(rows, dtype=np.int64), close, close + 1.0, close - 1.0, close, close * 0.0 + 1000.0)
    for array in arrays:
        array.flags.writeable = False
    layout = Layout(tuple(f"S{asset}" for asset in range(assets)), rows, 1, 86_400_000_000_000)
    return whole(framed(Panel(layout, Block(0, *arrays)), ["1w"]))


def run_handlers(
    job: Job,
    panel: Panel,
    strategy: Strategy,
    *,
    block: int = 8,
    window: int = 32,
    hear: Callable[[Event], None] | None = None,
) -> Report:
    """The same run as the services do it: five handlers, every event encoded and decoded, in one thread. ``hear`` is
    told each event."""
    layout, rules, batch = panel.layout, rules_of(job, panel.layout), max(1, window // 4)
    performance = PerformanceHandler(job, layout, batch)
    source = DataHandler(panel, block=block, window=window, readers=READERS)
    handlers: list[Handler] = [
        source,
        StrategyHandler(strategy, layout, cash=job.portfolio.cash, progress_rows=batch),
        PortfolioHandler(rules, layout, reads_book=strategy.reads_book, batch_rows=batch),
        ExecutionHandler(rules, layout, progress_rows=batch),
        performance,
    ]
    events: deque[Event] = deque()
    for handler in handlers:
        events.extend(handler.start())
    while events:
        event = codec.decode(codec.encode(events.popleft(), "run", 1))[1]
        assert event is not None
        if hear is not None:
            hear(event)
        for handler in handlers:
            events.extend(handler.receive(event))
    return performance.report(panel.notes)


class EveryIndicator(Strategy):
    """Calls every indicator, so that a user's strategy finds its loop compiled."""

    def signals(self, bars: Bars) -> Records:
        """The sides of the last return."""
        call_each(bars)
        call_each(bars.close)
        bars.every("1w").close.on(bars)
        return self.hold(bars.pct_change(1))


def rehearse() -> None:
    """Run every built-in strategy, and one that calls what they do not, on the small panel in every way."""
    panel = small_panel()
    root = {"slippage": {"model": "square_root"}}
    for more in ({}, {"exits": {"stop_loss": 0.02, "take_profit": 0.02, "trail": 0.05}}):
        job = Job.parse({"strategy": {"use": "SmaCross"}, "portfolio": more, "execution": root if more else {}})
        cross = make_strategy(SmaCross, {"fast": 2, "slow": 4})
        Engine(job, panel, cross).run()
        run_handlers(job, panel, cross)
        PointsEngine(panel).run(
            [Point(terms_of(job, panel.layout), StrategyRunner(cross, panel.layout).on_block(panel.block))]
        )
    for strategy in (*(make_strategy(strategy_class, {}) for strategy_class in CLASSES), EveryIndicator()):
        job = Job.parse({"strategy": {"use": type(strategy).__name__}, "performance": {"benchmark": "S0"}})
        Engine(job, panel, strategy).run()
        run_handlers(job, panel, strategy)
        signals = StrategyRunner(strategy, panel.layout).on_block(panel.block)
        PointsEngine(panel, "S0").run([Point(terms_of(job, panel.layout), signals)])
    maker = Maker(bar_size("1500 volume"), SessionClock(None, None))
    maker.take(panel.block.end, {name: values[:, 0] for name, values in panel.block.cells().items()}, instants=False)
    maker.finish()
