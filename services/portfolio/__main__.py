"""Start the portfolio service. In: NEW_DATA, SIGNAL, FILL. Out: ORDER, EQUITY, BOOK, PROGRESS."""

from __future__ import annotations

from typing import Any

from backbus.engine.rehearsal import rehearse
from backbus.events.event import Kind
from backbus.link.member import serve
from backbus.link.role import Assignment, Role, batch_rows
from backbus.market.panel import Layout
from backbus.portfolio.handler import PortfolioHandler
from backbus.trading.numbers import rules_of


class Portfolio(Role):
    """One book."""

    name = "portfolio"
    hears = (Kind.NEW_DATA, Kind.SIGNAL, Kind.FILL)

    def warm(self) -> None:
        """Load the loop."""
        rehearse()

    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> PortfolioHandler:
        """The portfolio's state machine."""
        rules = rules_of(assignment.job, layout)
        return PortfolioHandler(rules, layout, reads_book=bool(facts["reads_book"]), batch_rows=batch_rows(facts))


if __name__ == "__main__":
    serve(Portfolio())
