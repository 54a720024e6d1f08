"""A run of the tests that is killed leaves nothing running: no stack, no supervisor, no child of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, running, wait_for

SUPERVISORS, SERVICES = 2, 9 + 2


def test_nothing_runs_on_when_a_run_is_killed(tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "run")]
    with subprocess.Popen(
        [*command, str(Path(__file__).with_name("kept_running.py"))], cwd=ROOT, env={**os.environ, "TOLD": str(told)}
    ) as run:
        try:
            wait_for(lambda: told.exists() or run.poll() is not None, "the stacks to run", 250.0)
            mark = told.read_text(encoding="utf-8")
            assert len(running(mark, "supervisord")) == SUPERVISORS
            assert len(running(mark, "-m backbus.services.")) == SERVICES
            assert len(running(mark, "time.sleep")) == 1
        finally:
            run.kill()
    wait_for(lambda: not running(mark), "everything to be gone")
