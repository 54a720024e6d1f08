"""Start the simulator service. In: PROGRESS of all readers. Out: NEW_DATA."""

from __future__ import annotations

from backbus.services.data.source import SourceRole
from backbus.simulator.rehearsal import rehearse_market
from backbus.transport.member import serve


class Simulator(SourceRole):
    """A market that is made as it is read."""

    name = "simulator"

    def warm(self) -> None:
        """Load the models' kernels."""
        rehearse_market()


if __name__ == "__main__":
    serve(Simulator())
