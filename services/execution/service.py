"""The execution service, or order layer: the market of one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.execution.handler import ExecutionHandler
from backbus.market.panel import Layout
from backbus.services.own_models import RunsModels
from backbus.trading.numbers import rules_of
from backbus.transport.role import Assignment, batch_rows


class Execution(RunsModels):
    """One market."""

    name = "execution"

    def warm(self) -> None:
        """Load the loop."""
        warm_handlers(strategies=False)

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> ExecutionHandler:
        """The order layer's state machine."""
        return ExecutionHandler(rules_of(self.job(assignment), layout), layout, progress_rows=batch_rows(facts))
