"""The Data Handler sends every row once, in whole blocks, and never more than its window ahead."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.data import handler
from backbus.data.handler import DataHandler, block_and_window
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.streams.event import Event
from backbus.streams.stream import StreamReader
from backbus.streams.topology import READERS, Kind


def panel_of(rows: int) -> Panel:
    values = np.arange(rows, dtype=np.float64).reshape(rows, 1) + 1
    days = np.arange(rows, dtype=np.int64)
    return Panel(Layout(("A",), rows, 0, DAY_NS), Block(0, (days + 1) * DAY_NS, days, **dict.fromkeys(FIELDS, values)))


def progress(role: str, rows: int) -> Event:
    return Event(Kind.PROGRESS, role, rows, rows, 6 * rows)


def test_it_sends_what_the_window_allows_and_waits():
    source = DataHandler(panel_of(100), block=10, window=25, readers=("a", "b"))
    assert [(event.begin, event.end, event.watermark) for event in source.start()] == [(0, 10, 60), (10, 20, 120)]
    assert list(source.receive(progress("a", 20))) == []
    assert list(source.receive(progress("b", 4))) == []
    assert [(event.begin, event.end) for event in source.receive(progress("b", 5))] == [(20, 30)]


def test_a_block_carries_its_rows():
    source = DataHandler(panel_of(5), block=3, window=6, readers=("a",))
    first, tail = source.start()
    assert first.kind is Kind.NEW_DATA
    assert first.source == "data"
    assert first.payload.first_row == 0
    assert tail.payload.first_row == 3
    assert tail.payload.close[:, 0].tolist() == [4, 5]
    assert source.done
    assert source.writer.end == 5


def test_blocks_are_cut_to_half_the_window():
    source = DataHandler(panel_of(10), block=100, window=5, readers=("a",))
    assert [len(event.payload) for event in source.start()] == [2, 2]
    assert [len(event.payload) for event in DataHandler(panel_of(3), block=1, window=1, readers="a").start()] == [1]


def test_repeated_late_and_foreign_progress_changes_nothing():
    source = DataHandler(panel_of(100), block=10, window=20, readers=("a",))
    source.start()
    assert len(list(source.receive(progress("a", 10)))) == 1
    for event in (
        progress("a", 10),
        progress("a", 3),
        progress("b", 90),
        progress("a", -5),
        Event(Kind.SIGNAL, "a", 0, 90, 540),
    ):
        assert list(source.receive(event)) == []


def test_progress_beyond_what_was_sent_gives_no_more_than_a_window():
    source = DataHandler(panel_of(100), block=10, window=20, readers=("a",))
    source.start()
    assert [event.end for event in source.receive(progress("a", 10**9))] == [30, 40]


def test_no_readers_means_no_waiting_and_no_rows_means_done():
    assert sum(len(event.payload) for event in DataHandler(panel_of(77), block=10, window=20, readers=()).start()) == 77
    empty = DataHandler(panel_of(0), block=10, window=20, readers=READERS)
    assert list(empty.start()) == []
    assert empty.done


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="at least one row"):
        DataHandler(panel_of(1), block=0, window=1, readers=())


@given(rows=st.integers(0, 120), block=st.integers(1, 40), window=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_credit_rules_hold_whatever_readers_do(rows, block, window, seed):
    random = np.random.default_rng(seed)
    panel = panel_of(rows)
    source = DataHandler(panel, block=block, window=window, readers=READERS)
    whole = min(block, max(1, window // 2))
    reader = StreamReader(Kind.NEW_DATA)
    worked = dict.fromkeys(READERS, 0)
    received = []

    def take(events):
        for event in events:
            assert event.begin == reader.next
            assert len(event.payload) == whole or event.end == rows
            assert len(event.payload) <= whole
            assert event.watermark == 6 * event.end
            assert event.end - min(worked.values()) <= window
            received.append(reader.accept(event).payload.close)
        sent = source.writer.end
        assert source.done or sent + min(whole, rows - sent) > min(worked.values()) + window, "credit was left unused"

    take(source.start())
    while not source.done:
        behind = [role for role in READERS if worked[role] < source.writer.end]
        role = behind[random.integers(len(behind))]
        worked[role] += int(random.integers(1, source.writer.end - worked[role] + 1))
        take(source.receive(progress(role, worked[role])))
        stale = READERS[random.integers(len(READERS))]
        assert list(source.receive(progress(stale, int(random.integers(worked[stale] + 1))))) == []
    assert reader.next == rows
    assert reader.digest.value() == source.writer.digest.value()
    if rows:
        np.testing.assert_array_equal(np.concatenate(received), panel.block.close)


@pytest.mark.parametrize(
    ("given_sizes", "expected"),
    [
        ((1, None, None), (32768, 262144)),
        ((4, None, None), (16384, 131072)),
        ((500, None, None), (131, 1048)),
        ((100_000, None, None), (16, 128)),
        ((1, 100, None), (100, 800)),
        ((1, 100, 120), (100, 200)),
        ((1, None, 1000), (500, 1000)),
        ((1, None, 1), (1, 2)),
        ((1, 10, 1000), (10, 1000)),
        ((1, 1_000_000, None), (131072, 262144)),
        ((1, 10, 10_000_000), (10, 262144)),
    ],
)
def test_block_and_window_are_chosen_by_assets_and_fit_together(given_sizes, expected):
    assert block_and_window(*given_sizes) == expected


def test_the_handler_is_pure():
    names = {node.id for node in ast.walk(ast.parse(Path(handler.__file__).read_text())) if isinstance(node, ast.Name)}
    assert not names & {"open", "time", "random", "zmq", "asyncio", "os", "threading"}
