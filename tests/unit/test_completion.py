"""What a shell completes, asked as each shell asks; and how soon it is answered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backbus.cli import words
from tools import words as tool

COMMAND = (sys.executable, "-m", "backbus")


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for run, whole, name in (
        ("27f6aa", "report.json", "cross: one"),
        ("27e001", "sweep.json", "grid"),
        ("db3d00", "report.json", "twice"),
        ("db3d11", "report.json", "twice"),
    ):
        folder = tmp_path / "var" / "runs" / run
        folder.mkdir(parents=True)
        (folder / whole).write_text("{}")
        (folder / "job.toml").write_text(f"# a job\n\nname = {json.dumps(name)}\n[data]\n")
    (tmp_path / "var" / "runs" / "half").mkdir()
    (tmp_path / "job.toml").write_text('[strategy]\nuse = "mine.py:Mine"\n')
    (tmp_path / "cross.toml").write_text('[strategy]\nuse = "SmaCross"\n')
    (tmp_path / "mine.py").write_text("class Other:\n    no: int\nclass Mine:\n    depth: int = 3\n    name = 4\n")
    (tmp_path / "prices.csv").write_text("")


def shell(variables: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(COMMAND, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def bash(line: str) -> list[str]:
    typed = line.split(" ")
    place = str(len(typed) - 1)
    return shell({"_BACKBUS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": place})[1].split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("backbus swe", ["sweep"]),
        ("backbus runs r", ["rm"]),
        ("backbus run ", ["cross.toml", "job.toml", "var/"]),
        ("backbus run j", ["job.toml"]),
        ("backbus run job.toml --al", []),
        ("backbus sweep job.toml --al", ["--allow-look-ahead"]),
        ("backbus run job.toml --set portfolio.cash_", ["portfolio.cash_buffer="]),
        ("backbus run job.toml --set strategy.", ["strategy.use=", "strategy.depth="]),
        ("backbus run cross.toml --set strategy.f", ["strategy.fast="]),
        ("backbus run job.toml --set execution.fill=", ["execution.fill=open", "execution.fill=close"]),
        ("backbus run job.toml --block ", []),
        ("backbus check Sma", ["SmaCross"]),
        ("backbus check m", ["mine.py"]),
        ("backbus jobs ", []),
        ("backbus cancel 2", []),
    ],
)
def test_commands_files_and_settings_are_completed(line: str, found: list[str]) -> None:
    assert [value for value in bash(line) if value != "sma_cross"] == found


@pytest.mark.parametrize("command", ["show", "verify", "diff", "explain", "runs rm"])
def test_runs_are_completed_by_id_and_by_a_name_that_one_alone_has(command: str) -> None:
    assert sorted(bash(f"backbus {command} 27")) == ["27e001", "27f6aa"]
    assert bash(f"backbus {command} gr") == ["grid"]
    assert bash(f"backbus {command} tw") == []
    assert len(bash(f"backbus {command} ")) == 6 + (command == "runs")


@pytest.mark.parametrize("command", ["results", "rerun"])
def test_where_a_sweep_is_asked_for_sweeps_are_completed(command: str) -> None:
    assert bash(f"backbus {command} 2") == ["27e001"]


def test_zsh_and_fish_get_what_they_read() -> None:
    asks = {"_BACKBUS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "backbus show 27f"}
    assert shell(asks) == (0, '_arguments \'*: :(("27f6aa":"cross\\\\: one"))\'\n')
    assert shell({**asks, "_TYPER_COMPLETE_ARGS": "backbus data import "}) == (0, "_files\n")
    fish = {"_BACKBUS_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "backbus rerun "}
    assert shell({**fish, "_TYPER_COMPLETE_FISH_ACTION": "is-args"}) == (0, "")
    assert shell({**fish, "_TYPER_COMPLETE_FISH_ACTION": "get-args"})[1].splitlines()[0] == "27e001\tgrid"
    none = {**fish, "_TYPER_COMPLETE_ARGS": "backbus rerun x", "_TYPER_COMPLETE_FISH_ACTION": "is-args"}
    assert shell(none) == (1, "")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_calls_what_answers(name: str) -> None:
    named = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    asks = (*COMMAND, "--show-completion", name)
    done = subprocess.run(asks, env=named, capture_output=True, text=True, check=True)
    assert f"_BACKBUS_COMPLETE=complete_{name}" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a bash")
def test_bash_itself_completes(tmp_path: Path) -> None:
    script = (
        '_f() { COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD'
        f" _BACKBUS_COMPLETE=complete_bash {' '.join(COMMAND)} ) ); }}; "
        'COMP_WORDS=(backbus results "27"); COMP_CWORD=2; _f; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "27e001\n"


def test_what_answers_loads_nothing_that_takes_time() -> None:
    asks = "from backbus.cli import completion; import sys; list(completion.completed(['show'], '')); "
    asks += "list(completion.completed(['run', 'job.toml', '--set'], 'strategy.')); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    heavy = {"numba", "numpy", "pandas", "pyarrow", "pydantic", "typer", "rich", "zmq"}
    assert set(done.stdout.split()) & heavy == set()


def test_the_list_of_words_is_that_of_commands_and_model() -> None:
    assert Path(words.__file__).read_text(encoding="utf-8") == tool.text(), "make pages"


def test_each_setting_and_word_that_is_completed_is_taken() -> None:
    from backbus.job.parsing import override_field

    assert len(words.SETTINGS) > 130
    for name in words.SETTINGS:
        assert override_field({}, f"{name}=1") == tuple(name.split("."))
    assert words.SETTINGS["execution.fill"] == ("open", "close")
    assert words.PARAMETERS["SmaCross"] == ("fast", "slow", "short")
    assert all(one.partition("=")[2] in ("", "runs", "sweeps", "strategies", "job_files", "settings")
               for options in words.OPTIONS.values() for one in options)  # fmt: skip
