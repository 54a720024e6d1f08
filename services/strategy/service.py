"""The strategy service: a built-in or a user's strategy over one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.predicting import PredictingStrategy
from backbus.engine.warm import warm_handlers, warm_strategies
from backbus.limits import limit_memory, unlimit_memory
from backbus.market.panel import Layout
from backbus.runs.sources import parameters_of
from backbus.services.own_models import RunsModels, bundle_hash
from backbus.strategy import Strategy, StrategyHandler, load_strategy, make_strategy
from backbus.streams.run_handler import RunHandler
from backbus.streams.topology import Kind, compared_by
from backbus.trading.numbers import instruments_of, rules_of
from backbus.transport.role import Assignment, batch_rows


class Strategies(RunsModels):
    """One strategy over one run."""

    name = "strategy"

    def __init__(self) -> None:
        super().__init__()
        self._strategy: Strategy | None = None

    @property
    def hears(self) -> tuple[Kind, ...]:
        """The kinds of event that it subscribes to: those that it waits for, and those that it can work out."""
        reads_book = self._strategy is not None and self._strategy.reads_book
        return (*super().hears, *(compared_by(self.name) if reads_book else ()))

    def warm(self) -> None:
        """Load the loops, and those of indicators."""
        warm_handlers(strategies=False)
        warm_strategies()

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Fetch and load the strategy, and check its parameters; and the job's own models, where it keeps a book."""
        settings = assignment.job.strategy
        limit_memory(assignment.job.run.memory_mib)
        strategy_class = load_strategy(settings.use, assignment.fetch(assignment.strategy))
        self._strategy = make_strategy(strategy_class, settings.params)
        facts: dict[str, Any] = {"parameters": parameters_of(self._strategy), "reads_book": self._strategy.reads_book}
        if self._strategy.reads_book:
            return {**facts, "works_out_book": True, **super().prepare(assignment)}
        if any(assignment.job.own_models()):
            facts["own_models"] = {"bundle": bundle_hash(assignment.strategy)}
        return facts

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> RunHandler:
        """The strategy's state machine: the one that waits for the book, where it has to."""
        assert self._strategy is not None
        job, batch = self.job(assignment), batch_rows(facts)
        if self._strategy.reads_book and not facts.get("careful"):
            return PredictingStrategy(self._strategy, rules_of(job, layout), layout, progress_rows=batch)
        return StrategyHandler(
            self._strategy,
            layout,
            cash=job.portfolio.cash,
            progress_rows=batch,
            instruments=instruments_of(job, layout.symbols),
        )

    def leave(self) -> None:
        """Let go of the strategy, and of its limit."""
        super().leave()
        unlimit_memory()
        self._strategy = None
