"""Rows before the first one that is traded: prices are taken in, nothing is decided and nothing is reported."""

from __future__ import annotations

from typing import Any

from backbus.compiled import loop, plain, step
from backbus.market.accounts import NO_BOOKINGS
from backbus.market.actions import act_on_book, act_on_tape
from backbus.market.costs import observe
from backbus.market.ledger import Book, mark
from backbus.market.panel import Block, Floats, sealed
from backbus.market.records import Records
from backbus.market.rules import Rules
from backbus.market.ticks import PHASES


@step
def _take_in(
    rules_: Records,
    account_: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    seen: Any,
    close: Floats,
    volume: Any,
    facts: Any,
    bookings: Any,
) -> None:
    rules, account = rules_[0], account_[0]
    for row in range(close.shape[0]):
        if seen is not None:
            if rules["acts"] != 0:
                act_on_book(account_, ledger, instruments, tape, history, facts, row, PHASES * row, bookings, row - row)
                act_on_tape(instruments, tape, seen, facts, row)
            if rules["observes"] != 0:
                observe(rules_, instruments, tape, seen, close, volume, facts, row)
        mark(rules, account, ledger, instruments, tape, history, close, row)


@loop
def take_in(
    rules: Records,
    account: Records,
    ledger: Records,
    instruments: Records,
    tape: Records,
    history: Floats,
    close: Floats,
) -> None:
    """Mark the book with each row of ``close`` ([rows, assets])."""
    _take_in(rules, account, ledger, instruments, tape, history, None, close, None, None, None)


take_in_lists = loop(plain(_take_in))
"""The same where the tape follows the market as well: it takes all that ``_take_in`` takes."""


def warm_up(rules: Rules, book: Book, block: Block, rows: int) -> None:
    """Take the first ``rows`` rows of a block into a run's book."""
    record = rules.record
    before: tuple[Any, ...] = (record, book.account, book.ledger, rules.instruments, book.tape, book.history)
    early = block.rows(0, rows)
    if not record["observes"][0]:
        plainly: Any = take_in
        plainly(*before, early.close)
        return
    lists: Any = take_in_lists
    lists(*before, book.seen, early.close, sealed(early.volume), rules.facts_of(early), NO_BOOKINGS)
