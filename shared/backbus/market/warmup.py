"""Rows before the first one that is traded: prices are taken in, nothing is decided and nothing is reported."""

from __future__ import annotations

from backbus.compiled import loop
from backbus.market.ledger import Book, mark
from backbus.market.panel import Floats
from backbus.market.records import Records
from backbus.market.rules import Rules


@loop
def take_in(
    rules_: Records,
    account_: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    close: Floats,
) -> None:
    """Mark the book with each row of ``close`` ([rows, assets])."""
    rules, account = rules_[0], account_[0]
    for row in range(close.shape[0]):
        mark(rules, account, ledger, instruments, tape, history, close, row)


def warm_up(rules: Rules, book: Book, close: Floats) -> None:
    """``take_in`` of a run's book."""
    take_in(rules.record, book.account, book.ledger, rules.instruments, book.tape, book.history, close)
