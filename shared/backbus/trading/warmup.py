"""Rows before the first one that is traded: prices are taken in, nothing is decided and nothing is reported."""

from __future__ import annotations

import numpy as np

from backbus.jit.arrays import read_only
from backbus.jit.decorators import loop
from backbus.market.panel import Block, Floats, Ints
from backbus.market.ticks import PHASES
from backbus.trading.account_rows import NO_BOOKINGS
from backbus.trading.corporate_actions import act_on_book, act_on_state
from backbus.trading.groups import Account, MarketArrays, RecordLog
from backbus.trading.ledger import mark
from backbus.trading.market_state import observe
from backbus.trading.records import Records
from backbus.trading.rules import Rules


@loop
def take_in(
    rules: Records,
    totals: Records,
    positions: Records,
    closes: Floats,
    instruments: Records,
    state: Records,
    close: Floats,
) -> None:
    """Mark the account with each row of ``close`` ([rows, assets])."""
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, None)
    for row in range(close.shape[0]):
        mark(rules[0], account, market, close, row)


@loop
def take_in_market(  # noqa: PLR0913  (a loop's door)
    rules: Records, totals: Records, positions: Records, closes: Floats, instruments: Records, state: Records,
    window: Floats, close: Floats, volume: Floats, facts: Floats, bookings: Records, length: Ints,
) -> None:  # fmt: skip
    """The same where costs follow the market, or corporate actions change it; ``bookings`` and ``length`` [1] take
    nothing, since nothing is held yet."""
    account, market = Account(totals[0], positions, closes), MarketArrays(instruments, state, window)
    for row in range(close.shape[0]):
        if rules[0]["has_corporate_actions"] != 0:
            act_on_book(account, market, facts, row, PHASES * row, RecordLog(bookings, length))
            act_on_state(market, facts, row)
        if rules[0]["costs_follow_market"] != 0:
            observe(rules[0], market, close, volume, facts, row)
        mark(rules[0], account, market, close, row)


NOTHING_WRITTEN = np.zeros(1, dtype=np.int64)


def warm_up(rules: Rules, account: Account, market: MarketArrays, block: Block, rows: int) -> None:
    """Take the first ``rows`` rows of a block into a run's account and what it knows of the market."""
    early = block.rows(0, rows)
    if not rules.record["costs_follow_market"][0]:
        take_in(rules.record, *account, market.instruments, market.state, early.close)
        return
    take_in_market(
        rules.record, *account, *market, early.close, read_only(early.volume), rules.facts_of(early), NO_BOOKINGS,
        NOTHING_WRITTEN,
    )  # fmt: skip
