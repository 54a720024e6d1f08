"""The orchestrator's file: what is recorded of a sweep, and files of other versions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from backbus.errors import StackError
from backbus.services.orchestrator.store import SCHEMA, KeptChunk, Store
from backbus.services.orchestrator.sweeps.events import BestPoint, RecordChunk, RecordPoints


def opened(path: Path) -> Store:
    """A store with one job."""
    store = Store(path)
    store.add(job_id="job", submission="submission", name="", key="", job={}, data={}, strategy={}, answer=None)
    return store


def test_chunks_outlive_the_orchestrator_in_the_order_of_their_points(tmp_path: Path) -> None:
    store = opened(tmp_path / "file")
    store.keep([RecordChunk("job", 8, 16, 0.5, 1, None, b"later")])
    store.keep([RecordChunk("job", 0, 8, 0.5, 0, BestPoint(1.5, 3), b"earlier")])
    store.pause("job", True)
    store.close()
    again = Store(tmp_path / "file")
    assert again.chunks("job") == [KeptChunk(0, 8, 0, BestPoint(1.5, 3)), KeptChunk(8, 16, 1, None)]
    assert again.results("job", 0, 1) == [(0, 8, b"earlier")]
    assert again.results("job", 8, 100) == [(8, 16, b"later")]
    assert again.results("job", 9, 100) == []
    assert [job["paused"] for job in again.unfinished()] == [True]
    again.close()


@pytest.mark.parametrize(("first", "stop"), [(8, 16), (0, 9), (15, 20), (10, 11), (0, 99)])
def test_no_point_has_two_results(tmp_path: Path, first: int, stop: int) -> None:
    store = opened(tmp_path / "file")
    store.keep([RecordChunk("job", 8, 16, 0.5, 0, None, b"one")])
    with pytest.raises(StackError, match="points 8 to 16 of job have a result already"):
        store.keep([RecordChunk("job", first, stop, 0.5, 0, None, b"two")])
    assert len(store.chunks("job")) == 1
    store.close()


def test_results_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    store = opened(tmp_path / "file")
    with pytest.raises(StackError):
        store.keep([RecordChunk("job", 0, 4, 0.5, 0, None, b"one"), RecordChunk("job", 3, 8, 0.5, 0, None, b"two")])
    assert store.chunks("job") == []
    store.keep([RecordPoints("job", 0, 4, b"values"), RecordPoints("job", 4, 6, b"more")])
    assert store.rounds("job") == [(0, 4, b"values"), (4, 6, b"more")]
    assert store.rounds("job", 4) == [(4, 6, b"more")]
    store.close()


def test_a_result_that_is_its_own_job_s_alone_answers_no_other(tmp_path: Path) -> None:
    store = opened(tmp_path / "file")
    for job, again in (("a", True), ("b", False)):
        store.add(
            job_id=job, submission=f"of {job}", name="", key="one", job={}, data={}, strategy={}, answer=None,
            points=None, family="",
        )  # fmt: skip
        store.begin_attempt(job, 1)
        store.commit(job, 1, {"fingerprint": job}, {}, again=again)
    known = store.done_with_key("one")
    assert known is not None and known["report"] == {"fingerprint": "a"}
    assert store.job("b")["report"] == {"fingerprint": "b"}  # type: ignore[index]
    store.close()


def test_trials_of_a_family_are_its_points_and_runs_each_job_once(tmp_path: Path) -> None:
    store = opened(tmp_path / "file")

    def add(job: str, key: str, family: str, points: int | None) -> None:
        store.add(
            job_id=job, submission=f"of {job}", name="", key=key, job={}, data={}, strategy={}, answer=None,
            points=points, family=family,
        )  # fmt: skip

    for job, key, family in (("a", "one", "x"), ("b", "one", "x"), ("c", "two", "x"), ("d", "three", "y")):
        add(job, key, family, 50)
    for job, stop in (("a", 10), ("b", 4), ("c", 7), ("d", 50)):
        store.keep([RecordChunk(job, 0, stop, 0.5, 0, None, b"")])
    assert store.trials("x")[0] == 17
    for job, key in (("r", "run"), ("s", "run"), ("t", "not done")):
        add(job, key, "x", None)
    for job in ("r", "s"):
        store.begin_attempt(job, 1)
        store.commit(job, 1, {}, {})
    assert store.trials("x")[0] == 18
    store.close()


def test_a_file_of_the_first_version_is_brought_to_this_one(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "file")
    database.executescript(f"{SCHEMA[0]} PRAGMA user_version = 1;")
    database.close()
    store = opened(tmp_path / "file")
    store.keep([RecordChunk("job", 0, 1, 0.5, 0, None, b"")])
    store.close()


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "file")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StackError, match="newer backbus"):
        Store(tmp_path / "file")


def test_a_list_tells_what_kind_each_job_is_and_its_first_figures(tmp_path: Path) -> None:
    store = Store(tmp_path / "jobs.sqlite")
    best, figures = {"metrics": {"total_return": 0.1, "sharpe": 0.2}}, {"total_return": 2.0, "sharpe": 1.0}
    kept = (
        ("run", None, {"metrics": {"total_return": 1.5, "sharpe": None}}, (1.5, None)),
        ("walk_forward", {"walk_forward": {"train": 1}, "cpcv": None}, {"figures": figures}, (2.0, 1.0)),
        ("cpcv", {"cpcv": {"groups": 4}}, {"splits": []}, (None, None)),
        ("monte_carlo", {"monte_carlo": {"markets": 4}}, {"distribution": {}}, (None, None)),
        ("sweep", {"cpcv": None}, {"best": best}, (0.1, 0.2)),
        ("sweep", {}, {"best": None}, (None, None)),
    )
    for number, (_, sweep, report, _) in enumerate(kept):
        store.add(
            job_id=f"{number}",
            submission=f"{number}" * 8,
            name="mine",
            key=f"{number}",
            job={"sweep": sweep},
            data={},
            strategy={},
            answer={"report": report, "artifacts": {}},
            points=None if sweep is None else 3,
        )
    told = [(row["kind"], (row["total_return"], row["sharpe"])) for row in reversed(store.latest(10))]
    assert told == [(kind, figures) for kind, _, _, figures in kept]
    store.close()


def test_that_a_job_was_mispredicted_outlives_the_orchestrator(tmp_path: Path) -> None:
    store = opened(tmp_path / "jobs.sqlite")
    for number, mispredicted in ((1, False), (2, True), (3, False)):
        store.begin_attempt("job", number)
        store.end_attempt("job", number, "why", mispredicted=mispredicted)
        found = store.job("job")
        assert found is not None and found["mispredicted"] is (number > 1)
        assert found["state"] == "queued"
    store.close()
    again = Store(tmp_path / "jobs.sqlite")
    assert [row["mispredicted"] for row in again.unfinished()] == [True]
    again.close()
