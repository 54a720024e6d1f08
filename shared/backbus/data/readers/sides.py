"""Both sides of a market: what a source of quotes says is bid and asked, in a bar or at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from backbus.data.readers.headers import QUOTE, extra_role
from backbus.data.readers.table import Table
from backbus.market.columns import PRICES, QUOTES, SIDES
from backbus.market.panel import Floats


def of_quotes(table: Table) -> Table:
    """The table with bars in the middle of bid and ask where it has no others; where one side is missing, of the
    other."""
    if "open" in table.numbers or not has_bars_of_quotes(table):
        return table
    headers, unreadable = dict(table.headers), dict(table.unreadable)
    for price in PRICES:
        of_it = [f"{side}_{price}" for side in SIDES]
        headers[price] = " and ".join(headers[role] for role in of_it)
        unreadable |= {(price, row): text for (role, row), text in table.unreadable.items() if role in of_it}
    numbers = {**table.numbers, **mid_prices(table.numbers)}
    for role, row in unreadable:
        numbers[role][row] = np.nan
    return replace(table, numbers=numbers, headers=headers, unreadable=unreadable, quoted=True)


def mid_prices(sides: Mapping[str, Floats]) -> dict[str, Floats]:
    """Bars in the middle of bid and ask; where one side is missing, of the other. High and low hold open and close."""
    found: dict[str, Floats] = {}
    for price in PRICES:
        bid, ask = (known(sides[f"{side}_{price}"]) for side in SIDES)
        found[price] = np.where(np.isnan(bid), ask, np.where(np.isnan(ask), bid, 0.5 * (bid + ask)))
    ends = np.fmax(found["open"], found["close"]), np.fmin(found["open"], found["close"])
    return found | {"high": np.fmax(found["high"], ends[0]), "low": np.fmin(found["low"], ends[1])}


def known(prices: Floats) -> Floats:
    """Prices above zero; NaN where nobody quotes."""
    found: Floats = np.where(prices > 0.0, prices, np.nan)
    return found


def has_bars_of_quotes(table: Table) -> bool:
    """Whether a table has open, high, low and close of both sides."""
    return all(role in table.numbers for role in QUOTES)


def has_sides(table: Table) -> bool:
    """Whether a table tells what is bid and asked, in each bar or at each instant."""
    return has_bars_of_quotes(table) or (table.ticks and all(role in table.numbers for role in QUOTE))


def sides_alone(table: Table) -> Table:
    """A table of quotes whose further columns are open, high, low and close of both sides."""
    bars = has_bars_of_quotes(table)
    numbers = dict(table.numbers)
    unreadable = dict(table.unreadable)
    for role in QUOTES:
        source = role if bars else role.partition("_")[0]
        numbers[extra_role(role)] = known(table.numbers[source])
        unreadable |= {(extra_role(role), row): text for (of, row), text in table.unreadable.items() if of == source}
    return replace(table, numbers=numbers, unreadable=unreadable, ticks=not bars)
