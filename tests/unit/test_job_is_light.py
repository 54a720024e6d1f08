"""A job file is read by whoever submits one, and whoever only looks: that loads no compiler and no numbers. Who passes
messages on loads no compiler either."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numba", "llvmlite", "numpy", "pandas", "pyarrow", "exchange_calendars", "scipy", "msgpack", "zmq", "typer")
READ = """
import sys
from backbus.job.job import Job
job = Job.parse({
    "strategy": {"use": "sma_cross", "fast": 5},
    "data": {"files": "prices.csv", "bars": "500 ticks", "calendar": "XNYS", "start": "2020-01-01"},
    "execution": {"slippage": {"model": "square_root"}, "commission": {"model": "preset", "name": "ibkr_tiered"}},
    "instruments": [{"symbols": "ES*", "kind": "future", "margin": 10_000}],
    "sweep": {"parameters": {"fast": [5, 10], "slow": {"from": 20, "to": 50, "step": 5}}},
})
assert job.year > 250 and Job.parse(job.plain()) == job
print(*sorted(set(sys.modules)))
"""


def test_reading_a_job_loads_no_compiler_and_no_numbers() -> None:
    ended = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(ended.stdout.split())
    assert "backbus.job.sweep" in loaded
    assert loaded & set(HEAVY) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    ["backbus.cli", "backbus.api.client", "backbus.services.broker.__main__", "backbus.services.orchestrator.__main__"],
)
def test_what_only_passes_messages_on_loads_no_compiler(module: str) -> None:
    loads = f"import importlib, sys; importlib.import_module({module!r}); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(ended.stdout.split())
    assert module in loaded
    assert loaded & {"numba", "llvmlite"} == set()
