"""What the portfolio says of itself: a row of equity, and the whole book for strategies that read it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from backbus.market.panel import Floats
from backbus.market.ticks import PHASES
from backbus.trading.records import BOOKING, FILL, ORDER, Records, empty

NO_ORDERS, NO_FILLS, NO_BOOKINGS = empty(ORDER), empty(FILL), empty(BOOKING)


@dataclass(frozen=True, slots=True)
class EquityRows:
    """Consecutive rows of the account, marked after ``CLOSE_MATCH``; each array is [rows] float64, in cash units."""

    first_row: int
    equity: Floats
    cash: Floats
    gross: Floats
    """Sum of the absolute values of all positions."""
    bookings: Records = field(default_factory=lambda: NO_BOOKINGS)
    """What else changed the book in these rows: BOOKING records."""

    def __len__(self) -> int:
        return len(self.equity)

    def rows(self, start: int, stop: int) -> EquityRows:
        """Rows ``start`` to ``stop`` counted from the first one here; views."""
        bookings = self.bookings
        if len(bookings):
            bookings = bookings[slice(*np.searchsorted(bookings["tick"], self._ticks(start, stop)))]
        return EquityRows(
            self.first_row + start, self.equity[start:stop], self.cash[start:stop], self.gross[start:stop], bookings
        )

    def _ticks(self, start: int, stop: int) -> tuple[int, int]:
        return PHASES * (self.first_row + start), PHASES * (self.first_row + stop)


@dataclass(frozen=True, slots=True)
class BookRows:
    """Consecutive rows of the whole book, marked at ``CLOSE_SIGNAL``, before the row's signals."""

    first_row: int
    equity: Floats
    """[rows] cash units."""
    cash: Floats
    """[rows] cash units."""
    position: Floats
    """[rows, assets] signed quantity."""
    average_cost: Floats
    """[rows, assets] price at which the position was built, 0 where flat."""
    orders: Records = field(default_factory=lambda: NO_ORDERS)
    """What was decided since the row before: ORDER records; none where there are several rows."""
    fills: Records = field(default_factory=lambda: NO_FILLS)
    """What the market did since then: FILL records."""

    def __len__(self) -> int:
        return len(self.equity)

    def rows(self, start: int, stop: int) -> BookRows:
        """Rows ``start`` to ``stop`` counted from the first one here; views."""
        return BookRows(
            self.first_row + start,
            self.equity[start:stop],
            self.cash[start:stop],
            self.position[start:stop],
            self.average_cost[start:stop],
            self.orders,
            self.fills,
        )
