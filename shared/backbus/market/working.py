"""What waits: the orders that work in the market, and per asset the signal whose decision has to wait for a bar.

Orders are nodes of one list per asset, in the order in which they were placed. The first node of each asset belongs to
the order that its signals make: a job that knows nothing else needs no lists, and keeps none. Nodes further on are
taken and given back as strategies ask for orders and as exits come with entries. An order that ends while its list is
being walked is only marked; ``purge`` takes it out afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.compiled import step
from backbus.market.ledger import NO_SESSION
from backbus.market.panel import Ints
from backbus.market.records import NO_ORDER, Records

WORKING = np.dtype(
    [
        ("order", "<i8"),
        ("quantity", "<f8"),
        ("wanted", "<f8"),
        ("value", "<f8"),
        ("flags", "<i4"),
        ("kind", "<i4"),
        ("waits", "<i4"),
        ("next", "<i4"),
    ]
)
"""``order`` is NO_ORDER where none works. ``kind`` and ``value`` are the signal that the order came from, or, while
``waits`` is 1, the one that is still to be decided. ``next`` is the next node of the asset's list, -1 at its end."""

TERMS = np.dtype(
    [
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("start", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("parent", "<i8"),
        ("group", "<i8"),
        ("filled", "<f8"),
        ("value", "<f8"),
        ("rated", "<f8"),
        ("charged", "<f8"),
        ("nearest", "<f8"),
        ("live_from", "<i8"),
        ("session", "<i8"),
        ("state", "<i4"),
        ("bound", "<i4"),
        ("tried", "<i8"),
    ]
)
"""Beside each node: its terms as in ORDER, and how far it has come. ``filled``, ``value`` (quantity × price),
``rated`` (fees per share before their bounds, where there are tiers) and ``charged`` (fees, in the asset's currency)
sum its fills, ``nearest`` is the best price that it saw, ``live_from`` the first tick at which it may fill, ``session``
the first session that it lived in, ``bound`` the cap that held it back. ``stop`` of a trailing stop is the extreme that
it follows, ``start`` the one that it began with. ``tried`` is the tick at which it was last filled or found
unfillable."""

WISH = np.dtype(
    [
        ("type", "<i4"),
        ("in_force", "<i4"),
        ("limit", "<f8"),
        ("stop", "<f8"),
        ("start", "<f8"),
        ("trail", "<f8"),
        ("until", "<i8"),
        ("take_profit", "<f8"),
        ("stop_loss", "<f8"),
        ("trailing_loss", "<f8"),
        ("shares", "<i4"),
        ("reduce", "<i4"),
        ("at_row", "<i8"),
        ("at_asset", "<i8"),
        ("group_of", "<i8"),
        ("instead_of", "<i8"),
    ]
)
"""The terms of a wish. Exits are 0 where there is none; ``shares`` has a bit for each exit that is a share of the
entry's price: 1 take profit, 2 stop loss, 4 trailing loss. ``group_of`` and ``instead_of`` are order ids."""

LIVE, TRIGGERED, JUST_TRIGGERED, ASLEEP = range(4)
"""States of an order: it can fill; its stop was met and it is a limit order now, or since this bar; its parent has not
filled yet."""

FREE, NEXT_NEW, WORKS = range(3)
"""Behind the heads of the lists: the first node that was given back, the first that was never used, orders that
work."""


class Orders:
    """The orders of a run: one market order per asset until ``lists`` is set, any orders from then on."""

    __slots__ = ("heads", "lists", "terms", "wishes", "working")

    def __init__(self, assets: int, *, lists: bool) -> None:
        self.working = np.zeros(assets, dtype=WORKING)
        self.working["order"] = NO_ORDER
        self.working["next"] = -1
        self.terms = np.zeros(assets, dtype=TERMS)
        self.terms["parent"] = NO_ORDER
        self.terms["limit"] = self.terms["stop"] = self.terms["trail"] = self.terms["nearest"] = np.nan
        self.terms["session"], self.terms["tried"] = NO_SESSION, -1
        self.wishes = np.zeros(assets + 2, dtype=WISH)
        """The terms of each asset's signal, and two in which others are put together."""
        self.heads = np.full(assets + 3, -1, dtype=np.int64)
        """The first node of each asset's list, -1 where it is empty; what FREE, NEXT_NEW and WORKS say."""
        self.heads[assets + NEXT_NEW] = assets
        self.heads[assets + WORKS] = 0
        self.lists = lists

    def need(self, kinds: Records, *, beyond: int) -> None:
        """Keep lists from now on if any record's kind is above ``beyond``."""
        if not self.lists and len(kinds) and int(kinds.max()) > beyond:
            self.keep_lists()

    def keep_lists(self) -> None:
        """Keep lists from now on."""
        assets = len(self.heads) - 3
        works = self.working["order"] != NO_ORDER
        self.heads[:assets] = np.where(works, np.arange(assets), -1)
        self.heads[assets + WORKS] = np.count_nonzero(works)
        self.lists = True

    def clear(self) -> None:
        """Forget all orders."""
        assets = len(self.heads) - 3
        self.heads[:] = -1
        self.heads[assets + NEXT_NEW], self.heads[assets + WORKS] = assets, 0
        self.working["order"] = NO_ORDER

    def make_room(self, more: int) -> None:
        """Let ``more`` orders be added."""
        used = int(self.heads[len(self.heads) - 3 + NEXT_NEW])
        if len(self.working) < used + more:
            self.working, self.terms = (_longer(nodes, 2 * used + more) for nodes in (self.working, self.terms))

    @property
    def count(self) -> int:
        """Orders that work, where lists are kept."""
        return int(self.heads[len(self.heads) - 3 + WORKS])


def _longer(nodes: Records, size: int) -> Records:
    longer = np.zeros(size, dtype=nodes.dtype)
    longer[: len(nodes)] = nodes
    return longer


@step
def works(heads: Ints) -> int:
    """How many orders work."""
    count: int = heads[heads.shape[0] - 3 + WORKS]
    return count


@step
def append(working: Records, heads: Ints, asset: int, node: int) -> None:
    """Put a node at the end of its asset's list."""
    working[node]["next"] = -1
    last = heads[asset]
    if last < 0:
        heads[asset] = node
    else:
        while working[last]["next"] >= 0:
            last = working[last]["next"]
        working[last]["next"] = node
    heads[heads.shape[0] - 3 + WORKS] += 1


@step
def new_node(working: Records, heads: Ints) -> int:
    """A node that no list has; there must be room."""
    assets = heads.shape[0] - 3
    node: int = heads[assets + FREE]
    if node >= 0:
        heads[assets + FREE] = working[node]["next"]
    else:
        node = heads[assets + NEXT_NEW]
        heads[assets + NEXT_NEW] = node + 1
    return node


@step
def end_node(working: Records, heads: Ints, node: int) -> None:
    """Mark an order as ended."""
    working[node]["order"] = NO_ORDER
    heads[heads.shape[0] - 3 + WORKS] -= 1


@step
def purge(working: Records, heads: Ints, asset: int) -> None:
    """Take ended orders out of an asset's list."""
    assets = heads.shape[0] - 3
    before = -1
    node = heads[asset]
    while node >= 0:
        after = working[node]["next"]
        if working[node]["order"] == NO_ORDER:
            if before < 0:
                heads[asset] = after
            else:
                working[before]["next"] = after
            working[node]["next"] = -1
            if node >= assets:
                working[node]["next"] = heads[assets + FREE]
                heads[assets + FREE] = node
        else:
            before = node
        node = after


@step
def find_order(working: Records, heads: Ints, asset: int, order: int) -> int:
    """The node of an order; -1 where it does not work."""
    node: int = heads[asset]
    while node >= 0 and working[node]["order"] != order:
        node = working[node]["next"]
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
    terms["live_from"] = source["tick"] + 1
    terms["session"] = NO_SESSION
    terms["state"] = ASLEEP if source["parent"] != NO_ORDER else LIVE
    terms["bound"] = 0
    terms["tried"] = -1
