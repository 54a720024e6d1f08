"""The portfolio service: the book of one run."""

from __future__ import annotations

from typing import Any

from backbus.engine.predicting import PredictingPortfolio, waits
from backbus.engine.warm import warm_handlers
from backbus.market.panel import Layout
from backbus.portfolio.handler import PortfolioHandler
from backbus.services.own_models import RunsModels
from backbus.streams.run_handler import RunHandler
from backbus.trading.numbers import rules_of
from backbus.transport.role import Assignment, batch_rows


class Portfolio(RunsModels):
    """One book."""

    name = "portfolio"

    def warm(self) -> None:
        """Load the loop."""
        warm_handlers(strategies=False)

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> RunHandler:
        """The portfolio's state machine: the one that waits for fills, where it has to."""
        rules, batch = rules_of(self.job(assignment), layout), batch_rows(facts)
        if waits(facts):
            return PortfolioHandler(rules, layout, reads_book=bool(facts["reads_book"]), batch_rows=batch)
        return PredictingPortfolio(rules, layout, batch_rows=batch)
