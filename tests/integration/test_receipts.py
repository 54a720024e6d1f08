"""What a stack has computed leaves the folder that a run here leaves, and can be fetched, shown and run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from backbus import run, run_sweep
from backbus.api.verify import verify
from backbus.job.job import Job
from tests.unit.kept_runs import answer_in, home

if TYPE_CHECKING:
    from tests.stacks import Stack

__all__ = ["home"]
SAME = ("job.toml", "receipt.json", "source/own.py", "source/helping.py")


def test_a_run_has_one_receipt_wherever_it_was_computed(stack: Stack, home: Path) -> None:
    job = Job.load(home / "job.toml")
    here, there = home / "here", home / "there"
    local = run(job, folder=here)
    with stack.client() as client:
        submitted = client.submit(job, fresh=True)
        shown = client.wait(submitted["job"])
        far = client.result(shown, folder=there, job_folder=job.folder)
    assert far.receipt == local.receipt
    for name in SAME:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert verify(there, strategy=home).same
    one, other = (json.loads((folder / "report.json").read_text()) for folder in (here, there))
    assert (one.pop("ran")["mode"], other.pop("ran")["mode"]) == ("local", "stack")
    assert one == other


def test_so_has_a_sweep(stack: Stack, home: Path) -> None:
    job = Job.load(home / "job.toml", overrides=["sweep={resamples=10, parameters={n=[3, 4]}}"])
    here, there = home / "here", home / "there"
    local = run_sweep(job, workers=0, folder=here)
    with stack.client() as client:
        far = client.run(job, fresh=True, folder=there)
    assert far.receipt == local.receipt and local.receipt is not None and local.receipt.kind == "sweep"
    for name in SAME:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert answer_in(there / "sweep.json")["table_sha256"] == answer_in(here / "sweep.json")["table_sha256"]
