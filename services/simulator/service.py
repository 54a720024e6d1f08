"""The simulator service: a market that is made as it is read, as a stream."""

from __future__ import annotations

from backbus.services.source import SourceRole
from backbus.simulator.rehearsal import rehearse_market


class Simulator(SourceRole):
    """A market that is made as it is read."""

    name = "simulator"

    def warm(self) -> None:
        """Load the models' kernels."""
        rehearse_market()
