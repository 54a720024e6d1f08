"""``backbus check`` as it is typed, and ``check`` as Python calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import backbus

PEEK = """
import numpy as np
from backbus import Strategy, param

class Peek(Strategy):
    ahead: int = param(1, ge=0)

    def signals(self, bars):
        close = bars.close.values
        return self.hold_long(np.roll(close, -self.ahead, axis=0) > close)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peek.py").write_text(PEEK)
    lines = ["Date,Open,High,Low,Close,Volume"]
    lines += [f"2001-01-{day:02},{10 + day % 3},14,9,{10 + day % 3},100" for day in range(1, 29)]
    (tmp_path / "X.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "job.toml").write_text('[data]\nfiles = "X.csv"\n[strategy]\nuse = "peek.py:Peek"\n')
    return tmp_path


def typed(*arguments: str) -> tuple[int, Any]:
    """Exit status and what was printed, or the error that ended the command."""
    from backbus.cli.app import app

    done = CliRunner().invoke(app, ["check", *arguments])
    if isinstance(done.exception, backbus.BackbusError):
        return done.exception.exit_status, str(done.exception)
    return done.exit_code, done.stdout


def test_the_command_says_what_it_found_and_where(folder):
    status, printed = typed("peek.py:Peek")
    assert status == 1
    assert "look-ahead" in printed and "rows from 1 on" in printed and "one row ahead" in printed
    assert "synthetic" in printed


def test_a_clean_strategy_ends_the_command_with_status_0(folder):
    status, printed = typed("SmaCross", "--set", "strategy.fast=3")
    assert status == 0 and "no look-ahead found" in printed and "fast=3" in printed
    assert typed("peek.py", "--set", "strategy.ahead=0")[0] == 0


def test_json_is_one_object(folder):
    status, printed = typed("job.toml", "--json")
    told = json.loads(printed)
    assert status == 1 and told["clean"] is False and told["synthetic"] is False and told["rows"] == 28
    finding = told["finding"]
    assert (finding["kind"], finding["symbol"], finding["ahead"]) == ("look-ahead", "X", 1)
    assert finding["expected"] == {"kind": "direction", "value": 1.0} and finding["time"].endswith("Z")
    assert json.loads(typed("SmaCross", "--json")[1])["finding"] is None


def test_a_strategy_is_tried_on_the_data_of_a_job(folder):
    status, printed = typed("SmaCross", "--job", "job.toml", "--set", "strategy.fast=2", "--set", "strategy.slow=4")
    assert status == 0 and "1 asset, 28 rows" in printed and "synthetic" not in printed
    assert typed("peek.py", "--job", "job.toml", "--rows", "20")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.py"], "there is no file nothing.py"),
        (["peek.py:Peak"], "did you mean 'Peek'"),
        (["SmaCros"], "did you mean 'SmaCross'"),
        (["nothing.toml"], "no such job file"),
        (["job.toml", "--job", "job.toml"], "is a job already"),
        (["SmaCross", "--set", "strategy.fast=0"], "strategy.fast"),
        (["SmaCross", "--set", "strategy"], "--set wants"),
    ],
)
def test_bad_usage_is_one_clear_error_with_status_2(folder, arguments, message):
    status, told = typed(*arguments)
    assert status == 2 and message in told


def test_a_strategy_that_raises_ends_the_command_as_it_ends_a_run(folder):
    (folder / "bad.py").write_text(PEEK.replace("close = bars", "raise ValueError('no')\n        close = bars"))
    status, told = typed("bad.py")
    assert status == 1 and "Peek failed at rows 0 to 799" in told


def test_from_python_a_job_or_a_strategy_will_do(folder):
    assert not backbus.check("job.toml").clean
    assert backbus.check({"strategy": {"use": "BuyAndHold"}}).synthetic
    with pytest.raises(backbus.BackbusError, match="a job or a strategy"):
        backbus.check()


def test_the_page_on_strategies_shows_what_the_command_prints(tmp_path, monkeypatch):
    page = (Path(__file__).resolve().parents[2] / "docs" / "strategies.md").read_text(encoding="utf-8")
    section = page.partition("## No look-ahead: backbus check\n")[2].partition("\n## ")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peek.py").write_text(section.partition("```python\n")[2].partition("```")[0])
    shown = section.partition("```console\n")[2].partition("```")[0]
    commands = shown.split("$ backbus check ")[1:]
    assert len(commands) == 2
    for command in commands:
        line, *expected = command.splitlines()
        typed_part, _, fails = line.partition(" || test $? = ")
        status, printed = typed(*typed_part.split())
        assert status == int(fails or 0)
        assert printed.splitlines()[: len(expected)] == expected


def test_models_of_the_users_own_are_checked_too_and_named(folder):
    (folder / "costs.py").write_text(
        "import random\n"
        "def even(order, market, parameters):\n    return order.price\n"
        "def odd(fill, market, parameters):\n    return random.random()\n"
    )
    (folder / "job.toml").write_text(
        '[data]\nfiles = "X.csv"\n[strategy]\nuse = "SmaCross"\nfast = 2\nslow = 4\n'
        '[execution]\nslippage = { model = "own", use = "costs.py:even" }\n'
    )
    status, printed = typed("job.toml")
    assert status == 0
    assert "  model     slippage even: " in printed and " calls, each made again" in printed
    commission = 'execution.commission={model="own", use="costs.py:odd"}'
    status, printed = typed("job.toml", "--set", commission)
    assert status == 1
    assert "SmaCross" in printed and "no look-ahead found, but a model of the job is not fit" in printed
    assert "commission odd of costs.py gives two answers, " in printed
    status, printed = typed("job.toml", "--set", commission, "--json")
    models = json.loads(printed)["models"]
    assert [(model["kind"], model["finding"] is None) for model in models] == [
        ("slippage", True),
        ("commission", False),
    ]


def test_what_a_strategy_prints_is_heard_once_on_standard_error(folder):
    from backbus.cli.app import app

    (folder / "loud.py").write_text(
        "from backbus import Strategy\n"
        "class Loud(Strategy):\n"
        "    def on_bar(self, bar):\n"
        "        if bar.row == 3 and bar.symbol == 'S0':\n"
        "            print('I am at three')\n"
        "        if bar.close > 50:\n"
        "            self.go_long()\n"
    )
    done = CliRunner().invoke(app, ["check", "loud.py:Loud", "--rows", "20"])
    assert done.exit_code == 0, done.output
    assert "I am at three" not in done.stdout
    assert done.stderr.count("I am at three") == 1
