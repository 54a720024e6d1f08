"""The portfolio service: the book of one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.warm import warm_handlers
from backbus.market.panel import Layout
from backbus.portfolio.handler import PortfolioHandler
from backbus.services.own_models import RunsModels
from backbus.trading.numbers import rules_of
from backbus.transport.role import Assignment, batch_rows


class Portfolio(RunsModels):
    """One book."""

    name = "portfolio"

    def warm(self) -> None:
        """Load the loop."""
        warm_handlers()

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> PortfolioHandler:
        """The portfolio's state machine."""
        rules = rules_of(self.job(assignment), layout)
        return PortfolioHandler(rules, layout, reads_book=bool(facts["reads_book"]), batch_rows=batch_rows(facts))
