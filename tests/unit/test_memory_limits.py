"""Memory that users' code may take: from its first line on, in sweeps and in a run's own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backbus import Job, StrategyError, run_sweep
from tests.unit.small_prices import write_prices

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is nothing to count by")
GREEDY = """
import numpy as np
from backbus import Strategy

class Big(Strategy):
    k: int = 0

    def signals(self, bars):
        ones = np.ones({size})
        ones[0] = 2
        return self.hold_long(bars.close > bars.sma(5 + self.k))
"""
AT_ONCE = """
import numpy as np
TABLE = np.ones(2**27)
"""


def job_in(folder: Path, text: str, mib: int) -> Job:
    (folder / "big.py").write_text(text)
    write_prices(folder, 60)
    fields: dict[str, Any] = {
        "data": {"files": "prices.csv", "symbols": ["A"]},
        "strategy": {"use": "big.py"},
        "sweep": {"parameters": {"k": [0, 1, 2]}, "resamples": 0, "memory_mib": mib},
    }
    job = Job.parse(fields)
    job.come_from(folder)
    return job


def test_a_strategy_that_takes_more_while_it_is_checked_is_told_so(tmp_path: Path) -> None:
    job = job_in(tmp_path, GREEDY.format(size="2**27"), 256)
    with pytest.raises(StrategyError, match="Big took more than 256 MiB of memory while it was checked") as told:
        run_sweep(job, workers=1, folder=tmp_path / "out")
    assert "sweep.memory_mib" in str(told.value)
    assert run_sweep(job_in(tmp_path, GREEDY.format(size="2**20"), 256), workers=1, folder=tmp_path / "in")


def test_so_is_one_that_takes_it_as_it_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match=r"cannot be loaded: .*Unable to allocate"):
        run_sweep(job_in(tmp_path, AT_ONCE + GREEDY.format(size="2"), 256), workers=1, folder=tmp_path / "out")


def test_a_limit_holds_is_named_and_can_be_lifted() -> None:
    text = """
import numpy as np
from backbus.errors import lacks_memory
from backbus.limits import limit_memory, unlimit_memory
from backbus.strategy.failure import failure
limit_memory(128)
try:
    np.ones(2**26)[0] = 2
except MemoryError as error:
    told = failure("a text", error, "row 5")
    assert lacks_memory(error) and "run.memory_mib" in str(told), str(told)
else:
    raise SystemExit("there was no limit")
unlimit_memory()
np.ones(2**26)[0] = 2
"""
    subprocess.run([sys.executable, "-c", text], check=True)
