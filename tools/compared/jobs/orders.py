"""Orders by the rows at whose closes they are given: what a short case of a table says."""

from __future__ import annotations

from typing import Any

from backbus import Strategy

WISHES = {"long": "go_long", "short": "go_short", "flat": "go_flat"}


class Orders(Strategy):
    """Each has a ``row``, ``buy`` or ``sell`` with a quantity, or ``go = "long"``, ``"short"`` or ``"flat"``, and the
    terms of an order; ``group`` is the number of an order of the list, from 0 on; ``symbol`` may choose an asset."""

    orders: list[dict[str, Any]]
    _given: dict[int, Any] = {}  # noqa: RUF012  (pydantic copies it for each instance)

    def on_bar(self, bar: Any) -> None:
        """Each as the row comes."""
        for number, told in enumerate(self.orders):
            if told["row"] != bar.row or told.get("symbol", bar.symbol) != bar.symbol:
                continue
            terms = {name: value for name, value in told.items() if name not in ("row", "buy", "sell", "go", "symbol")}
            if "group" in terms:
                terms["group"] = self._given[int(terms["group"])]
            if "buy" in told:
                self._given[number] = self.buy(told["buy"], **terms)
            elif "sell" in told:
                self._given[number] = self.sell(told["sell"], **terms)
            else:
                getattr(self, WISHES[told["go"]])(**terms)
