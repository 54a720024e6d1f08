"""What set-up says where no Python is good enough: what to install, never a traceback."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "python"
SYSTEM = "/usr/bin:/bin"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with the usual commands, but no Python."""
    for command in ("sh", "awk", "dirname"):
        found = next(Path(place, command) for place in SYSTEM.split(":") if Path(place, command).exists())
        (tmp_path / command).symlink_to(found)
    return tmp_path


def install(machine: Path, name: str, answer: str) -> None:
    """A Python that says this of itself when it is asked what it lacks."""
    path = machine / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)


def find(machine: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(TOOL)], env={"PATH": str(machine), **variables}, capture_output=True, text=True, check=False
    )


def test_the_first_that_lacks_nothing_is_taken(machine: Path) -> None:
    install(machine, "python3.11", "venv ensurepip")
    install(machine, "python3.12", "ok")
    install(machine, "python3", "ok")
    done = find(machine)
    assert (done.returncode, done.stdout) == (0, f"{machine / 'python3.12'}\n")


def test_without_any_python_it_says_what_to_install(machine: Path) -> None:
    done = find(machine)
    assert done.returncode == 1
    assert "apt-get install python3 python3-venv" in done.stderr


def test_an_old_python_is_named_with_its_version(machine: Path) -> None:
    install(machine, "python3", "old:3.9")
    done = find(machine)
    assert done.returncode == 1
    assert "is Python 3.9; 3.11 or newer is needed" in done.stderr
    assert "apt-get install python3.11 python3.11-venv" in done.stderr


def test_a_python_without_venv_names_the_package_that_has_it(machine: Path) -> None:
    install(machine, "python3.11", "ensurepip")
    done = find(machine)
    assert done.returncode == 1
    assert "apt-get install python3.11-venv" in done.stderr


def test_a_python_without_sqlite_says_so(machine: Path) -> None:
    install(machine, "python3", "sqlite3")
    done = find(machine)
    assert done.returncode == 1
    assert "was built without: sqlite3" in done.stderr


def test_an_interpreter_that_cannot_even_start_is_passed_over(machine: Path) -> None:
    (machine / "python3.11").write_text("#!/bin/sh\nexit 127\n")
    (machine / "python3.11").chmod(0o755)
    install(machine, "python3", "ok")
    assert find(machine).stdout == f"{machine / 'python3'}\n"


def test_the_user_may_choose(machine: Path) -> None:
    install(machine, "python3.11", "ok")
    install(machine, "mine", "ok")
    assert find(machine, PYTHON="mine").stdout == f"{machine / 'mine'}\n"
