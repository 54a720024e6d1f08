"""Start the simulator service. In: PROGRESS of all readers. Out: NEW_DATA."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.simulator.service import Simulator
    from backbus.transport.member import serve

if __name__ == "__main__":
    serve(Simulator())
