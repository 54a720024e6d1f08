"""Loops from the disk: the same code as numba loads, without what only compiling takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import FunctionCache

from backbus.engine import warm  # noqa: F401  (declares loops)
from backbus.jit import kept
from backbus.jit.decorators import JIT_DISABLED, LOOPS
from backbus.jit.kept import KeptLoops
from tests.processes import ROOT

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
SQUARES = {"total": 14.0, "out": [0.0, 1.0, 4.0, 9.0], "raised": "below zero", "of whole numbers": 14.0, "around": 34.0}


def of_a_process(cache: Path, *said: str) -> dict[str, Any]:
    """What a process says of a loop that keeps its code in a folder."""
    command = [sys.executable, "-m", "tests.unit.kept_loop", *said]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_a_loop_is_loaded_without_all_that_could_be_compiled_and_what_calls_it_is_compiled_all_the_same(
    tmp_path: Path,
) -> None:
    first, second = of_a_process(tmp_path), of_a_process(tmp_path)
    assert first == {**SQUARES, "registries": True, "hits": 0, "parts": 0}
    assert second == {**SQUARES, "registries": False, "hits": 2, "parts": 2}


@pytest.mark.slow
def test_a_loop_that_calls_a_kept_loop_needs_the_parts_of_that(tmp_path: Path) -> None:
    of_a_process(tmp_path, "one")
    for path in tmp_path.rglob("*squares-*"):
        path.unlink()
    second, third = of_a_process(tmp_path), of_a_process(tmp_path)
    assert (second.pop("hits"), third.pop("hits")) == (0, 2)
    assert second == {**SQUARES, "registries": True, "parts": 2}
    assert third == {**SQUARES, "registries": False, "parts": 2}


@pytest.mark.slow
def test_a_loop_whose_part_is_another_one_by_now_is_compiled_anew(tmp_path: Path) -> None:
    """It calls the part where it lies: what was kept names a function that nobody has any more."""
    of_a_process(tmp_path)
    kept_code = [path for path in tmp_path.rglob("*square-*") if ".square-" in path.name]
    assert kept_code
    for path in kept_code:
        path.unlink()
    second, third = of_a_process(tmp_path, "other"), of_a_process(tmp_path)
    assert second.pop("hits") < 2  # a name may be the same by chance
    assert second == {**SQUARES, "registries": True, "parts": 0}
    assert third == {**SQUARES, "registries": False, "hits": 2, "parts": 2}


def test_every_loop_is_loaded_so_and_allocates_nothing() -> None:
    assert LOOPS
    for loop in LOOPS:
        assert type(loop._cache) is KeptLoops, loop.py_func.__name__
        assert loop.targetoptions["_nrt"] is False, loop.py_func.__name__


def test_where_numba_is_not_made_as_expected_it_loads_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = LOOPS[0]
    asked = []
    monkeypatch.setattr(kept.CompileResultCacheImpl, "rebuild", lambda *_: 1 / 0)
    monkeypatch.setattr(KeptLoops, "_load_overload", lambda *_: getattr(loop, "of another version"))
    monkeypatch.setattr(FunctionCache, "load_overload", lambda *_: asked.append("numba") or "its own")
    assert loop._cache.load_overload(None, None) == "its own"
    assert asked == ["numba"]
