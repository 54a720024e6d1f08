"""The handler: whatever arrives first, the report is that of the whole run; progress is said, memory given back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from backbus.errors import JobError, StreamGap
from backbus.market.panel import Layout
from backbus.performance.handler import PerformanceHandler
from backbus.performance.instants import Begins, instants
from backbus.performance.report import Report
from backbus.performance.statistics import Statistics
from backbus.performance.tables import Piece, run_pieces
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from tests.unit.panels import tables_of
from tests.unit.performance_run import events_of, interleaved, report_as_json, some_run, unsaid, whole

if TYPE_CHECKING:
    from tests.plain_python import PlainPython


@pytest.mark.parametrize("seed", range(60))
def test_the_order_of_arrival_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    run = some_run(seed % 3)
    handler = PerformanceHandler(run.job, run.layout, int(rng.integers(1, 60)))
    pieces: list[Piece] = []
    told = 0
    for event in interleaved(events_of(run, rng), rng):
        said = list(handler.receive(event))
        assert len(said) <= 1
        for progress in said:
            assert progress.kind is Kind.PROGRESS
            assert progress.source == "performance"
            assert progress.begin == progress.end == handler.rows_done > told
            assert progress.watermark == 6 * handler.rows_done
            told = handler.rows_done
        if rng.random() < 0.5:
            pieces += handler.take_pieces()
    assert handler.done
    assert told == run.layout.rows
    assert handler.report() == whole(run)
    tables = tables_of(pieces + handler.take_pieces())
    assert tables["equity"]["equity"].tobytes() == run.equity.equity.tobytes()
    assert tables["equity"]["time"].tobytes() == run.block.end[run.layout.warmup :].tobytes()
    assert tables["equity"]["row"].tolist() == list(range(run.layout.warmup, run.layout.rows))
    for name, records in (("signals", run.signals), ("orders", run.orders), ("fills", run.fills)):
        assert tables[name]["logical_time"].tobytes() == records["tick"].tobytes()
        assert tables[name]["time"].tobytes() == when(run, records["tick"]).tobytes()
    metrics = handler.report().metrics
    exits = tables["trades"]["exit_row"]
    assert int(np.count_nonzero(exits >= 0)) == metrics.trades
    assert int(np.count_nonzero(exits < 0)) == metrics.open_trades
    opened = np.isin(tables["trades"]["entry_time"], when(run, run.fills["tick"]))
    assert opened.all()


def when(run: Any, ticks: Any) -> Any:
    return instants(ticks, run.block.first_row, Begins(run.layout).of(run.block), run.block.end)


def test_a_whole_run_in_memory_makes_the_same_tables() -> None:
    run, rng = some_run(), np.random.default_rng(1)
    handler = PerformanceHandler(run.job, run.layout, 17)
    for event in interleaved(events_of(run, rng), rng):
        handler.receive(event)
    statistics = Statistics(run.job, run.layout)
    statistics.add_rows(run.block, run.equity)
    closed = statistics.add_fills(run.fills, when(run, run.fills["tick"]))
    trades = np.concatenate((closed, statistics.open_trades()))
    direct = tables_of(
        run_pieces(run.block, Begins(run.layout).of(run.block), run.equity, run.signals, run.orders, run.fills, trades)
    )
    streamed = tables_of(handler.take_pieces())
    assert direct.keys() == streamed.keys()
    for name, columns in direct.items():
        assert {key: column.tolist() for key, column in columns.items()} == {
            key: column.tolist() for key, column in streamed[name].items()
        }


def test_rows_count_as_worked_off_only_with_their_equity() -> None:
    run = some_run()
    handler = PerformanceHandler(run.job, run.layout, 10)
    (progress,) = handler.receive(Event(Kind.NEW_DATA, "data", 0, 200, 1200, run.block))
    assert progress.end == run.layout.warmup
    assert not list(handler.receive(Event(Kind.EQUITY, "portfolio", 0, 9, 6 * 32, run.equity.rows(0, 9))))
    (progress,) = handler.receive(Event(Kind.EQUITY, "portfolio", 9, 10, 6 * 33, run.equity.rows(9, 10)))
    assert (progress.end, progress.watermark) == (33, 198)


def test_the_last_rows_are_told_however_few() -> None:
    run = some_run()
    handler = PerformanceHandler(run.job, run.layout, 10_000)
    assert not list(handler.receive(Event(Kind.NEW_DATA, "data", 0, 200, 1200, run.block)))
    (progress,) = handler.receive(Event(Kind.EQUITY, "portfolio", 0, 177, 1200, run.equity))
    assert progress.end == 200
    assert not handler.done


def test_a_repeated_event_changes_nothing_and_a_missing_one_is_a_gap() -> None:
    run = some_run()
    handler = PerformanceHandler(run.job, run.layout, 1)
    data = Event(Kind.NEW_DATA, "data", 0, 50, 300, run.block.rows(0, 50))
    assert list(handler.receive(data))
    assert not list(handler.receive(data))
    with pytest.raises(StreamGap):
        handler.receive(Event(Kind.EQUITY, "portfolio", 5, 6, 300, run.equity.rows(5, 6)))


def test_events_of_other_streams_are_not_its_business() -> None:
    run = some_run()
    handler = PerformanceHandler(run.job, run.layout, 1)
    assert not list(handler.receive(Event(Kind.PROGRESS, "strategy", 9, 9, 54)))
    assert not list(handler.receive(Event(Kind.BOOK, "portfolio", 0, 0, 6)))


def test_what_is_kept_does_not_grow_with_rows() -> None:
    """Two hundred times as many rows, the same few in memory: times are forgotten, pieces and records handed out."""
    run = some_run(rows=40_000, warmup=0)
    handler = PerformanceHandler(run.job, run.layout, 100)
    most = done = 0
    taken = {Kind.SIGNAL: 0, Kind.ORDER: 0, Kind.FILL: 0}
    for kind in unsaid((*taken, Kind.NEW_DATA, Kind.EQUITY)):
        handler.receive(Event(kind, "someone", 0, 0, 240_000))
    for row in range(0, 40_000, 50):
        stop = row + 50
        handler.receive(Event(Kind.NEW_DATA, "data", row, stop, 6 * stop, run.block.rows(row, stop)))
        for kind, records in ((Kind.SIGNAL, run.signals), (Kind.ORDER, run.orders), (Kind.FILL, run.fills)):
            begin, end = taken[kind], int(np.searchsorted(records["tick"], 6 * stop))
            handler.receive(Event(kind, "someone", begin, end, 6 * stop, records[begin:end]))
            taken[kind] = end
        handler.receive(Event(Kind.EQUITY, "portfolio", row, stop, 6 * stop, run.equity.rows(row, stop)))
        most = max(most, len(handler._times._end), len(handler._blocks), handler._records_waiting)
        done += sum(len(columns["row"]) for name, columns in handler.take_pieces() if name == "equity")
    assert handler.done
    assert done == 40_000
    assert most <= 300


def test_counts_say_what_became_of_the_orders() -> None:
    run = some_run()
    report = whole(run)
    kinds = run.orders["kind"]
    assert report.counts.signals == len(run.signals)
    assert report.counts.orders == np.count_nonzero(kinds == 0)
    assert report.counts.cancelled == np.count_nonzero(kinds == 2)
    assert report.counts.refused == np.count_nonzero(kinds == 3)
    assert report.counts.refused_because == {"short positions are not allowed": report.counts.refused}
    cut = (kinds == 0) & (np.abs(run.orders["quantity"]) < np.abs(run.orders["wanted"])) & (run.orders["quantity"] != 0)
    assert report.counts.cut == np.count_nonzero(cut)
    assert report.counts.expired == max(0, report.counts.orders - len(run.fills) - report.counts.cancelled)


def test_the_report_describes_its_run() -> None:
    run = some_run(execution={"fill": "close"})
    report = whole(run)
    assert (report.name, report.rows, report.warmup, report.assets) == ("made up", 177, 23, 2)
    assert (report.first_session, report.last_session) == ("2019-04-17", "2019-05-17")
    assert report.sessions == 31
    assert report.final_equity == run.equity.equity[-1]
    assert any("orders filled at the close that decided them" in note for note in report.notes)
    assert Report.model_validate_json(report.to_json()) == report


def test_warnings_are_passed_through() -> None:
    run = some_run()
    handler = PerformanceHandler(run.job, run.layout, 1)
    assert handler.report(["two bars were repaired"]).warnings == ("two bars were repaired",)


def test_a_ruined_account_is_noted_with_its_session() -> None:
    run = some_run(warmup=0)
    run.equity.equity[7:] = -1.0
    assert any("zero or less at the end of 2019-04-15" in note for note in whole(run).notes)


def test_a_benchmark_without_an_earlier_bar_is_noted() -> None:
    note = "the benchmark B has no bar before the first traded row"
    assert any(note in text for text in whole(some_run(warmup=0)).notes)
    assert not any(note in text for text in whole(some_run(warmup=23)).notes)


def test_an_unknown_benchmark_is_refused_before_anything_runs() -> None:
    run = some_run()
    with pytest.raises(JobError, match=r"performance\.benchmark"):
        Statistics(run.job, Layout(("A", "C"), 10, 0, 1))


def test_equity_of_other_rows_is_refused() -> None:
    run = some_run()
    with pytest.raises(ValueError, match="last rows of the block"):
        Statistics(run.job, run.layout).add_rows(run.block.rows(0, 150), run.equity)


def test_plain_python_makes_the_same_report(plain_python: PlainPython) -> None:
    text = report_as_json(5)
    assert plain_python("tests.unit.performance_run", "report_as_json", 5) == text
    assert json.loads(text)["metrics"]["trades"] > 0


def test_every_kernel_has_one_signature_whoever_feeds_it() -> None:
    """A kernel compiled a second time would stall a run that was said to be warm."""
    from backbus.jit.decorators import JIT_DISABLED, LOOPS

    run = some_run()
    whole(run)
    for array in (run.block.end, run.block.session, run.block.close, run.equity.equity, run.fills, run.orders):
        array.flags.writeable = False
    whole(run)
    mine = [kernel for kernel in LOOPS if kernel.__module__.startswith("backbus.performance")]
    mine = [kernel for kernel in mine if not kernel.__module__.endswith(".lanes")]  # of points of sweeps
    assert len(mine) == 12
    assert JIT_DISABLED or {kernel.__name__: kernel.signatures for kernel in mine if len(kernel.signatures) != 1} == {}
