"""A point of a sweep is the run that it says it is, whatever a strategy's file leaves behind in its process."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus import Job, Strategy, StrategyError, run, run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.strategy import bundle, load_strategy
from backbus.strategy.lasting import changed, prints_of
from backbus.strategy.loading import anew, remembers, untouched
from backbus.sweep.search.plan import plan_of
from backbus.sweep.workers.chunk import Chunks
from tests.unit.order_market import open_close
from tests.unit.small_prices import write_prices

GLOBAL = """
COUNT = {}
def seen(self):
    COUNT[self.k] = True
    return len(COUNT)
"""
REBOUND = """
NUMBER = 0
def seen(self):
    global NUMBER
    NUMBER += 1
    return NUMBER
"""
ON_CLASS = """
class Kept:
    ever = []
def seen(self):
    Kept.ever.append(self.k)
    return len(Kept.ever)
"""
ON_FUNCTION = """
def seen(self, ever=[]):
    ever.append(self.k)
    return len(ever)
"""
IN_CLOSURE = """
def make():
    count = 0
    def seen(self):
        nonlocal count
        count += 1
        return count
    return seen
seen = make()
"""
IN_OBJECT = """
class Memory:
    def __init__(self):
        self.rows = {}
MEMORY = Memory()
def seen(self):
    MEMORY.rows[self.k] = 1
    return len(MEMORY.rows)
"""
IN_ARRAY = """
import numpy as np
WEIGHTS = np.zeros(3)
def seen(self):
    WEIGHTS[0] += 1
    return int(WEIGHTS[0])
"""
OF_NUMPY = """
import numpy as np
np.random.seed(5)
def seen(self):
    return 1 + np.random.randint(4)
"""
OF_PYTHON = """
import random
random.seed(5)
def seen(self):
    return 1 + random.randrange(4)
"""
IN_ANOTHER_FILE = """
from helper import ever
def seen(self):
    ever.append(self.k)
    return len(ever)
"""
USES = """
from backbus import Strategy

class Sneak(Strategy):
    k: int = 1
    _length: int = 0

    def signals(self, bars):
        self._length = self._length or 2 + 3 * seen(self)
        return self.hold_long(bars.close > bars.sma(self._length))
"""
BOOK = """
class Sneak(Strategy):
    k: int = 1

    def on_bar(self, bar, book):
        if bar.row == 0:
            self.buy(10 * seen(self))
"""
FORGETFUL = """
import functools
TABLE = {1: 2}
@functools.lru_cache
def looked_up(number):
    return TABLE.get(number, 1)
def seen(self):
    return looked_up(self.k) + len([self.k])
"""
MEMORIES = {
    name.lower(): text
    for name, text in {
        "GLOBAL": GLOBAL,
        "REBOUND": REBOUND,
        "ON_CLASS": ON_CLASS,
        "ON_FUNCTION": ON_FUNCTION,
        "IN_CLOSURE": IN_CLOSURE,
        "IN_OBJECT": IN_OBJECT,
        "IN_ARRAY": IN_ARRAY,
        "OF_NUMPY": OF_NUMPY,
        "OF_PYTHON": OF_PYTHON,
        "IN_ANOTHER_FILE": IN_ANOTHER_FILE,
    }.items()
}


def job_in(folder: Path, text: str) -> Job:
    (folder / "sneak.py").write_text(text + USES if "signals" not in text and "on_bar" not in text else text)
    (folder / "helper.py").write_text("ever = []\n")
    write_prices(folder, 120)
    fields: dict[str, Any] = {
        "data": {"files": "prices.csv", "symbols": ["A"]},
        "strategy": {"use": "sneak.py"},
        "sweep": {"parameters": {"k": [1, 2, 3, 4]}, "resamples": 50},
    }
    job = Job.parse(fields)
    job.come_from(folder)
    return job


def alone(job: Job, k: int) -> str:
    plain = job.plain()
    plain["sweep"] = None
    plain["strategy"]["k"] = k
    one = Job.parse(plain)
    one.come_from(job.folder)
    return run(one, tables=False).fingerprint


def points(swept: SweepResult) -> list[str]:
    """The fingerprint of each."""
    return swept.tables.read("table").column("fingerprint").to_pylist()


@pytest.mark.parametrize("name", MEMORIES)
def test_a_point_is_the_run_that_it_says_it_is(name: str, tmp_path: Path) -> None:
    job = job_in(tmp_path, MEMORIES[name])
    found = points(run_sweep(job, workers=0, folder=tmp_path / "out"))
    assert found == [alone(job, k) for k in (1, 2, 3, 4)]


def test_so_is_one_of_a_strategy_that_reads_the_book_and_one_in_another_process(tmp_path: Path) -> None:
    job = job_in(tmp_path, "from backbus import Strategy\n" + GLOBAL + BOOK)
    wanted = [alone(job, k) for k in (1, 2, 3, 4)]
    for workers in (0, 2):
        found = points(run_sweep(job, workers=workers, folder=tmp_path / f"out{workers}"))
        assert found == wanted


def test_what_remembers_nothing_shares_its_modules(tmp_path: Path) -> None:
    job = job_in(tmp_path, FORGETFUL)
    strategy = load_strategy("sneak.py", bundle("sneak.py", tmp_path))
    panel = open_close(list(np.linspace(10, 20, 60)))
    chunks = Chunks(job, panel, strategy, plan_of(job, panel))
    chunks.compute([{"strategy.k": k} for k in (1, 2, 3)])
    assert remembers(strategy) == [] and untouched(strategy) is strategy and not chunks._anew
    other = anew(strategy)
    assert other is not strategy and other.__name__ == "Sneak" and other.__module__ == strategy.__module__


def test_fresh_modules_are_made_of_the_text_that_was_read_first(tmp_path: Path) -> None:
    job_in(tmp_path, GLOBAL)
    strategy = load_strategy("sneak.py", bundle("sneak.py", tmp_path))
    (tmp_path / "sneak.py").write_text("raise SystemExit\n")
    assert anew(strategy).__name__ == "Sneak"


EVER: list[int] = []


class HandedOver(Strategy):
    k: int = 1

    def signals(self, bars: Any) -> Any:
        if self.k not in EVER:
            EVER.append(self.k)
        return self.hold_long(bars.close > bars.sma(2 + len(EVER)))


def test_a_class_that_was_handed_over_and_remembers_is_refused(tmp_path: Path) -> None:
    job = job_in(tmp_path, GLOBAL)
    with pytest.raises(StrategyError, match="remembers something from point to point"):
        run_sweep(job, strategy=HandedOver, folder=tmp_path / "out")


def test_a_large_table_is_looked_at_by_its_length_and_ends() -> None:
    module = types.ModuleType("large")
    table = module.TABLE = list(range(2_000_000))  # type: ignore[attr-defined]
    before = prints_of([module])
    assert changed(before, prints_of([module])) == []
    table[-1] += 1
    assert changed(before, prints_of([module])) == ["TABLE of large"]
    table[-1] -= 1
    table.append(0)
    assert changed(before, prints_of([module])) == ["TABLE of large"]
