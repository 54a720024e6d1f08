"""Which assets are in the universe: a fact of each row, known from its first moment on."""

from __future__ import annotations

from backbus.jit.decorators import part
from backbus.market.panel import Floats
from backbus.trading.groups import Account, MarketArrays
from backbus.trading.rules import Fact


@part
def note_members(account: Account, market: MarketArrays, facts: Floats, at: int) -> None:
    """Take in who is in it in a row. ``facts`` is [rows, FACTS, assets]."""
    members = 0
    for asset in range(market.state.shape[0]):
        inside = facts[at, Fact.MEMBER, asset] == 1.0
        market.state[asset]["member"] = 1 if inside else 0
        members += 1 if inside else 0
    account.totals["members"] = members
