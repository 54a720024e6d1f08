"""A search that was stopped goes on where it was, and comes to the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backbus.api.run_sweep import run_sweep
from backbus.api.sweep_result import SweepResult
from backbus.job.job import Job
from backbus.sweep import unfinished
from backbus.sweep.unfinished import FOLDER
from backbus.sweep.workers.chunk import Chunks
from backbus.sweep.workers.chunk_sizes import ChunkSizes
from tests.processes import wait_for
from tests.unit.small_prices import write_prices

GRID = {"strategy.fast": [2, 3, 5], "strategy.slow": [4, 5, 9]}
MARKET = {
    "rows": 60,
    "assets": [{"symbol": "A", "path": {"model": "random_walk", "volatility": 0.2}}],
}
SEARCHES: dict[str, dict[str, Any]] = {
    "grid": {"sweep": {"parameters": GRID, "resamples": 20}},
    "random": {
        "sweep": {"method": "random", "points": 9, "parameters": {"fast": [2, 3], "slow": {"low": 4, "high": 20}}}
    },
    "adaptive": {
        "sweep": {
            "method": "adaptive", "points": 12, "generation": 4, "resamples": 20,
            "parameters": {"fast": [2, 3, 5], "slow": {"low": 6, "high": 20}},
        }
    },
    "walk_forward": {"sweep": {"parameters": GRID, "walk_forward": {"train": 40, "test": 20}}},
    "walk_forward_adaptive": {
        "sweep": {
            "method": "adaptive", "points": 4, "generation": 2,
            "parameters": {"fast": [2, 3, 5], "slow": {"low": 6, "high": 20}},
            "walk_forward": {"train": 50, "test": 30},
        }
    },
    "cpcv": {"sweep": {"parameters": GRID, "cpcv": {"groups": 4, "test_groups": 2}}},
    "monte_carlo": {"sweep": {"monte_carlo": {"markets": 9, "seed": 5}}, "simulator": MARKET},
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ChunkSizes, "next", lambda self, left: min(left, 2))
    write_prices(tmp_path, 120)
    return tmp_path


def job_of(kind: str) -> dict[str, Any]:
    data = {} if "simulator" in SEARCHES[kind] else {"data": {"files": "prices.csv"}}
    return {"strategy": {"use": "SmaCross", "fast": 3, "slow": 7}, **data, **SEARCHES[kind]}


class Told:
    """A sweep, stopped once so many points are done, and what was said and computed meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.computed = 0
        real = Chunks.compute

        def compute(chunks: Chunks, points: Any, *more: Any) -> Any:
            self.computed += len(points)
            return real(chunks, points, *more)

        monkeypatch.setattr(Chunks, "compute", compute)

    def sweep(self, job: Any, place: str, stop_at: int | None = None) -> SweepResult:
        self.said, self.computed = [], 0

        def progress(done: int, points: int) -> None:
            if stop_at is not None and done >= stop_at:
                raise KeyboardInterrupt

        return run_sweep(job, workers=0, folder=Path(place), progress=progress, say=self.said.append)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def kept() -> list[Path]:
    return sorted(Path("runs", FOLDER).glob("*"))


def bytes_of(result: SweepResult) -> dict[str, Any]:
    summary = {name: one for name, one in result.summary.items() if name != "trials_family_told"}
    return {"summary": summary, **{n: path.read_bytes() for n, path in result.artifacts.items() if n != "summary"}}


@pytest.mark.parametrize("kind", SEARCHES)
def test_it_goes_on_where_it_was_and_comes_to_the_same_bytes(kind: str, told: Told) -> None:
    job = job_of(kind)
    if "adaptive" in kind:
        pytest.importorskip("optuna")
    whole = told.sweep(job, "other/whole")
    needed = told.computed
    assert not Path("other", FOLDER).exists()
    done = 0
    for stop_at in (2, 6):
        with pytest.raises(KeyboardInterrupt):
            told.sweep(job, "runs/one", stop_at=stop_at)
        assert told.said[-1].startswith(f"stopped: {stop_at} of ")
        assert told.computed == stop_at - done
        assert len(kept()) == 1
        done = stop_at
    again = told.sweep(job, "runs/one")
    assert told.said[0].startswith("goes on: 6 of ")
    assert told.computed == needed - 6 > 0
    assert bytes_of(again) == bytes_of(whole)
    assert not Path("runs", FOLDER).exists()
    told.sweep(job, "runs/two")
    assert (told.said, told.computed) == ([], needed)


