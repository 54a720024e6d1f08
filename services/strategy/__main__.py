"""Start the strategy service. In: NEW_DATA, and BOOK where the strategy reads it. Out: SIGNAL, PROGRESS."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.strategy.service import Strategies
    from backbus.transport.member import serve

if __name__ == "__main__":
    serve(Strategies())
