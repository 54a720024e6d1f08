"""A test that starts what tests start and then never ends: ``test_killed_run`` kills the run that it is in."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.processes import RUN_MARK, CommandLine, alone
from tests.stacks import Stack, addresses, as_variables


def test_stacks_and_children_run_until_the_run_is_killed(tmp_path: Path, backbus: CommandLine) -> None:
    told = Path(os.environ["TOLD"])
    typed = {**os.environ, **as_variables(addresses())}
    with alone():
        done = backbus("up", "--timeout", 240, cwd=tmp_path, env=typed, timeout_s=300)
    assert done.returncode == 0, done.stderr
    with (
        Stack(tmp_path / "few", ("orchestrator", "broker")),
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True),
    ):
        told.with_suffix(".part").write_text(f"{RUN_MARK}={os.environ[RUN_MARK]}", encoding="utf-8")
        told.with_suffix(".part").rename(told)
        time.sleep(3600)
