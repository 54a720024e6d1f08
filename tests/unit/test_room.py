"""Room for what a row may write: where it runs out, loops stop, are given more, and nothing of it shows."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from backbus.engine import trading
from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.jit.python import plain
from backbus.performance.tables import Piece
from backbus.portfolio import handler as portfolio_handler
from backbus.strategy import Strategy
from backbus.trading.groups import CURSOR, StoppedFor
from backbus.trading.records import Records
from tests.unit.order_market import OPEN, QUIET, bars, flat, job_of, told
from tests.unit.panels import tables_of
from tests.unit.records_of_runs import assert_same, said_by_handlers


class Crowd(Strategy):
    """Asks for dozens of orders in every row, reads the book, and so stops and resumes the loop at every decision."""

    def on_bar(self, bar: Any, book: Any) -> None:
        for number in range(30):
            self.order(1 + number % 3, limit=99.0 + number % 5, time_in_force="day", stop_loss_fraction=0.3)


def test_a_loop_that_is_given_too_little_room_stops_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    market, job = bars(*[QUIET] * 5), job_of()
    plenty: list[Piece] = []
    report = Engine(job, market, Crowd(), plenty.extend).run()
    given, asked = trading._with_room, set[Any]()
    refused = []

    def sparing(records: Records, used: int, room: int) -> Records:
        """No more than there is when it is asked for the first time."""
        key = (records.dtype, used, room)
        if key not in asked:
            asked.add(key)
            refused.append(len(records) < used + room)
            return records
        return given(records, used, room)

    monkeypatch.setattr(trading, "_with_room", sparing)
    scant: list[Piece] = []
    assert Engine(job, market, Crowd(), scant.extend).run() == report
    assert sum(refused) > 10
    assert told(tables_of(scant), report, market.symbols) == told(tables_of(plenty), report, market.symbols)
    assert report.counts.orders == 5 * 30 * 2


def test_a_handler_whose_loop_is_given_too_little_room_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    market, job, strategy = bars(*[QUIET] * 8), job_of(), Bracketed()
    expected = said_by_handlers(job, market, strategy, 8, 32)
    advance = portfolio_handler.advance_lists
    place = list(signature(plain(advance)).parameters).index("orders")
    stopped = []

    def sparing(*arguments: Any) -> None:
        """Every second time there is no room for a record of each open order."""
        given, cursor = list(arguments), arguments[-1]
        if len(stopped) % 2 == 0:
            given[place] = given[place][:1]
        advance(*given)
        stopped.append(cursor[CURSOR.STOPPED_FOR] == StoppedFor.RECORD_ROOM)

    monkeypatch.setattr(portfolio_handler, "advance_lists", sparing)
    assert_same(said_by_handlers(job, market, strategy, 8, 32), expected, "with little room")
    assert sum(stopped) > 4


class Bracketed(Strategy):
    """Places orders with exits in every row, and reads no book, so that a block of them is worked off in one go."""

    def on_bar(self, bar: Any) -> None:
        for _ in range(20):
            self.order(1, take_profit=200.0, stop_loss=10.0, trail_fraction=0.5)


def test_an_exit_may_fill_in_more_parts_than_the_market_has_room_for_at_a_time() -> None:
    """Nothing of it is decided again, so that all its rows are swept in one go."""
    rows = [QUIET, (*QUIET, 10_000), *[(*flat(106.0), 10)] * 150]
    market, job, strategy = bars(*rows), job_of(execution={"volume_cap": 0.1}), Deaf()
    pieces: list[Piece] = []
    report = Engine(job, market, strategy, pieces.extend).run()
    # a tenth of ten in each row; 350 of 500 are left
    assert told(tables_of(pieces), report, market.symbols).fills[1:] == [
        (row, OPEN, "A", -1.0, 106.0) for row in range(2, 152)
    ]
    assert run_handlers(job, market, strategy, block=256, window=1024) == report


class Deaf(Strategy):
    """Buys at once, and reads no book."""

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0:
            self.order(500, take_profit=105.0)
