"""The five handlers of a run in one thread, as the services run them: every event encoded and decoded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from backbus.data.handler import DataHandler
from backbus.engine.predicting import PredictingPortfolio, PredictingStrategy
from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.performance.handler import PerformanceHandler
from backbus.performance.report import Report
from backbus.portfolio.handler import PortfolioHandler
from backbus.strategy import Strategy, StrategyHandler
from backbus.streams import codec
from backbus.streams.event import Event, Handler
from backbus.streams.topology import READERS
from backbus.trading.numbers import rules_of


def run_handlers(
    job: Job,
    panel: Panel,
    strategy: Strategy,
    *,
    block: int = 8,
    window: int = 32,
    hear: Callable[[Event], None] | None = None,
    predict: bool = False,
) -> Report:
    """A run by blocks of ``block`` rows, never more than ``window`` rows ahead; ``hear`` is told each event. With
    ``predict``, those who can do so work out what others will say, in place of waiting for it."""
    layout, rules, batch = panel.layout, rules_of(job, panel.layout), max(1, window // 4)
    performance = PerformanceHandler(job, layout, batch)
    source = DataHandler(panel, block=block, window=window, readers=READERS)
    speaker: Handler = StrategyHandler(
        strategy, layout, cash=job.portfolio.cash, progress_rows=batch, instruments=rules.instruments
    )
    portfolio: Handler = PortfolioHandler(rules, layout, reads_book=strategy.reads_book, batch_rows=batch)
    if predict:
        portfolio = PredictingPortfolio(rules, layout, batch_rows=batch)
        if strategy.reads_book:
            speaker = PredictingStrategy(strategy, rules, layout, progress_rows=batch)
    handlers: list[Handler] = [
        source,
        speaker,
        portfolio,
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
    return performance.report([*panel.notes, *rules.notes])
