"""Open orders in their two forms, and the verbs by which rules go through them.

``SingleOrders`` holds at most one market order for each asset, the one that its signals make: a job that knows nothing
else pays for nothing else. ``OrderLists`` holds orders of every kind, as nodes of one list for each asset, in the order
in which they were placed. The first node of each asset belongs to the order of its signals; nodes further on are taken
and given back as strategies ask for orders and as exits come with entries. An order that ends while its list is being
walked is only marked; ``purge`` takes it out afterwards.

A rule is written once, over verbs. What a verb means for each form stands here and in ``fills`` and ``order_entry``, a
pair of texts each; which of them is compiled follows from the form that a loop is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import step
from backbus.market.panel import Ints
from backbus.trading.codes import Flag, OrderType
from backbus.trading.groups import OpenOrders, OrderLists, SingleOrders, verb
from backbus.trading.order_cells import INTENT, SLOT, TERMS
from backbus.trading.order_states import OrderState
from backbus.trading.records import NO_ORDER, NO_SESSION, Records
from backbus.trading.trailing import begin_trail

FREE, NEXT_NEW, WORKING = range(3)
"""Behind the heads of the lists: the first node that was given back, the first that was never used, orders that
work."""


class OrderStore:
    """The open orders of a run: one market order per asset until ``listed`` is set, any orders from then on."""

    __slots__ = ("heads", "intents", "listed", "slots", "terms")

    def __init__(self, assets: int, *, listed: bool) -> None:
        self.slots = np.zeros(assets, dtype=SLOT)
        self.slots["order"] = NO_ORDER
        self.slots["next"] = -1
        self.terms = np.zeros(assets, dtype=TERMS)
        self.terms["parent"] = NO_ORDER
        self.terms["limit"] = self.terms["stop"] = self.terms["trail"] = self.terms["nearest"] = np.nan
        self.terms["session"], self.terms["tried"] = NO_SESSION, -1
        self.intents = np.zeros(assets + 2, dtype=INTENT)
        self.heads = np.full(assets + 3, -1, dtype=np.int64)
        self.heads[assets + NEXT_NEW] = assets
        self.heads[assets + WORKING] = 0
        self.listed = listed

    @property
    def single(self) -> SingleOrders:
        """As the loops take it where one market order per asset may work."""
        return SingleOrders(self.slots, self.heads[-1:])

    @property
    def lists(self) -> tuple[Records, Records, Records, Ints]:
        """As the loops take it where orders of every kind may work: slots, terms, intents, heads."""
        return self.slots, self.terms, self.intents, self.heads

    def need(self, kinds: Records, *, beyond: int) -> None:
        """Keep lists from now on if any record's kind is above ``beyond``."""
        if not self.listed and len(kinds) and int(kinds.max()) > beyond:
            self.keep_lists()

    def keep_lists(self) -> None:
        """Keep lists from now on."""
        assets = len(self.heads) - 3
        works = self.slots["order"] != NO_ORDER
        self.heads[:assets] = np.where(works, np.arange(assets), -1)
        self.heads[assets + WORKING] = np.count_nonzero(works)
        self.listed = True

    def clear(self) -> None:
        """Forget all orders."""
        assets = len(self.heads) - 3
        self.heads[:] = -1
        self.heads[assets + NEXT_NEW], self.heads[assets + WORKING] = assets, 0
        self.slots["order"] = NO_ORDER

    def make_room(self, more: int) -> None:
        """Let ``more`` orders be added."""
        used = int(self.heads[len(self.heads) - 3 + NEXT_NEW])
        if len(self.slots) < used + more:
            self.slots, self.terms = (_longer(nodes, 2 * used + more) for nodes in (self.slots, self.terms))

    @property
    def count(self) -> int:
        """Orders that work."""
        return int(self.heads[len(self.heads) - 3 + WORKING])


def _longer(nodes: Records, size: int) -> Records:
    longer = np.zeros(size, dtype=nodes.dtype)
    longer[: len(nodes)] = nodes
    return longer


# --- the lists themselves -----------------------------------------------------------------------------------------


@step
def append(orders: OrderLists, asset: int, node: int) -> None:
    """Put a node at the end of its asset's list."""
    orders.slots[node]["next"] = -1
    last = orders.heads[asset]
    if last < 0:
        orders.heads[asset] = node
    else:
        while orders.slots[last]["next"] >= 0:
            last = orders.slots[last]["next"]
        orders.slots[last]["next"] = node
    orders.working[0] += 1


@step
def new_node(orders: OrderLists) -> int:
    """A node that no list has; there must be room."""
    assets = orders.heads.shape[0] - 3
    node: int = orders.heads[assets + FREE]
    if node >= 0:
        orders.heads[assets + FREE] = orders.slots[node]["next"]
    else:
        node = orders.heads[assets + NEXT_NEW]
        orders.heads[assets + NEXT_NEW] = node + 1
    return node


@step
def set_terms(terms: Any, source: Any) -> None:
    """The terms of an ORDER record, for an order that begins."""
    terms["type"] = source["type"]
    terms["in_force"] = source["in_force"]
    terms["limit"] = source["limit"]
    terms["stop"] = source["stop"]
    terms["start"] = source["stop"]
    terms["trail"] = source["trail"]
    terms["until"] = source["until"]
    terms["parent"] = source["parent"]
    terms["group"] = source["group"]
    terms["filled"] = 0.0
    terms["value"] = 0.0
    terms["rated"] = 0.0
    terms["charged"] = 0.0
    terms["nearest"] = np.nan
    terms["possible"] = source["stop"]
    terms["hidden"] = 0.0
    terms["beyond"] = 0.0
    terms["live_from"] = source["tick"] + 1
    terms["session"] = NO_SESSION
    terms["state"] = OrderState.ASLEEP if source["parent"] != NO_ORDER else OrderState.LIVE
    terms["bound"] = 0
    terms["tried"] = -1
    terms["begins"] = source["begins"]
    terms["gain"] = source["gain"]
    terms["then"] = source["then"]
    begin_trail(terms, source["quantity"] > 0.0)


