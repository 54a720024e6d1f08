"""The strategy service: a built-in or a user's strategy over one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.limits import limit_memory, unlimit_memory
from backbus.market.panel import Layout
from backbus.runs.sources import parameters_of
from backbus.services.own_models import bundle_hash
from backbus.strategy import Strategy, StrategyHandler, load_strategy, make_strategy
from backbus.trading.numbers import instruments_of
from backbus.transport.role import Assignment, Role, batch_rows


class Strategies(Role):
    """One strategy over one run."""

    name = "strategy"

    def __init__(self) -> None:
        self._strategy: Strategy | None = None

    def warm(self) -> None:
        """Load the indicators' kernels."""
        warm_handlers()

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Fetch and load the strategy, and check its parameters."""
        settings = assignment.job.strategy
        limit_memory(assignment.job.run.memory_mib)
        strategy_class = load_strategy(settings.use, assignment.fetch(assignment.strategy))
        self._strategy = make_strategy(strategy_class, settings.params)
        facts: dict[str, Any] = {
            "reads_book": self._strategy.reads_book,
            "parameters": parameters_of(self._strategy),
        }
        if any(assignment.job.own_models()):
            facts["own_models"] = {"bundle": bundle_hash(assignment.strategy)}
        return facts

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> StrategyHandler:
        """The strategy's state machine."""
        assert self._strategy is not None
        job = assignment.job
        return StrategyHandler(
            self._strategy,
            layout,
            cash=job.portfolio.cash,
            progress_rows=batch_rows(facts),
            instruments=instruments_of(job, layout.symbols),
        )

    def leave(self) -> None:
        """Let go of the strategy, and of its limit."""
        unlimit_memory()
        self._strategy = None
