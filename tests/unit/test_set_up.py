"""What set-up prints while it installs: what it does, in some lines, and none of pip's where all goes well."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
PIP = """#!/bin/sh
case "$*" in
*' install '*)
    case "$*" in *--quiet*) ;; *) echo 'Collecting numpy==2.0.0' ;; esac
    if [ -e broken ]; then echo 'ERROR: no index' >&2; exit 1; fi ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a .venv whose Python installs nothing."""
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOLS / "set-up", tmp_path / "tools")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "requirements-examples.lock").write_text("numpy==2.0.0\nnumba==0.60.0\n")
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    (commands / "python").write_text(PIP)
    (commands / "python").chmod(0o755)
    (commands / "pip").write_text(f"{tmp_path}/.venv/")
    return tmp_path


def set_up(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(checkout / "tools" / "set-up"), "examples"], capture_output=True, text=True, check=False
    )


def test_each_line_is_of_what_it_does_and_the_second_time_there_is_none(checkout: Path) -> None:
    done = set_up(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "set-up: installing 2 packages from requirements-examples.lock, which takes a minute",
        "set-up: installing backbus itself, as it lies here",
        "set-up: done",
    ]
    assert (set_up(checkout).stdout, set_up(checkout).stderr) == ("", "")


def test_why_pip_failed_is_there(checkout: Path) -> None:
    (checkout / "broken").touch()
    done = set_up(checkout)
    assert done.returncode == 1
    assert "ERROR: no index" in done.stderr and "pip says why above" in done.stderr
