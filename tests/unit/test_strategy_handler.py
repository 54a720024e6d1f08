"""The handler: what comes in, what goes out, and how far it says that its stream is complete."""

from __future__ import annotations

import numpy as np
import pytest

from backbus.errors import StreamGap
from backbus.strategy import Strategy, StrategyHandler
from backbus.strategy.builtins import SmaCross
from backbus.streams.event import Event
from backbus.streams.stream import StreamWriter
from backbus.streams.topology import Kind
from backbus.trading.account_rows import BookRows
from tests.unit import strategy_market as sm


def data_events(panel, ends=()):
    writer = StreamWriter(Kind.NEW_DATA, "data")
    return [writer.write(block, 6 * (block.first_row + len(block))) for block in sm.cut(panel, ends)]


class Reader(Strategy):
    _cash: list = []  # noqa: RUF012

    def on_bar(self, bar, book):
        self._cash.append(book.cash)
        if bar.row % 2:
            self.go_long()


def book_events(panel):
    writer = StreamWriter(Kind.BOOK, "portfolio")
    for row in range(panel.layout.warmup, len(panel)):
        value, none = np.array([1000.0 + row]), np.zeros((1, panel.layout.assets))
        yield writer.write(BookRows(row, value, value, none, none), 6 * row + 4)


def test_each_block_is_answered_by_signals_and_progress():
    panel = sm.market(50, 2, seed=1)
    handler = StrategyHandler(SmaCross(fast=2, slow=5), panel.layout)
    out = [list(handler.receive(event)) for event in data_events(panel, (2, 30))]
    assert [[e.kind for e in events] for events in out] == [[Kind.SIGNAL, Kind.PROGRESS]] * 3
    assert [events[0].watermark for events in out] == [12, 180, 300]
    assert out[0][0].payload is None and out[0][0].begin == out[0][0].end == 0
    assert out[2][1] == Event(Kind.PROGRESS, "strategy", 50, 50, 300)
    said = np.concatenate([events[0].payload for events in out[1:]])
    assert said.tobytes() == sm.signals(SmaCross(fast=2, slow=5), panel).tobytes()
    assert handler.done and handler.writer.watermark == 300


def test_what_it_already_has_is_ignored_and_what_is_missing_is_a_gap():
    panel = sm.market(30)
    first, second, third = data_events(panel, (10, 20))
    handler = StrategyHandler(SmaCross(fast=2, slow=5), panel.layout)
    assert len(list(handler.receive(first))) == 2
    assert list(handler.receive(first)) == []
    with pytest.raises(StreamGap):
        list(handler.receive(third))
    assert next(iter(handler.receive(second))).watermark == 120


def test_other_kinds_are_ignored():
    handler = StrategyHandler(SmaCross(), sm.market(5).layout)
    assert list(handler.receive(Event(Kind.FILL, "execution", 0, 0, 30))) == []
    assert list(handler.receive(Event(Kind.BOOK, "portfolio", 0, 0, 30))) == []
    assert set(handler.readers) == {Kind.NEW_DATA}


def test_a_reader_of_the_book_works_a_row_when_it_has_both():
    panel = sm.market(10, 2, warmup=3)
    handler = StrategyHandler(Reader(), panel.layout, cash=77.0, progress_rows=4)
    first, second = data_events(panel, (6,))
    out = list(handler.receive(first))
    assert [(e.kind, e.watermark) for e in out] == [(Kind.SIGNAL, 18)]
    told = []
    books = list(book_events(panel))
    for event in books[:3]:
        told += list(handler.receive(event))
    assert [(e.kind, e.watermark) for e in told] == [
        (Kind.SIGNAL, 24),
        (Kind.PROGRESS, 24),
        (Kind.SIGNAL, 30),
        (Kind.SIGNAL, 36),
    ]
    assert list(handler.receive(books[3])) == []
    assert [e.watermark for e in handler.receive(second)] == [42]
    rest = [e for event in books[4:] for e in handler.receive(event)]
    assert [(e.kind, e.watermark) for e in rest][-1] == (Kind.PROGRESS, 60)
    assert handler.done
    assert handler.runner.strategy._cash == [77.0] * 6 + [1000.0 + row for row in range(3, 10) for _ in range(2)]


def test_order_of_arrival_changes_nothing():
    panel = sm.market(20, 2, seed=2, holes=0.2, warmup=4)
    digests = set()
    for ends in ((), (3, 4, 11), range(20)):
        data, books = data_events(panel, ends), list(book_events(panel))
        for order in (data + books, books + data):
            handler = StrategyHandler(Reader(), panel.layout)
            for event in order:
                list(handler.receive(event))
            assert handler.done
            digests.add(handler.writer.digest.value())
    assert len(digests) == 1
