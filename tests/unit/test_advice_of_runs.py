"""What jobs that run or sweep are told leads on: it is done, and the job runs, and says so no more."""

from __future__ import annotations

import functools
import re
import tempfile
from pathlib import Path

import pytest

from tests.unit import advice_of_results as results
from tests.unit import advice_of_strategies as strategies
from tests.unit import advice_of_sweeps as sweeps
from tests.unit.advice_of_runs import Runs, told

ALL: tuple[Runs, ...] = (*sweeps.ALL, *strategies.ALL, *results.ALL)


@functools.cache
def message_of(number: int) -> str:
    """What a case is told, the same to all that ask."""
    with tempfile.TemporaryDirectory() as folder:
        return told(ALL[number], Path(folder))[0]


@pytest.mark.parametrize("number", range(len(ALL)), ids=lambda number: ALL[number].says[:50])
def test_what_a_run_is_told_to_become_runs(tmp_path: Path, number: int) -> None:
    case = ALL[number]
    assert re.search(case.says, message_of(number)), message_of(number)
    assert case.ways
    for place, way in enumerate(case.ways):
        after, refused = told(case, tmp_path / str(place), way)
        assert not refused and not re.search(case.says, after), (way, after)
