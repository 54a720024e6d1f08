"""What ``docs/architecture.md`` shows is how it is: its tree, its diagrams, the phases of a row, and its example."""

from __future__ import annotations

import re
from collections import deque

import numpy as np

from backbus import Strategy
from backbus.data.handler import DataHandler
from backbus.engine.rehearsal import READERS
from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.market.ticks import PHASE_NAMES
from backbus.performance.handler import PerformanceHandler
from backbus.portfolio.handler import PortfolioHandler
from backbus.strategy.bars import Bars
from backbus.strategy.handler import StrategyHandler
from backbus.streams.admission import WRITER
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from tests.unit.doc_pages import ROOT, rows, section, stale, text_of, tool, words
from tests.unit.order_market import bars, flat

PAGE = text_of("architecture.md")
PACKAGE = ROOT / "shared" / "backbus"


def test_the_phases_of_a_row_are_those_of_the_code() -> None:
    listed = [(row[0], *words(row[1])) for row in rows(section(PAGE, "One row, in order"))]
    assert listed == [(str(number), name) for number, name in enumerate(PHASE_NAMES)]


def test_the_tree_has_every_folder_and_module_of_the_package_and_no_other() -> None:
    tree = re.findall(r"```text\n(.*?)```", section(PAGE, "The house"), re.DOTALL)[0].splitlines()
    # Names stand at the left, three blanks or more before what is said of them; a line that begins further in goes on.
    left = [re.split(r"\s{3,}", line.strip())[0] for line in tree[1:-1] if re.match(r" {0,2}\S", line)]
    named = {name.rstrip("/") for names in left for name in names.split()}
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert named == folders | modules
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "__main__.py").is_file()}
    assert services == set(tree[-1].partition(": ")[2].split(", "))


def test_the_diagrams_are_as_they_are_drawn() -> None:
    assert stale("diagrams") == [], "run: make pages"
    for path in tool("diagrams").made():
        assert f"pictures/{path.name}" in PAGE
    assert set(WRITER) | {Kind.PROGRESS} == {
        kind for kind in Kind if re.search(rf">{kind}\b", str(tool("diagrams").chain()))
    }


class TwoSignals(Strategy):
    """Long from row 3 on, flat from row 900 on."""

    def signals(self, bars: Bars) -> object:
        row = np.arange(bars.first_row, bars.first_row + len(bars))
        return self.hold_long(((row >= 3) & (row < 900))[:, None])


def said_in_the_example() -> list[Event]:
    """What the handlers say in the example's run: 1000 rows in one block; the open of row 4 is above row 3's close, so
    that the order has to be cut."""
    panel = bars(*(flat(100.0 if row < 4 else 101.0) for row in range(1000)))
    job, layout = Job.parse({"strategy": {"use": "SmaCross"}}), panel.layout
    rules = job.rules(layout)
    handlers = (
        DataHandler(panel, block=1000, window=4000, readers=READERS),
        StrategyHandler(TwoSignals(), layout, cash=job.portfolio.cash, progress_rows=1000),
        PortfolioHandler(rules, layout, reads_book=False, batch_rows=1000),
        ExecutionHandler(rules, layout, progress_rows=1000),
        PerformanceHandler(job, layout, 1000),
    )
    waiting: deque[Event] = deque()
    for handler in handlers:
        waiting.extend(handler.start())
    said = []
    while waiting:
        event = waiting.popleft()
        said.append(event)
        for handler in handlers:
            waiting.extend(handler.receive(event))
    return said


def test_the_example_is_what_the_handlers_say() -> None:
    told: dict[str, list[tuple[str, list[int], int]]] = {}
    for event in said_in_the_example():
        records = event.payload if isinstance(event.payload, np.ndarray) else None
        ticks = [] if records is None else records["tick"].tolist()
        if event.kind in (Kind.SIGNAL, Kind.ORDER, Kind.FILL) and event.through > 1:
            told.setdefault(event.source, []).append((str(event.kind), ticks, event.through))
    listed: dict[str, list[tuple[str, list[int], int]]] = {}
    for who, said, _ in rows(section(PAGE, "Example")):
        kind, watermark = said.partition(",")[0], int(said.rpartition(" ")[2])
        if kind != "EQUITY":
            ticks = [int(number) for number in re.findall(r"\b(\d+)\b", said.rpartition(", watermark")[0])]
            listed.setdefault(who, []).append((kind, ticks, watermark))
    assert listed == told
