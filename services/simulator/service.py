"""The simulator service: a market that is made as it is read, as a stream."""

from __future__ import annotations

from backbus.services.source import SourceRole
from backbus.simulator.warm import warm_market


class Simulator(SourceRole):
    """A market that is made as it is read."""

    name = "simulator"

    def warm(self) -> None:
        """Load the models' kernels."""
        warm_market()
