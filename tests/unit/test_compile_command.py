"""``backbus compile``: what takes minutes is told, once for each place that the sources lie in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backbus.api import compiled
from backbus.cli import compile as command
from backbus.cli.job_file import compiled_for, job_of
from backbus.errors import JobError, StackError
from backbus.stack import kernels
from tests.processes import alive, wait_for


def test_a_first_compilation_is_told_once_for_each_place_of_the_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def apart(commands: list[list[str]], **_: object) -> bool:
        asked.append([command[-1] for command in commands])
        return True

    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path))
    monkeypatch.setattr(command.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(kernels, "apart", apart)
    monkeypatch.setattr(command, "_all", lambda: asked.append(["here"]))

    def told() -> bool:
        command.compile_()
        return "compiling the kernels, once" in capsys.readouterr().err

    assert told()
    assert not told()
    monkeypatch.setattr(compiled, "PACKAGE", tmp_path / "another")
    assert told()
    assert asked == [["engine", "others"], ["all"], ["here"], ["engine", "others"], ["all"]]
    monkeypatch.setattr(kernels, "apart", lambda *_, **__: False)
    compiled.marker().unlink()
    with pytest.raises(StackError, match="the kernels could not be compiled"):
        command.compile_()
    assert not compiled.marker().exists()


def test_a_first_run_says_that_it_compiles_and_the_next_one_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    monkeypatch.setattr(kernels, "apart", lambda commands: asked.extend(one[-1] for one in commands))
    kernels.prepare("run")
    assert capsys.readouterr().err.startswith("compiling once, a minute or two")
    assert asked == ["run", "run_lists"]
    compiled.marker().parent.mkdir(parents=True)
    compiled.marker().touch()
    kernels.prepare("run")
    assert capsys.readouterr().err == ""
    assert asked == ["run", "run_lists"]


def test_files_that_are_not_there_are_told_before_anything_is_compiled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path))
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")
    monkeypatch.setattr(kernels, "apart", lambda _: pytest.fail("compiled"))
    path = tmp_path / "job.toml"
    path.write_text('[strategy]\nuse = "SmaCross"\n[data]\nfiles = "none.csv"\n')
    with pytest.raises(JobError, match=r"job.toml:4: data.files: there is no file"), job_of(path) as job:
        compiled_for("run", job)


@pytest.mark.parametrize("work", ["run", "compile"])
def test_ctrl_c_while_it_compiles_ends_at_once_with_one_line_and_nothing_goes_on(work: str, tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('[strategy]\nuse = "SmaCross"\n[data]\nfiles = "a.csv"\n')
    (tmp_path / "a.csv").write_text("date,open,high,low,close,volume\n2020-01-01,1,1,1,1,1\n")
    environment = {**os.environ, "BACKBUS_CACHE": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "0"}
    words = (sys.executable, "-m", "backbus", work, *(("job.toml",) if work == "run" else ()))
    begun = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert begun.stderr is not None
    assert begun.stderr.readline().startswith("compiling")
    children = wait_for(lambda: children_of(begun.pid), "something that compiles")
    os.killpg(begun.pid, signal.SIGINT)
    _, told = begun.communicate(timeout=30)
    assert (begun.returncode, told) == (130, "interrupted\n")
    assert not any(map(alive, children))


def children_of(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(one) for one in found.split()]
