"""The signals that an event-style strategy utters, collected bar by bar and turned into records.

The last signal for an asset in a row counts. One for an asset without a bar in that row waits for the asset's next
bar; one uttered in a warm-up row is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from backbus.errors import StrategyError, no_symbol
from backbus.market.panel import Layout
from backbus.market.ticks import CLOSE_SIGNAL, PHASES
from backbus.strategy.order_terms import Said, after_split, said_of
from backbus.strategy.orders import Blotter, Order
from backbus.trading.codes import SignalKind, Term
from backbus.trading.records import MAX_ORDINAL, ORDINALS_OF_ONE, SIGNAL, Records, order_id, order_parts

_SILENCE = np.empty(0, SIGNAL)


class Emission:
    """What has been said in the current row, and the records of the rows before it."""

    __slots__ = (
        "_assets",
        "_records",
        "_symbols",
        "asked",
        "asset",
        "blotter",
        "close",
        "ordinals",
        "row",
        "said",
        "speaking",
        "terms",
    )

    def __init__(self, layout: Layout, instruments: Records | None = None) -> None:
        self._symbols = layout.symbols
        self._assets: dict[str, int] = {}
        self.asset = 0
        """The asset whose bar is being worked on."""
        self.speaking = False
        """Whether a bar is being worked on: signals outside ``on_bar`` are mistakes."""
        self.row = 0
        self.close = math.nan
        """The last close of the asset whose bar is being worked on."""
        self.said: dict[int, tuple[int, float]] = {}
        self.terms: dict[int, list[Said]] = {}
        """The terms of what was said of an asset."""
        self.asked: list[tuple[int, list[Said], Order | None]] = []
        """Asset and records of each order that was asked for, or taken back, in this row; and the order asked for."""
        self.ordinals: dict[int, int] = {}
        self.blotter = Blotter(layout.symbols, instruments)
        self._records: list[tuple[int, int, int, float]] = []

    def find(self, symbol: str | None) -> int:
        """Number of an asset; the current bar's for None."""
        if symbol is None:
            return self.asset
        if not self._assets:
            self._assets = {symbol: index for index, symbol in enumerate(self._symbols)}
        asset = self._assets.get(symbol)
        if asset is None:
            raise StrategyError(no_symbol(symbol, self._symbols))
        return asset

    def direction(self, side: float, strength: float, symbol: str | None, terms: Mapping[str, Any]) -> None:
        """Want a side with a strength in (0, 1]; side 0 is flat."""
        self._expect_bar()
        if not 0.0 < strength <= 1.0:
            raise StrategyError(f"strength must be above 0 and at most 1, not {strength!r}")
        self._say(
            symbol, SignalKind.DIRECTION, side * float(strength) if side else 0.0, terms, side > 0.0 if side else None
        )

    def weight(self, value: float, symbol: str | None, terms: Mapping[str, Any]) -> None:
        """Want a fraction of equity, negative for short."""
        self._expect_bar()
        if not math.isfinite(value):
            raise StrategyError(f"a target weight must be a finite number, not {value!r}")
        self._say(symbol, SignalKind.WEIGHT, float(value) + 0.0, terms, None)

    def _say(self, symbol: str | None, kind: int, value: float, terms: Mapping[str, Any], buys: bool | None) -> None:
        asset = self.find(symbol)
        self.said[asset] = (kind, value)
        if terms:
            if "group" in terms:
                raise StrategyError("a signal has no group; ask for an order")
            self.terms[asset] = said_of(terms, buys=buys, close=self.close if asset == self.asset else math.nan)
        elif self.terms:
            self.terms.pop(asset, None)

    def order(
        self, quantity: float, symbol: str | None, terms: Mapping[str, Any], instead_of: Order | None = None
    ) -> Order:
        """Ask for an order of ``quantity`` units, negative to sell."""
        self._expect_bar()
        if isinstance(quantity, bool) or not isinstance(quantity, int | float) or not math.isfinite(quantity):
            raise StrategyError(f"a quantity must be a finite number, not {quantity!r}")
        if quantity == 0.0:
            raise StrategyError("an order for nothing: its quantity is 0")
        asset = self.find(symbol)
        close = self.close if asset == self.asset else math.nan
        moved = instead_of is not None and instead_of.role != "entry"
        said = said_of(terms, buys=quantity > 0.0, close=close, moved=moved)
        group = terms.get("group")
        if group is not None:
            said = [*self._name(group, asset, "group"), (Term.GROUP, float(order_parts(group.id)[2])), *said]
        if instead_of is not None:
            # A term names the row for those behind it, so this pair comes last.
            said += [*self._name(instead_of, asset, "order"), (Term.INSTEAD_OF, float(order_parts(instead_of.id)[2]))]
        ordinal = self.ordinals.get(asset, 0) + ORDINALS_OF_ONE
        if ordinal > MAX_ORDINAL - ORDINALS_OF_ONE:
            raise StrategyError(f"more than {MAX_ORDINAL // ORDINALS_OF_ONE - 1} orders of one asset in one row")
        self.ordinals[asset] = ordinal
        order = Order(order_id(self.row, asset, ordinal), self._symbols[asset], float(quantity), dict(terms))
        if instead_of is not None and moved:
            order.role, order.parent = instead_of.role, instead_of.parent
        self.asked.append((asset, [*said, (SignalKind.QUANTITY, float(quantity))], order))
        self.blotter.ask(order)
        return order

    def cancel(self, order: Order) -> None:
        """Take an order back."""
        self._expect_bar()
        asset = order_parts(order.id)[1] if isinstance(order, Order) else 0
        said = [*self._name(order, asset, "order"), (SignalKind.CANCEL, float(order_parts(order.id)[2]))]
        self.asked.append((asset, said, None))

    def split(self, splits: Mapping[str, float], *, told: bool) -> None:
        """Let what waits for an asset's next bar, and orders that the strategy is not ``told`` of, be what the row's
        splits have made of them."""
        if not told:
            self.blotter.split_kept(splits)
        for symbol, ratio in splits.items():
            asset = self.find(symbol)
            if asset in self.terms:
                self.terms[asset] = after_split(self.terms[asset], ratio)

    def _name(self, order: Any, asset: int, what: str) -> list[Said]:
        if not isinstance(order, Order):
            raise StrategyError(f"{what} is an order that was asked for before, not {order!r}")
        row, of, _ = order_parts(order.id)
        return [(Term.ROW, float(row)), (Term.ASSET, float(of))]

    def _expect_bar(self) -> None:
        if not self.speaking:
            raise StrategyError("signals can only be given inside on_bar")

    def end_row(self, row: int, trading: bool, present: list[bool]) -> None:
        """Close a row in which something was said, or is still waiting."""
        if not trading:
            self.said.clear()
            self.terms.clear()
            for _, _, order in self.asked:
                if order is not None:
                    self.blotter.drop(order, "asked for in a warm-up row")
            self.asked.clear()
            self.ordinals.clear()
            return
        tick = PHASES * row + CLOSE_SIGNAL
        for asset in sorted(self.said):
            if present[asset]:
                for term in self.terms.pop(asset, ()):
                    self._records.append((tick, asset, *term))
                self._records.append((tick, asset, *self.said.pop(asset)))
        if self.asked:
            self.asked.sort(key=_asset_of)
            for asset, said, _ in self.asked:
                self._records.extend((tick, asset, kind, value) for kind, value in said)
            self.asked.clear()
            self.ordinals.clear()

    def take(self) -> Records:
        """The records since the last call, in (row, asset) order."""
        if not self._records:
            return _SILENCE
        records = np.array(self._records, dtype=SIGNAL)
        self._records.clear()
        return records


def _asset_of(asked: tuple[int, list[Said], Order | None]) -> int:
    return asked[0]
