"""Which working orders fill in a phase, at which price: reductions first, then assets in their order."""

from __future__ import annotations

from typing import Any

from backbus.compiled import step
from backbus.market.costs import commission, fill_price
from backbus.market.panel import Floats
from backbus.market.records import NO_ORDER, ON_CLOSE, REDUCES, Records


@step
def fill_market(rules: Any, slot: Any, asset: int, tick: int, reference: float, record: Any) -> None:
    """Fill a market order whole at ``reference`` plus slippage: writes the FILL record, frees the slot."""
    quantity = slot["quantity"]
    price = fill_price(rules, reference, quantity)
    record["tick"] = tick
    record["order"] = slot["order"]
    record["asset"] = asset
    record["quantity"] = quantity
    record["price"] = price
    record["reference"] = reference
    record["fee"] = commission(rules, quantity, price)
    slot["order"] = NO_ORDER


@step
def fills_now(slot: Any, reference: float, on_close: int) -> bool:
    """Whether a slot's order fills in a market phase: it works, is meant for this moment, and the asset trades."""
    return bool(
        slot["order"] != NO_ORDER and slot["flags"] & ON_CLOSE == on_close and reference == reference  # noqa: PLR0124  (not a hole)
    )


@step
def match_market(
    rules: Any, working: Records, references: Floats, at: int, tick: int, on_close: int, fills: Records, count: int
) -> int:
    """All fills of one market phase. ``references`` is [rows, assets] of opens, or of closes where ``on_close`` is
    ``ON_CLOSE`` (0 otherwise). Returns the number of FILL records."""
    for opening in range(2):
        for asset in range(working.shape[0]):
            slot = working[asset]
            reduces = slot["flags"] & REDUCES != 0
            if reduces != (opening == 0) or not fills_now(slot, references[at, asset], on_close):
                continue
            fill_market(rules, slot, asset, tick, references[at, asset], fills[count])
            count += 1
    return count
