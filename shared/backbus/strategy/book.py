"""The account as a strategy reads it: marked at the close of the current row, before the row's signals."""

from __future__ import annotations

from backbus.market.panel import Floats
from backbus.strategy.orders import Fill, Order
from backbus.strategy.saying.emission import Emission


class Book:
    """Cash, equity and positions. The same object is used for each row: keep its values, not the object."""

    __slots__ = ("_costs", "_emission", "_positions", "_symbols", "cash", "equity")

    def __init__(self, symbols: tuple[str, ...], emission: Emission) -> None:
        self._symbols = symbols
        self._emission = emission
        self._positions: list[float] = []
        self._costs: Floats | None = None
        self.cash = 0.0
        """In cash units."""
        self.equity = 0.0
        """Cash and positions at their last prices, in cash units."""

    def show(self, cash: float, equity: float, positions: list[float], costs: Floats) -> None:
        """Show an account: cash and equity in cash units, and of each asset what is held and its average price."""
        self.cash, self.equity, self._positions, self._costs = cash, equity, positions, costs

    def position(self, symbol: str | None = None) -> float:
        """Signed quantity held of the current bar's asset, or of ``symbol``; 0 where flat."""
        return self._positions[self._emission.find(symbol)]

    def average_cost(self, symbol: str | None = None) -> float:
        """Price at which that position was built; 0 where flat."""
        asset = self._emission.find(symbol)
        return 0.0 if self._costs is None else self._costs.item(asset)

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
