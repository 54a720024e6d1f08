"""What splits and delistings do to the orders in the market, at the first moment of a row."""

from __future__ import annotations

from backbus.execution.ends import end_order
from backbus.jit.decorators import part
from backbus.market.panel import Floats
from backbus.trading.codes import End
from backbus.trading.corporate_actions import act_on_state, is_paid_off, split_of, split_order
from backbus.trading.groups import MarketArrays, OrderLists, RecordLog
from backbus.trading.open_orders import after, first, purge, works
from backbus.trading.order_states import OrderState


@part
def act_in_market(
    orders: OrderLists, market: MarketArrays, facts: Floats, at: int, tick: int, fills: RecordLog
) -> None:
    """Let a row's actions change and end open orders, and what is known of the market."""
    for asset in range(market.state.shape[0]):
        ratio = split_of(facts, at, asset)
        gone = is_paid_off(market.state[asset])
        if ratio == 1.0 and not gone:
            continue
        node = first(orders, asset)
        while node >= 0:
            slot, terms = orders.slots[node], orders.terms[node]
            if works(orders, node):
                if ratio != 1.0:
                    split_order(market.instruments[asset], slot, terms, ratio)
                if gone or (slot["quantity"] == 0.0 and terms["state"] != OrderState.ASLEEP):
                    end_order(orders, market, asset, node, tick, End.DELISTED if gone else End.SPLIT_AWAY, fills)
            node = after(orders, node)
        purge(orders, asset)
    act_on_state(market, facts, at)
