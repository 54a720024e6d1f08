"""Rows before the first one that is traded: prices are taken in, nothing is decided and nothing is reported."""

from __future__ import annotations

from backbus.compiled import loop
from backbus.market.ledger import mark
from backbus.market.panel import Floats
from backbus.market.records import Records


@loop
def take_in(rules_: Records, account_: Records, ledger: Records, history: Floats, close: Floats) -> None:
    """Mark the book with each row of ``close`` ([rows, assets])."""
    rules, account = rules_[0], account_[0]
    for row in range(close.shape[0]):
        mark(rules, account, ledger, history, close, row)
