"""The portfolio service: the book of one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.job.job import Job
from backbus.market.panel import Layout
from backbus.portfolio.handler import PortfolioHandler
from backbus.services.own_models import OwnModels
from backbus.trading.numbers import rules_of
from backbus.transport.role import Assignment, Role, batch_rows


class Portfolio(Role):
    """One book."""

    name = "portfolio"

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

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> PortfolioHandler:
        """The portfolio's state machine."""
        rules = rules_of(self._job or assignment.job, layout)
        return PortfolioHandler(rules, layout, reads_book=bool(facts["reads_book"]), batch_rows=batch_rows(facts))

    def leave(self) -> None:
        """Let go of the user's models, and of their limit."""
        self._own.leave()
        self._job = None
