"""What became of the orders: counted from the ORDER stream as it flows by, nothing kept per order."""

from __future__ import annotations

import numpy as np

from backbus.errors import ProtocolError
from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Ints
from backbus.trading.codes import FORCED_FOR, ORDER_KINDS, REASONS, Action, Flag
from backbus.trading.records import Records


@loop
def count_orders(orders: Records, counts: Ints, last_cut: Ints, cut: Ints) -> bool:
    """Add ORDER records to ``counts`` [kinds, reasons] and ``cut`` [1]; False where a record is out of range."""
    for index in range(len(orders)):
        order = orders[index]
        kind, reason, asset = order["kind"], order["reason"], order["asset"]
        if kind < 0 or kind >= counts.shape[0] or reason < 0 or reason >= counts.shape[1]:
            return False
        if asset < 0 or asset >= len(last_cut):
            return False
        counts[kind, reason] += 1
        if (
            kind in (Action.PLACE, Action.RESIZE)
            and 0.0 < abs(order["quantity"]) < abs(order["wanted"])
            and order["flags"] & Flag.SIZE_AT_OPEN == 0
            and order["order"] != last_cut[asset]
        ):
            # An order that is cut when it is placed and again at the open is one order; before it is sized at
            # the open its quantity says nothing yet.
            last_cut[asset] = order["order"]
            cut[0] += 1
    return True


class OrderCounts:
    """Orders by what happened to them, fed in any cut."""

    __slots__ = ("_counts", "_cut", "_last_cut")

    def __init__(self, assets: int) -> None:
        self._counts = np.zeros((len(ORDER_KINDS), len(REASONS)), dtype=np.int64)
        self._last_cut = np.full(assets, -1, dtype=np.int64)
        self._cut = np.zeros(1, dtype=np.int64)

    def add(self, orders: Records) -> None:
        """Take the next ``ORDER`` records; one that cannot be an order of this run raises ``ProtocolError``."""
        if not count_orders(read_only(orders), self._counts, self._last_cut, self._cut):
            raise ProtocolError("an order record names an asset, kind or reason that does not exist in this run")

    @property
    def placed(self) -> int:
        """Orders that went to the market."""
        return int(self._counts[Action.PLACE].sum())

    @property
    def refused(self) -> int:
        """Wishes that never became an order."""
        return int(self._counts[Action.REFUSE].sum())

    @property
    def refused_because(self) -> dict[str, int]:
        """Refusals by their reason, only reasons that occurred."""
        return {reason: int(count) for reason, count in zip(REASONS, self._counts[Action.REFUSE], strict=True) if count}

    @property
    def forced(self) -> dict[str, int]:
        """Orders that the account itself asked for, by their reason."""
        reasons = {REASONS[code]: int(self._counts[Action.PLACE][code]) for code in FORCED_FOR}
        return {reason: count for reason, count in reasons.items() if count}

    @property
    def cut(self) -> int:
        """Orders for less than was wanted."""
        return int(self._cut[0])

    @property
    def cancelled(self) -> int:
        """Orders taken back before they filled."""
        return int(self._counts[Action.CANCEL].sum())
