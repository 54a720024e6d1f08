"""Which working orders fill in a phase, at which price, where nothing but whole market orders works: reductions first,
then assets in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.costs import fee_of, fill_price
from backbus.market.panel import Floats
from backbus.market.records import AT_OPEN, NO_CAP, NO_ORDER, ON_CLOSE, ON_THE_CLOSE, REDUCES, RUN_OVER, Records


@step
def write_fill(
    record: Any,
    tick: int,
    order: int,
    asset: int,
    rule: int,
    cap: int,
    quantity: float,
    price: float,
    reference: float,
    fee: float,
    unit: float,
    left: float,
) -> None:
    """Fill one FILL record."""
    record["tick"] = tick
    record["order"] = order
    record["asset"] = asset
    record["rule"] = rule
    record["cap"] = cap
    record["quantity"] = quantity
    record["price"] = price
    record["reference"] = reference
    record["fee"] = fee
    record["unit"] = unit
    record["left"] = left


@step
def fill_market(
    rules: Any, instrument: Any, line: Any, slot: Any, asset: int, tick: int, reference: float, rule: int, record: Any
) -> None:
    """Fill a market order whole at ``reference`` plus slippage: writes the FILL record, frees the slot."""
    quantity = slot["quantity"]
    price = fill_price(instrument, line, reference, quantity)
    fee = fee_of(rules, instrument, line, quantity, price)
    write_fill(
        record, tick, slot["order"], asset, rule, NO_CAP, quantity, price, reference, fee, line["unit"], 0.0
    )  # fmt: skip
    line["held"] = line["held"] + quantity
    slot["order"] = NO_ORDER


@step
def fills_now(slot: Any, reference: float, on_close: int) -> bool:
    """Whether a slot's order fills in a market phase: it works, is meant for this moment, and the asset trades."""
    return bool(
        slot["order"] != NO_ORDER and slot["flags"] & ON_CLOSE == on_close and reference == reference  # noqa: PLR0124  (not a hole)
    )


@step
def match_market(
    rules: Any,
    instruments: Records,
    tape: Records,
    working: Records,
    references: Floats,
    at: int,
    tick: int,
    on_close: int,
    fills: Records,
    count: int,
) -> int:
    """All fills of one market phase. ``references`` is [rows, assets] of opens, or of closes where ``on_close`` is
    ``ON_CLOSE`` (0 otherwise). Returns the number of FILL records."""
    rule = AT_OPEN if on_close == 0 else ON_THE_CLOSE
    for opening in range(2):
        for asset in range(working.shape[0]):
            slot = working[asset]
            reduces = slot["flags"] & REDUCES != 0
            if reduces != (opening == 0) or not fills_now(slot, references[at, asset], on_close):
                continue
            fill_market(
                rules, instruments[asset], tape[asset], slot, asset, tick, references[at, asset], rule, fills[count]
            )
            count += 1
    return count


@step
def end_run(tape: Records, working: Records, tick: int, fills: Records, count: int) -> int:
    """Say after the last row of the orders that still work that the run is over. Returns the number of FILL records."""
    for asset in range(working.shape[0]):
        slot = working[asset]
        if slot["order"] != NO_ORDER:
            unit, left = tape[asset]["unit"], slot["quantity"]
            write_fill(
                fills[count], tick, slot["order"], asset, RUN_OVER, NO_CAP, 0.0, np.nan, np.nan, 0.0, unit, left
            )  # fmt: skip
            count += 1
            slot["order"] = NO_ORDER
    return count
