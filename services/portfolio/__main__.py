"""Start the portfolio service. In: NEW_DATA, SIGNAL, FILL. Out: ORDER, EQUITY, BOOK, PROGRESS."""

from __future__ import annotations

from backbus.loading import loading

with loading():
    from backbus.services.portfolio.service import Portfolio
    from backbus.transport.member import serve

if __name__ == "__main__":
    serve(Portfolio())