@pytest.mark.parametrize("damage", ["torn", "flipped", "rubbish", "length"])
def test_what_is_torn_or_damaged_is_computed_again_with_a_note(damage: str, told: Told) -> None:
    job = job_of("grid")
    whole = told.sweep(job, "other/whole")
    with pytest.raises(KeyboardInterrupt):
        told.sweep(job, "runs/one", stop_at=6)
    data = bytearray(kept()[0].read_bytes())
    third = len(data) // 3
    match damage:
        case "torn":
            del data[-7:]
        case "flipped":
            data[2 * third + third // 2] ^= 1
        case "rubbish":
            data += b"\x00\x01\x02"
        case "length":
            data[0] ^= 0x80
            data[3] = 0xFF
    kept()[0].write_bytes(bytes(data))
    again = told.sweep(job, "runs/one")
    left = {"torn": 4, "flipped": 4, "rubbish": 6, "length": 0}[damage]
    assert "damaged; those points are computed again" in told.said[0]
    assert told.said[1:] == ([f"goes on: {left} of 9 points were done"] if left else [])
    assert told.computed == 9 - left
    assert bytes_of(again) == bytes_of(whole)


def test_another_job_other_prices_and_other_code_begin_anew(
    folder: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of("grid")
    path = folder / "mine.py"
    path.write_text("from backbus.strategy.builtins import SmaCross\nclass Mine(SmaCross):\n    pass\n")
    job["strategy"] = {**job["strategy"], "use": "mine.py:Mine"}

    def begins_anew(job: Any) -> bool:
        with pytest.raises(KeyboardInterrupt):
            told.sweep(job, "runs/one", stop_at=8)
        return told.computed == 8

    assert begins_anew(job)
    assert not begins_anew({**job, "run": {"block": 7}})
    assert begins_anew({**job, "portfolio": {"cash": 5000.0}})
    path.write_text(path.read_text() + "# another word\n")
    assert begins_anew(job)
    text = (folder / "prices.csv").read_text()
    (folder / "prices.csv").write_text(text.replace(",1000\n", ",1001\n", 1))
    assert begins_anew(job)
    monkeypatch.setattr(unfinished, "identity", lambda: "another backbus")
    assert begins_anew(job)
    assert len(kept()) == 5


def test_what_failed_for_want_of_time_or_memory_is_not_kept(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from backbus.sweep.workers.chunk import TOO_LONG, Failure

    real = Chunks.compute

    def compute(chunks: Chunks, points: Any, *more: Any) -> Any:
        chunk = real(chunks, points, *more)
        return replace(chunk, failures={0: Failure(TOO_LONG, "took more than a second")})

    monkeypatch.setattr(Chunks, "compute", compute)
    with pytest.raises(KeyboardInterrupt):
        told.sweep(job_of("grid"), "runs/one", stop_at=4)
    assert told.said == []
    assert kept() == []


def test_where_another_process_computes_the_same_it_is_computed_here_without_a_file(told: Told) -> None:
    import fcntl

    job = job_of("grid")
    with pytest.raises(KeyboardInterrupt):
        told.sweep(job, "runs/one", stop_at=4)
    with kept()[0].open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        told.sweep(job, "runs/two")
        assert (told.said, told.computed) == ([], 9)
        assert len(kept()) == 1


def test_prices_that_were_handed_over_are_not_known_again(told: Told) -> None:
    from backbus import open_inputs

    job = Job.parse(job_of("grid"))
    panel = open_inputs(job).panel

    def stop(done: int, points: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep({**job_of("grid"), "data": {}}, panel, folder=Path("runs/one"), progress=stop, say=told.said.append)
    assert (told.said, kept()) == ([], [])


@pytest.mark.slow
def test_ctrl_c_says_what_is_kept_and_the_next_command_goes_on(folder: Path) -> None:
    slow = (
        "import time\nfrom backbus.strategy.builtins import SmaCross\nclass Slow(SmaCross):\n"
        "    def signals(self, bars):\n        time.sleep(0.1)\n        return super().signals(bars)\n"
    )
    (folder / "slow.py").write_text(slow)
    (folder / "job.toml").write_text(
        '[data]\nfiles = "prices.csv"\n[strategy]\nuse = "slow.py:Slow"\n[sweep]\nresamples = 20\n'
        "[sweep.parameters]\nfast = { from = 2, to = 9, step = 1 }\nslow = { from = 10, to = 30, step = 1 }\n"
    )
    words = (sys.executable, "-m", "backbus", "sweep", "job.toml", "--workers", "1", "--allow-look-ahead")
    begun = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    wait_for(lambda: any(path.stat().st_size > 1 << 12 for path in folder.glob(f"var/runs/{FOLDER}/*")), "a chunk")
    begun.send_signal(signal.SIGINT)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == 130, said
    stopped, last = said.splitlines()
    assert last == "interrupted"
    done = int(stopped.split()[1])
    assert 0 < done < 168
    assert stopped == f"stopped: {done} of 168 points are kept; the same sweep goes on from there"
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    assert ended.stderr == f"goes on: {done} of 168 points were done\n"
    assert not list(folder.glob(f"var/runs/{FOLDER}"))
