"""The command ``backbus`` as a whole: its version, and what asking it for help costs."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import backbus
from backbus.cli.app import app, main
from backbus.cli.words import COMMANDS

HEAVY = ("numpy", "numba", "pandas", "pydantic", "pyarrow", "zmq", "rich")


def test_the_version_is_the_packages_and_stands_in_one_place():
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"backbus {backbus.__version__}\n")
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "shared/backbus/__init__.py"


@pytest.mark.parametrize("words", [["--help"], ["--version"]], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    look = (
        "import sys\n"
        "from backbus.cli import main\n"
        f"sys.argv[1:] = {words}\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('loaded:', *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == "loaded:\n"


def test_help_tells_what_stands_in_brackets():
    told = CliRunner().invoke(app, ["sweep", "--help"])
    assert "Run all points of a job's [sweep], here or on a cluster." in " ".join(told.stdout.split())


@pytest.mark.parametrize("group", [[], ["data"], ["simulate"], ["keys"], ["runs"]], ids=" ".join)
def test_what_a_command_does_is_listed_whole_at_80_columns(group: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, [*group, "--help"]).stdout.splitlines()
    begin = " ".join([*group, ""])
    listed = {f"{begin}{line.split()[0]}": line for line in told[told.index("Commands:") + 1 :]}
    known = [name for name in COMMANDS if name.startswith(begin) and " " not in name.removeprefix(begin)]
    assert sorted(listed) == sorted(known)
    for name, line in listed.items():
        assert line.endswith(f"  {COMMANDS[name]}") and COMMANDS[name].endswith("."), line
        assert len(line) <= 80


def test_the_package_says_that_it_is_typed():
    assert Path(backbus.__file__).with_name("py.typed").exists()


def test_no_error_moves_the_cursor_of_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["backbus", "run", "\x1b[2J\u202e.toml"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "�[2J�.toml" in said and "\x1b" not in said and said.endswith("\n")
