"""What loops know of a block besides its bars, made once: a loop may stop within the block and come again."""

from __future__ import annotations

from backbus.market.panel import Block, Floats
from backbus.trading.rules import Rules


class BlockFacts:
    """The facts of the block that a run is at."""

    __slots__ = ("_facts", "_first_row", "_rules")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._first_row = 0
        self._facts: Floats | None = None

    def of(self, block: Block) -> Floats:
        """At least [len(block), FACTS, assets] from its first row on, as ``Rules.facts_of`` has them. A run's blocks
        follow each other, so what begins at one row has the same facts as far as it goes."""
        if self._facts is None or block.first_row != self._first_row or len(block) > len(self._facts):
            self._facts, self._first_row = self._rules.facts_of(block), block.first_row
        return self._facts
