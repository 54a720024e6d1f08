"""The execution service, or order layer: the market of one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.market.panel import Layout
from backbus.services.own_models import OwnModels
from backbus.trading.numbers import rules_of
from backbus.transport.role import Assignment, Role, batch_rows


class Execution(Role):
    """One market."""

    name = "execution"

    def __init__(self) -> None:
        self._own = OwnModels()
        self._job: Job | None = None

    def warm(self) -> None:
        """Load the loop."""
        warm_handlers()

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Load models of the user's own, where the job has any."""
        self._job, facts = self._own.take(assignment)
        return facts

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> ExecutionHandler:
        """The order layer's state machine."""
        return ExecutionHandler(rules_of(self._job or assignment.job, layout), layout, progress_rows=batch_rows(facts))

    def leave(self) -> None:
        """Let go of the user's models, and of their limit."""
        self._own.leave()
        self._job = None