@step
def wake_beside(orders: OrderLists, asset: int, node: int) -> None:
    """Let an exit that takes the place of another live, where the entry that it belongs to has filled by now, even in
    part: it sleeps only beside one that has not."""
    terms = orders.terms[node]
    if terms["state"] == OrderState.ASLEEP:
        entry = orders.heads[asset]
        while entry >= 0 and orders.slots[entry]["order"] != terms["parent"]:
            entry = orders.slots[entry]["next"]
        if entry < 0 or orders.terms[entry]["filled"] != 0.0:
            terms["state"] = OrderState.LIVE


# --- one text for both forms --------------------------------------------------------------------------------------


@step
def works(orders: OpenOrders, node: int) -> bool:
    """Whether the node has an order that has not ended."""
    return bool(orders.slots[node]["order"] != NO_ORDER)


@step
def end_node(orders: OpenOrders, node: int) -> None:
    """Mark an order as ended."""
    orders.slots[node]["order"] = NO_ORDER
    orders.working[0] -= 1


# --- verbs: the text for one market order per asset, and the one for lists -----------------------------------------


def _first_slot(orders: SingleOrders, asset: int) -> int:
    return asset


def _first_of_list(orders: OrderLists, asset: int) -> int:
    node: int = orders.heads[asset]
    return node


first = verb(_first_slot, _first_of_list)
"""``first(orders, asset)``: the asset's first node; -1 where it has none."""


def _after_slot(orders: SingleOrders, node: int) -> int:
    return -1


def _after_node(orders: OrderLists, node: int) -> int:
    following: int = orders.slots[node]["next"]
    return following


after = verb(_after_slot, _after_node)
"""``after(orders, node)``: the next node of the same asset; -1 where there is none."""


def _purge_slot(orders: SingleOrders, asset: int) -> None:
    pass


def _purge_list(orders: OrderLists, asset: int) -> None:
    assets = orders.heads.shape[0] - 3
    before = -1
    node = orders.heads[asset]
    while node >= 0:
        following = orders.slots[node]["next"]
        if orders.slots[node]["order"] == NO_ORDER:
            if before < 0:
                orders.heads[asset] = following
            else:
                orders.slots[before]["next"] = following
            if node >= assets:
                orders.slots[node]["next"] = orders.heads[assets + FREE]
                orders.heads[assets + FREE] = node
        else:
            before = node
        node = following


purge = verb(_purge_slot, _purge_list)
"""``purge(orders, asset)``: take ended orders out of an asset's list."""


def _purge_slots(orders: SingleOrders, ended: bool) -> None:
    pass


def _purge_lists(orders: OrderLists, ended: bool) -> None:
    if ended:
        for asset in range(orders.heads.shape[0] - 3):
            purge(orders, asset)


purge_all = verb(_purge_slots, _purge_lists)
"""``purge_all(orders, ended)``: take ended orders out of all lists, if any has ``ended``."""


def _slot_of(orders: SingleOrders, asset: int, order: int) -> int:
    return asset


def _node_of(orders: OrderLists, asset: int, order: int) -> int:
    node: int = orders.heads[asset]
    while node >= 0 and orders.slots[node]["order"] != order:
        node = orders.slots[node]["next"]
    return node


find_order = verb(_slot_of, _node_of)
"""``find_order(orders, asset, order)``: the node of an order; -1 where it does not work."""


def _market(orders: SingleOrders, node: int) -> int:
    return OrderType.MARKET


def _type_of(orders: OrderLists, node: int) -> int:
    kind: int = orders.terms[node]["type"]
    return kind


type_of = verb(_market, _type_of)
"""``type_of(orders, node)``: the ``OrderType`` of an order."""


def _nothing_filled(orders: SingleOrders, node: int) -> float:
    return 0.0


def _filled(orders: OrderLists, node: int) -> float:
    filled: float = orders.terms[node]["filled"]
    return filled


filled_of = verb(_nothing_filled, _filled)
"""``filled_of(orders, node)``: how much of an order that works has filled, unsigned."""


def _no_exit(orders: SingleOrders, node: int, parent: int) -> bool:
    return False


def _sleeps(orders: OrderLists, node: int, parent: int) -> bool:
    terms = orders.terms[node]
    return bool(works(orders, node) and terms["parent"] == parent and terms["state"] == OrderState.ASLEEP)


sleeps_beside = verb(_no_exit, _sleeps)
"""``sleeps_beside(orders, node, parent)``: whether a node is an exit that waits for the order ``parent`` to fill."""


@step
def reduces(slot: Any) -> bool:
    """Whether an order only lessens a position."""
    return bool(slot["flags"] & Flag.REDUCES != 0)


@step
def lessens_still(slot: Any, held: float) -> bool:
    """Whether an order only lessens what is held by now: another may have closed what it was to lessen."""
    quantity = slot["quantity"]
    if slot["flags"] & Flag.REDUCE_ONLY != 0:
        return reduces(slot)
    return reduces(slot) and quantity * held < 0.0 and abs(quantity) <= abs(held)
