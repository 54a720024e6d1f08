"""Start the execution service. In: NEW_DATA, ORDER. Out: FILL, PROGRESS."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.execution.service import Execution
    from backbus.transport.member import serve

if __name__ == "__main__":
    serve(Execution())
