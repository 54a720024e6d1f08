"""Files that appear together, where the process that writes them is killed, and where several write at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backbus.folders import RUNS
from backbus.performance.artifacts import ArtifactWriter
from backbus.runs.folder import new_folder
from backbus.together import held, hidden, passing_folder, text_file, write_together

HALF = """
import sys
from pathlib import Path
from backbus.together import write_together

def half(path):
    path.write_text("half of it")
    print("half", flush=True)
    sys.stdin.readline()

write_together(Path(sys.argv[1]), {"one.txt": lambda path: path.write_text("whole"), "two.txt": half})
print("written", flush=True)
"""
Writer = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def writer() -> Iterator[Writer]:
    """Begins a process that has half written two files when it is handed over."""
    begun: list[subprocess.Popen[str]] = []

    def begin(folder: Path, program: str = HALF) -> subprocess.Popen[str]:
        words = [sys.executable, "-P", "-c", program, str(folder)]
        begun.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert begun[-1].stdout is not None and begun[-1].stdout.readline() == "half\n"
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.communicate()


PASSING = """
import sys
from pathlib import Path
from backbus.together import passing_folder

with passing_folder(Path(sys.argv[1]), ".new-") as folder:
    (folder / "half").write_text("half of it")
    print("half", flush=True)
    sys.stdin.readline()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def killed(one: subprocess.Popen[str]) -> None:
    one.kill()
    one.wait()


def test_what_a_killed_process_left_half_written_is_removed_by_the_next_one_that_writes_there(
    tmp_path: Path, writer: Writer
) -> None:
    killed(writer(tmp_path))
    assert [name.rpartition(".")[2] for name in names(tmp_path)] == ["part", "part"]
    write_together(tmp_path, {"one.txt": text_file("mine")})
    assert names(tmp_path) == ["one.txt"] and (tmp_path / "one.txt").read_text() == "mine"


def test_what_a_living_process_writes_is_left_alone_though_another_was_killed(tmp_path: Path, writer: Writer) -> None:
    killed(writer(tmp_path))
    living = writer(tmp_path)
    write_together(tmp_path, {"mine.txt": text_file("mine")})
    assert len([name for name in names(tmp_path) if name.endswith(".part")]) == 2  # its own
    told, _ = living.communicate("\n", timeout=60)
    assert told == "written\n" and names(tmp_path) == ["mine.txt", "one.txt", "two.txt"]


def test_what_this_process_writes_in_one_place_is_left_alone_by_what_it_writes_there_meanwhile(tmp_path: Path) -> None:
    parts: dict[str, Path] = {}
    with held(tmp_path, parts):
        part = parts["mine.txt"] = hidden(tmp_path, "mine.txt")
        write_together(tmp_path, {"other.txt": text_file("other")})
        assert part.is_file()
    assert names(tmp_path) == ["other.txt"]


@pytest.mark.parametrize("name", [".mine.part", ".mine.0123456789abcdeg.part", "mine.0123456789abcdef.part", ".mine"])
def test_no_other_file_is_removed_whatever_its_name_is_like(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    (tmp_path / ".link.0123456789abcdef.part").symlink_to(tmp_path / name)
    write_together(tmp_path, {"other.txt": text_file("other")})
    assert (tmp_path / name).read_text() == "mine" and (tmp_path / ".link.0123456789abcdef.part").is_symlink()


def test_a_passing_folder_of_a_killed_process_is_removed_by_the_next_one_and_that_of_a_living_one_is_not(
    tmp_path: Path, writer: Writer
) -> None:
    home = tmp_path / "objects"
    living = writer(home, PASSING)
    killed(writer(home, PASSING))
    assert len(names(home)) == 2
    with passing_folder(home, ".new-"):
        assert len(names(home)) == 3  # nobody knows whose is whose while one of them lives
    living.communicate("\n", timeout=60)
    assert len(names(home)) == 1
    with passing_folder(home, ".new-") as mine:
        assert names(home) == [mine.name]
    assert names(home) == []


@pytest.mark.parametrize("name", [".new-mine", "new-abcdefgh", ".new-abcdefgh.arrow", ".old-abcdefgh"])
def test_no_other_folder_is_removed_nor_a_file_or_a_link_of_such_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").touch()
    (tmp_path / ".new-file0000").touch()
    (tmp_path / ".new-link0000").symlink_to(tmp_path / name)
    with passing_folder(tmp_path, ".new-"):
        pass
    assert names(tmp_path) == sorted([name, ".new-file0000", ".new-link0000"]) and names(tmp_path / name) == ["mine"]


def test_a_new_run_removes_the_folders_of_runs_that_were_killed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("killed", "living", "noted"):
        (RUNS / name).mkdir(parents=True)
    killed(writer(RUNS / "killed"))
    (RUNS / "noted" / "notes.txt").write_text("mine")
    killed(writer(RUNS / "noted"))
    writer(RUNS / "living")
    (RUNS / "empty").mkdir()
    new_folder()
    assert names(RUNS) == ["empty", "living", "noted"]
    assert names(RUNS / "noted") == ["notes.txt"] and len(names(RUNS / "living")) == 2


def test_a_run_that_is_being_written_is_left_alone_until_it_ends(tmp_path: Path) -> None:
    with ArtifactWriter(tmp_path, ["A"]):
        written = names(tmp_path)
        assert written
        write_together(tmp_path, {"other.txt": text_file("other")})
        assert set(written) < set(names(tmp_path))
    assert names(tmp_path) == ["other.txt"]
