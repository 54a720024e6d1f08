"""The one table of a run's streams: handlers, services and pages have nothing else to say about them."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from backbus.data.handler import DataHandler
from backbus.engine.warm import small_panel
from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.performance.handler import PerformanceHandler
from backbus.portfolio.handler import PortfolioHandler
from backbus.strategy import StrategyHandler, make_strategy
from backbus.strategy.builtins import SmaCross
from backbus.streams.topology import READERS, SOURCES, STREAMS, Kind, read_by, written_by
from backbus.trading import records as rec
from backbus.trading.numbers import rules_of
from backbus.transport.role import RunningHandler

ROOT = Path(__file__).parents[2]
ROLES = ("data", *READERS)


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def handlers(reads_book: bool) -> dict[str, RunningHandler]:
    panel = small_panel()
    job = Job.parse({"strategy": {"use": "SmaCross"}})
    rules, strategy = rules_of(job, panel.layout), make_strategy(SmaCross, {})
    return {
        "data": DataHandler(panel, block=8, window=32, readers=READERS),
        "strategy": StrategyHandler(strategy, panel.layout),
        "portfolio": PortfolioHandler(rules, panel.layout, reads_book=reads_book, batch_rows=8),
        "execution": ExecutionHandler(rules, panel.layout, progress_rows=8),
        "performance": PerformanceHandler(job, panel.layout, 8),
    }


def test_every_kind_has_a_row_and_one_sort_of_contents() -> None:
    assert list(STREAMS) == list(Kind)
    for kind, stream in STREAMS.items():
        assert (stream.record is not None) + (stream.rows is not None) == (kind is not Kind.PROGRESS)
        assert bool(stream.columns) == (stream.rows is not None)
        assert stream.writer not in stream.readers
        assert {*stream.readers, stream.writer} <= {*ROLES, None}


def test_columns_are_the_payload_s_fields() -> None:
    for stream in STREAMS.values():
        if stream.rows is not None:
            named = [each.name for each in (*stream.columns, *stream.records)]
            fields = [name for name in stream.rows.__dataclass_fields__ if name not in ("first_row", "extra", "frames")]
            assert fields == named
            assert {np.dtype(column.dtype).itemsize for column in stream.columns} == {8}


@pytest.mark.parametrize("reads_book", [False, True])
def test_handlers_have_the_streams_of_the_table(reads_book: bool) -> None:
    for role, handler in handlers(reads_book).items():
        assert tuple(handler.writers) == written_by(role, reads_book=reads_book)
        if role != "data":  # which reads what others have worked off, and no records
            assert tuple(handler.readers) == read_by(role, reads_book=reads_book and role != "strategy")


def test_a_simulated_source_reads_what_the_data_service_reads() -> None:
    assert {read_by(source) for source in SOURCES} == {(Kind.PROGRESS,)}


# --- the pages -----------------------------------------------------------------------------------------------------


def test_the_pages_have_the_tables_that_are_made_of_it() -> None:
    for page, text in _load("stream_tables").pages().items():
        assert page.read_text(encoding="utf-8") == text, "python -P tools/stream_tables.py writes it anew"


def test_the_protocol_names_all_kinds() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    kinds = re.findall(r"^\| `kind` \| str \| always \| `([A-Z_ ]+)` \|$", text, re.MULTILINE)
    assert [each.split() for each in kinds] == [[*Kind, "PROBE"]]
    for stream in STREAMS.values():
        for dtype in (stream.record, *(each.dtype for each in stream.records)):
            assert dtype is None or re.search(rf"^[A-Z]+, {dtype.itemsize} bytes", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["SIGNAL", "ORDER", "FILL", "BOOKING"])
def test_the_protocol_lays_records_out_as_they_are(name: str) -> None:
    dtype: np.dtype[np.void] = getattr(rec, name)
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = text.partition(f"\n{name}, {dtype.itemsize} bytes")[2].split("\n\n")[1]
    rows = [(int(at), field, kind) for at, field, kind in re.findall(r"^\| (\d+) \| `(\w+)` \| (\w+) \|", table, re.M)]
    assert dtype.fields is not None
    assert rows == [(at, field, one.name) for field, (one, at) in dtype.fields.items()]


def told(text: str) -> set[str]:
    return {word for word in re.findall(r"[A-Z_]+", text) if word in STREAMS}


def test_no_line_of_the_architecture_page_says_otherwise() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for folder, kinds in re.findall(r"^ +(\w+)/.*-> ([A-Z_, ]+)$", text, re.MULTILINE):
        assert told(kinds) <= {*written_by("data" if folder in SOURCES else folder)}, folder
    for writer, kind, reader in re.findall(r"(\w+) +--+(?:>\|)? ?([A-Z_]+) ?(?:--+>|\|) *(\w+)", text):
        if kind in STREAMS and writer in ROLES and reader in ROLES:
            assert kind in written_by(writer) and kind in read_by(reader), f"{writer} {kind} {reader}"


def test_no_service_says_otherwise_of_itself() -> None:
    for service in (*SOURCES, *READERS):
        source = (ROOT / "services" / service / "__main__.py").read_text(encoding="utf-8")
        comes_in, _, goes_out = (ast.get_docstring(ast.parse(source)) or "").partition("Out:")
        assert told(comes_in) <= {*read_by(service)}
        assert told(goes_out) <= {*written_by("data" if service in SOURCES else service), Kind.PROGRESS}
