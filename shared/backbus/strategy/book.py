"""The account as a strategy reads it: marked at the close of the current row, before the row's signals."""

from __future__ import annotations

from collections.abc import Mapping

from backbus.strategy.emission import Emission
from backbus.strategy.orders import Fill, Order
from backbus.trading.account_rows import BookRows


class Book:
    """Cash, equity and positions. The same object is used for each row: keep its values, not the object."""

    __slots__ = ("_costs", "_emission", "_index", "_positions", "_rows", "_symbols", "cash", "equity")

    def __init__(self, symbols: tuple[str, ...], emission: Emission) -> None:
        self._symbols = symbols
        self._emission = emission
        self._positions: list[float] = []
        self._rows: BookRows | None = None
        self._index = 0
        self.cash = 0.0
        """In cash units."""
        self.equity = 0.0
        """Cash and positions at their last prices, in cash units."""

    def turn(self, rows: BookRows, index: int, splits: Mapping[str, float]) -> None:
        """Show row ``index`` of ``rows``, which began with ``splits`` by symbol."""
        self._rows, self._index = rows, index
        self.cash = rows.cash.item(index)
        self.equity = rows.equity.item(index)
        self._positions = rows.position[index].tolist()
        self._emission.blotter.turn(rows, splits)

    def position(self, symbol: str | None = None) -> float:
        """Signed quantity held of the current bar's asset, or of ``symbol``; 0 where flat."""
        return self._positions[self._emission.find(symbol)]

    def average_cost(self, symbol: str | None = None) -> float:
        """Price at which that position was built; 0 where flat."""
        asset = self._emission.find(symbol)
        return 0.0 if self._rows is None else self._rows.average_cost.item(self._index, asset)

    @property
    def orders(self) -> list[Order]:
        """Orders that may still fill, in the order in which they were asked for."""
        return list(self._emission.blotter.working)

    @property
    def fills(self) -> list[Fill]:
        """Fills since the row before."""
        return list(self._emission.blotter.fills)

    @property
    def news(self) -> list[Order]:
        """Orders that were placed, cut, refused or ended since the row before, fills not counted."""
        return list(self._emission.blotter.news)

    @property
    def positions(self) -> dict[str, float]:
        """Signed quantity of each asset that is held."""
        return {symbol: held for symbol, held in zip(self._symbols, self._positions, strict=True) if held}
