"""Compiled rules: the same bytes as in plain Python, one signature each, and the private flag that makes them fast."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytest

from backbus.engine.loop import run_rows
from backbus.jit.decorators import JIT_DISABLED, LOOPS
from tests.processes import ROOT
from tests.unit.rules_jobs import answers

if TYPE_CHECKING:
    from tests.plain_python import PlainPython


def test_handlers_and_engine_give_the_same_answer_to_every_job() -> None:
    found = answers()
    assert len(set(found.values())) > 20
    for name, fingerprint in found.items():
        assert fingerprint == found[name.replace(", handlers", ", engine")]


@pytest.mark.slow
def test_without_the_compiler_engine_and_handlers_give_the_same_bytes(plain_python: PlainPython) -> None:
    assert plain_python("tests.unit.rules_jobs", "answers") == answers()


@pytest.mark.slow
@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_after_the_warm_up_no_job_compiles_anything() -> None:
    """Every array reaches a loop as the same kind of array, whoever made it: the engine, or a decoded event."""
    command = [sys.executable, "-m", "tests.unit.rules_jobs"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    import backbus.data.panels.aggregate
    import backbus.engine.batch  # noqa: F401  (loops that the warm-up declares)

    # Only compiled code calls the last.
    others = ("backbus.sweep", "backbus.simulator", "backbus.data.readers", "backbus.performance.lanes")
    found = {name: counts for name, counts in json.loads(done.stdout).items() if not name.startswith(others)}
    assert len(found) == sum(not loop.__module__.startswith(others) for loop in LOOPS)
    assert found == {name: [1, 0] for name in found}, "signatures after the warm-up, signatures that runs added"


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_numba_still_takes_the_private_option_that_leaves_out_reference_counting() -> None:
    """``_nrt`` is no promise of numba's. Without it everything works, several times slower: this says why."""

    def first(values: Any) -> float:
        return float(values[0])

    flagged, plain = (numba.njit(**options)(first) for options in ({"_nrt": False}, {}))
    values = np.array([2.5])
    assert flagged(values) == plain(values) == 2.5
    assert "NRT_incref" not in flagged.inspect_llvm(flagged.signatures[0])


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_loops_are_compiled_without_reference_counting_and_without_fast_arithmetic() -> None:
    options = run_rows.targetoptions
    assert options["_nrt"] is False
    assert options["fastmath"] is False
    assert options["nogil"] is True
    assert options["error_model"] == "numpy"
