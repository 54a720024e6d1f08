"""Files and terminal: whole or not there, the same however they were fed, and readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backbus.cli.output import print_report
from backbus.cli.printed.screen import Screen
from backbus.cli.printed.tables import SheetLine, sheet
from backbus.engine.run import Engine
from backbus.performance import artifacts
from backbus.performance.artifacts import ArtifactWriter
from backbus.performance.handler import PerformanceHandler
from backbus.performance.report import Report
from backbus.performance.summary import SummaryLine, summary_lines
from backbus.performance.tables import RowTimes
from backbus.performance.trades import NO_TIME
from backbus.transport.blobs import hash_of_file
from tests.unit.order_market import QUIET, asks, bars, job_of, scripted
from tests.unit.performance_run import Run, events_of, interleaved, some_run


def write(run: Run, folder: Path, seed: int) -> Report:
    rng = np.random.default_rng(seed)
    handler = PerformanceHandler(run.job, run.layout, int(rng.integers(1, 60)))
    with ArtifactWriter(folder, run.layout.symbols) as writer:
        for event in interleaved(events_of(run, rng), rng):
            handler.receive(event)
            writer.write(handler.take_pieces())
        report = handler.report()
        paths = writer.close(report)
    assert all(path.is_file() for path in paths.values())
    return report


def test_the_files_do_not_show_how_the_run_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "GROUP_ROWS", 64)
    run = some_run()
    write(run, tmp_path / "a", 1)
    write(run, tmp_path / "b", 2)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == [
        "account_activity.parquet",
        "equity.parquet",
        "fills.parquet",
        "order_ends.parquet",
        "orders.parquet",
        "report.json",
        "signals.parquet",
        "trades.parquet",
    ]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert pq.ParquetFile(tmp_path / "a" / "equity.parquet").num_row_groups == 3


def test_a_file_that_is_hashed_as_it_is_written_is_the_same_and_so_is_its_hash(tmp_path: Path) -> None:
    run = some_run()
    write(run, tmp_path / "plain", 1)
    handler = PerformanceHandler(run.job, run.layout, 10)
    rng = np.random.default_rng(0)
    with ArtifactWriter(tmp_path / "hashed", run.layout.symbols, hashed=True) as writer:
        for event in interleaved(events_of(run, rng), rng):
            handler.receive(event)
            writer.write(handler.take_pieces())
        for name, path in writer.close(handler.report()).items():
            assert path.read_bytes() == (tmp_path / "plain" / path.name).read_bytes()
            assert writer.hash_of(name) == (None if name == "report" else hash_of_file(path))


def test_tables_hold_words_and_times(tmp_path: Path) -> None:
    run = some_run()
    report = write(run, tmp_path, 1)
    equity = pq.read_table(tmp_path / "equity.parquet")
    assert equity.schema.field("time").type == pa.timestamp("ns", tz="UTC")
    assert equity.schema.field("session").type == pa.date32()
    assert equity["equity"].to_pylist() == run.equity.equity.tolist()
    assert equity["session"][0].as_py().isoformat() == report.first_session
    orders = pq.read_table(tmp_path / "orders.parquet").to_pylist()
    assert {order["symbol"] for order in orders} == {"A", "B"}
    assert {order["kind"] for order in orders} == {"place", "cancel", "refuse"}
    assert {order["phase"] for order in orders} == {"CLOSE_DECIDE"}
    assert {order["reason"] for order in orders} == {"", "short positions are not allowed"}
    fills = pq.read_table(tmp_path / "fills.parquet")
    assert fills["price"].to_pylist() == run.fills["price"].tolist()
    trades = pq.read_table(tmp_path / "trades.parquet").to_pylist()
    assert {trade["side"] for trade in trades} == {"long", "short"}
    still_open = [trade for trade in trades if trade["exit_row"] is None]
    assert len(still_open) == report.metrics.open_trades > 0
    assert all(trade["exit_time"] is None and trade["entry_time"] is not None for trade in still_open)
    assert Report.model_validate_json((tmp_path / "report.json").read_text()) == report


def test_row_zero_is_a_row_and_a_trade_that_is_open_has_none_for_its_exit(tmp_path: Path) -> None:
    market = bars(QUIET, QUIET, QUIET)
    with ArtifactWriter(tmp_path, market.symbols) as writer:
        writer.close(Engine(job_of(), market, scripted({0: asks(5)}), writer.write).run())
    assert pq.read_table(tmp_path / "equity.parquet")["row"].to_pylist() == [0, 1, 2]
    assert pq.read_table(tmp_path / "orders.parquet")["row"].to_pylist() == [0]
    trades = pq.read_table(tmp_path / "trades.parquet")
    assert (trades["entry_row"].to_pylist(), trades["exit_row"].to_pylist()) == ([1], [None])


def test_a_run_without_records_has_empty_tables(tmp_path: Path) -> None:
    run = some_run()
    with ArtifactWriter(tmp_path, run.layout.symbols) as writer:
        writer.close(PerformanceHandler(run.job, run.layout, 1).report())
    assert pq.read_table(tmp_path / "fills.parquet").num_rows == 0


def test_nothing_is_visible_before_the_end_and_nothing_stays_of_an_abort(tmp_path: Path) -> None:
    run = some_run()
    rng = np.random.default_rng(0)
    handler = PerformanceHandler(run.job, run.layout, 10)
    writer = ArtifactWriter(tmp_path, run.layout.symbols)
    for event in interleaved(events_of(run, rng), rng):
        handler.receive(event)
    writer.write(handler.take_pieces())
    assert all(path.name.startswith(".") for path in tmp_path.iterdir())
    writer.abort()
    assert not list(tmp_path.iterdir())
    writer.abort()


def test_an_error_aborts_and_leaves_an_earlier_run_alone(tmp_path: Path) -> None:
    run = some_run()
    write(run, tmp_path, 1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RuntimeError, match="midway"), ArtifactWriter(tmp_path, run.layout.symbols):
        raise RuntimeError("midway")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_run_that_is_written_leaves_the_next_one_in_its_folder_alone(tmp_path: Path) -> None:
    run = some_run()
    with ArtifactWriter(tmp_path, run.layout.symbols) as first:
        report = write(run, tmp_path / "elsewhere", 1)
        first.close(report)
        second = ArtifactWriter(tmp_path, run.layout.symbols)
    assert all(path.exists() for path in second.close(report).values())


def shown(report: Report, on: Screen) -> str:
    """A summary as a screen has it."""
    lines = [SheetLine(line.label, line.figure, line.words) for line in summary_lines(report)]
    return "\n".join(sheet(lines, on, report.name))


def test_the_summary_is_readable_in_eighty_columns(tmp_path: Path) -> None:
    report = write(some_run(), tmp_path, 1)
    text = shown(report, Screen(80, False))
    assert max(len(line) for line in text.splitlines()) <= 80
    lines = by_label(report)
    assert lines["Total return"].figure == f"{report.metrics.total_return * 100:,.2f} %"  # type: ignore[operator]
    for part in ("made up", "Total return", "Beta", report.fingerprint):
        assert part in text


def test_the_summary_has_bold_labels_and_an_empty_line_between_its_groups(tmp_path: Path) -> None:
    report = write(some_run(), tmp_path, 1)
    lines = shown(report, Screen(80, True)).splitlines()
    assert sum(not line for line in lines) == len([1 for line in summary_lines(report) if not line.label])
    assert any("\x1b[1mTotal return" in line for line in lines)


def by_label(report: Report) -> dict[str, SummaryLine]:
    return {line.label: line for line in summary_lines(report)}


def test_the_summary_of_an_empty_run_shows_dashes() -> None:
    run = some_run()
    lines = by_label(PerformanceHandler(run.job, run.layout, 1).report())
    assert lines["Sharpe"].figure == lines["Annual return"].figure == "–"
    assert lines["Total return"].figure == "0.00 %"


def test_the_summary_names_five_symbols_and_counts_the_rest() -> None:
    report = PerformanceHandler(some_run().job, some_run().layout, 1).report()
    for symbols, line in (("ABCDE", "A, B, C, D, E"), ("ABCDEFGH", "A, B, C, D, E and 3 more")):
        many = report.model_copy(update={"symbols": tuple(symbols), "assets": len(symbols)})
        assert by_label(many)["Symbols"].words == line


def test_names_with_brackets_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    run = some_run(name="[bold]mine[/]")
    print_report(PerformanceHandler(run.job, run.layout, 1).report(["[red]odd[/red]"]), None)
    out = capsys.readouterr().out
    assert "[bold]mine[/]" in out
    assert "warning: [red]odd[/red]" in out


def test_a_row_that_is_not_known_yet_or_not_kept_any_more_has_no_instant() -> None:
    times = RowTimes()
    assert times.of(np.array([0])).tolist() == [NO_TIME]
    times.add(np.array([5, 15, 25]), np.array([10, 20, 30]))
    assert times.of(np.array([0, 1, 2, 11, 13, 17])).tolist() == [5, 5, 10, 20, 25, 30]
    assert times.of(np.array([0, 18])).tolist() == [5, NO_TIME]
    times.forget(2)
    assert times.of(np.array([6, 12])).tolist() == [NO_TIME, 25]
