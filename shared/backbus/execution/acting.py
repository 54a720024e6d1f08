"""What splits and delistings do to the orders in the market, at the first moment of a row."""

from __future__ import annotations

from backbus.compiled import part
from backbus.execution.filling import end_order
from backbus.market.actions import act_on_tape, split_of, split_order
from backbus.market.panel import Floats, Ints
from backbus.market.records import ASSET_DELISTED, NO_ORDER, SPLIT_AWAY, Records
from backbus.market.working import ASLEEP, purge


@part
def act_in_market(
    instruments: Records,
    tape: Records,
    seen: Floats,
    working: Records,
    terms: Records,
    heads: Ints,
    facts: Floats,
    at: int,
    tick: int,
    fills: Records,
    count: int,
) -> int:
    """Let a row's actions change and end working orders, and what is known of the market. Returns the FILL records."""
    for asset in range(tape.shape[0]):
        ratio = split_of(facts, at, asset)
        gone = tape[asset]["pays"] == tape[asset]["pays"]
        if ratio == 1.0 and not gone:
            continue
        node = heads[asset]
        while node >= 0:
            slot, its = working[node], terms[node]
            if slot["order"] != NO_ORDER:
                if ratio != 1.0:
                    split_order(instruments[asset], slot, its, ratio)
                if gone or (slot["quantity"] == 0.0 and its["state"] != ASLEEP):
                    why = ASSET_DELISTED if gone else SPLIT_AWAY
                    count = end_order(instruments, tape, working, terms, heads, asset, node, tick, why, fills, count)
            node = slot["next"]
        purge(working, heads, asset)
    act_on_tape(instruments, tape, seen, facts, at)
    return count
