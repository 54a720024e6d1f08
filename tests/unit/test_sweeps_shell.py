"""In which order the orchestrator's shell of sweeps writes and speaks: what is told before a result is on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from backbus.job.job import Job
from backbus.log import logger
from backbus.services.orchestrator.orders import Outbox
from backbus.services.orchestrator.store import Store
from backbus.services.orchestrator.sweeps import events as ev
from backbus.services.orchestrator.sweeps.shell import Sweeps
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.blobs import BlobFolder

WORKER = "optimizer-1"
GRID = {"fast": [2, 3, 4, 5], "slow": [10, 11, 12, 13, 14, 15, 16, 17]}


class Told:
    """The shell with a worker, over a store that says when it keeps and may be full."""

    def __init__(self, folder: Path) -> None:
        self.log: list[str] = []
        self.leases: list[c.Lease] = []
        self.full = False
        told = self

        class Noted(Store):
            def keep(self, results: Iterable[ev.RecordChunk | ev.RecordPoints]) -> None:
                if told.full:
                    raise sqlite3.OperationalError("database or disk is full")
                super().keep(results)
                told.log.append("kept")

        self.store = store = Noted(folder / "file")
        job = Job.parse({"strategy": {"use": "SmaCross"}, "sweep": {"parameters": GRID}})
        store.add(
            job_id="job", submission="s", name="", key="", job=job.plain(), data={}, strategy={}, answer=None, points=32
        )
        settings = Settings(state=folder)
        self.sweeps = Sweeps(
            store,
            BlobFolder(folder / "blobs"),
            settings,
            1,
            Outbox(1, self._post),
            lambda _, message: self.log.append(message.kind),
            lambda _: None,
            logger("orchestrator", settings),
        )
        row = store.job("job")
        assert row is not None
        self.sweeps.take_up(row, job)
        self.sweeps.join(c.Hello(id="h", role="optimizer", instance=WORKER, host="here", pid=1, version="v"))

    def _post(self, _: bytes, frame: bytes) -> None:
        self.leases.append(control_codec.read_order(frame))
        self.log.append("LEASE")

    def chunk(self, prepared: list[str] | None) -> c.PutChunk:
        lease = self.leases[-1]
        return c.PutChunk(
            id="i",
            instance=WORKER,
            job="job",
            first=lease.first,
            stop=lease.stop,
            seconds=0.5,
            failed=0,
            best_point=None,
            best_score=None,
            result=b"result",
            prepared=prepared,
        )

    def says(self, message: c.Want | c.PutChunk) -> list[str]:
        self.log.clear()
        self.sweeps.take(WORKER.encode(), message)
        self.sweeps.settle()
        return list(self.log)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def test_the_next_lease_goes_out_before_a_result_is_kept_and_its_answer_after(told: Told) -> None:
    assert "LEASE" in told.says(c.Want(id="w", instance=WORKER))
    first = told.leases[-1]
    assert told.says(told.chunk(["job"])) == ["LEASE", "kept", "OK"]
    assert told.leases[-1].first == first.stop
    assert told.says(told.chunk(None)) == ["kept", "OK"]  # who wants none yet gets none


def test_nothing_is_leased_while_the_disk_takes_no_more(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbus.services.orchestrator.sweeps.shell.RETRY_S", 0.0)
    told.says(c.Want(id="w", instance=WORKER))
    told.full = True
    assert told.says(told.chunk(["job"])) == ["LEASE"]  # nobody knew
    assert told.says(told.chunk(["job"])) == []
    assert told.sweeps.backlog == 2
    told.full = False
    said = told.says(c.Want(id="w", instance=WORKER))
    assert said[0] == "kept"
    assert said.count("OK") == 3
    assert "LEASE" in said
    assert told.sweeps.backlog == 0
    assert sum(chunk.stop - chunk.first for chunk in told.store.chunks("job")) == told.leases[1].stop
