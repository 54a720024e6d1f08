"""Rows before the first one that is traded: prices are taken in, nothing is decided and nothing is reported."""

from __future__ import annotations

from backbus.compiled import loop
from backbus.market.costs import observe_rows
from backbus.market.ledger import Book, mark
from backbus.market.panel import Block, Floats
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


def warm_up(rules: Rules, book: Book, block: Block, rows: int) -> None:
    """Take the first ``rows`` rows of a block into a run's book."""
    record, instruments = rules.record, rules.instruments
    take_in(record, book.account, book.ledger, instruments, book.tape, book.history, block.close[:rows])
    if record["each_row"][0]:
        spread = rules.spread_of(block)
        observe_rows(record, instruments, book.tape, book.seen, block.close[:rows], block.volume[:rows], spread[:rows])
