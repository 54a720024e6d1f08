"""Start the performance service. In: NEW_DATA, SIGNAL, ORDER, FILL, EQUITY. Out: PROGRESS, and the REPORT."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.performance.service import Performance
    from backbus.transport.member import serve

if __name__ == "__main__":
    serve(Performance())
