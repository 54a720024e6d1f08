"""The lint of pure files catches each thing that it bans, and reaches each module that a handler runs."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    path = Path(__file__).parents[2] / "tools" / "purity.py"
    spec = importlib.util.spec_from_file_location("purity", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["purity"] = module
    spec.loader.exec_module(module)
    return module


purity = _load()


def tree(folder: Path, **files: str) -> Path:
    """A library of these modules; ``strategy__handler`` is backbus/strategy/handler.py."""
    for name, text in files.items():
        path = folder / "backbus" / Path(*name.split("__"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)
        (path.parent / "__init__.py").touch()
    return folder


def found(folder: Path, **files: str) -> list[str]:
    return [f"{each.file.stem}:{each.line}: {each.what}" for each in purity.findings(tree(folder, **files))]


@pytest.mark.slow
def test_this_project_is_pure() -> None:
    assert [str(each) for each in purity.findings()] == []


def test_every_handler_of_this_project_is_looked_at() -> None:
    handlers = {name for name in purity.reached(purity.SHARED) if name.endswith(".handler")}
    assert {
        f"backbus.{one}.handler" for one in ("data", "strategy", "portfolio", "execution", "performance")
    } <= handlers


def test_every_exception_is_still_there_and_says_why() -> None:
    for module, reason in purity.ALLOWED.items():
        assert purity.file_of(module, purity.SHARED), module
        assert len(reason) > 20


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import random",
        "import uuid",
        "import zmq",
        "import zmq.auth",
        "import asyncio",
        "import threading",
        "import socket",
        "import subprocess",
        "from os import environ",
        "from pathlib import Path",
        "open('prices.csv')",
        "print('here')",
        "x = place.read_text()",
        "x = datetime.datetime.now()",
        "x = pd.Timestamp.now()",
        "x = np.random.default_rng()",
        "x = system.environ['HOME']",
        "def f():\n    import time",
    ],
)
def test_a_handler_may_not(line: str, tmp_path: Path) -> None:
    assert len(found(tmp_path, strategy__handler=line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "import numpy as np",
        "from pathlib import PurePosixPath",
        "x = bars.open",
        "x = bars.open[3]",
        "from datetime import datetime",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path",
    ],
)
def test_a_handler_may(line: str, tmp_path: Path) -> None:
    assert found(tmp_path, strategy__handler=line) == []


def test_what_a_handler_imports_is_followed(tmp_path: Path) -> None:
    clock = "import time"
    files = {"market__clock": clock, "market__book": "def f():\n    from backbus.market import clock"}
    handlers = ("from backbus.market.book import f", "import backbus.market.book", "from backbus.market import book")
    for number, handler in enumerate(handlers):
        one = found(tmp_path / str(number), strategy__handler=handler, **files)
        assert len(one) == 1
        assert "reached by backbus.strategy.handler > backbus.market.book > backbus.market.clock" in one[0]


def test_streams_are_pure_whoever_runs_them(tmp_path: Path) -> None:
    assert len(found(tmp_path, streams__admission="import zmq")) == 1
    assert {"backbus.streams.codec", "backbus.streams.admission"} <= purity.reached(purity.SHARED).keys()


def test_the_orchestrator_s_rules_are_pure() -> None:
    machines = [f"backbus.services.orchestrator.{machine}.rules" for machine in ("runs", "sweeps")]
    assert purity.reached(purity.SHARED).keys() >= set(machines)


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    assert len(found(tmp_path, strategy__handler="from .clock import now", strategy__clock="import time")) == 1


def test_a_name_that_a_package_passes_on_is_followed_to_its_source_alone(tmp_path: Path) -> None:
    files = {"market__clock": "import time", "market__book": "import numpy", "strategy__handler": ""}
    shared = tree(tmp_path, **files)
    (shared / "backbus/market/__init__.py").write_text(
        "from backbus.market.clock import now\nfrom backbus.market.book import Book\n"
    )
    handler = shared / "backbus/strategy/handler.py"
    handler.write_text("from backbus.market import Book")
    assert purity.findings(shared) == []
    handler.write_text("from backbus.market import now")
    assert len(purity.findings(shared)) == 1


def test_what_only_a_type_checker_imports_is_not_run(tmp_path: Path) -> None:
    handler = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from backbus.transport import bus\n"
    assert found(tmp_path, strategy__handler=handler, transport__bus="import zmq") == []


def test_files_that_no_handler_runs_may_do_as_they_like(tmp_path: Path) -> None:
    assert found(tmp_path, strategy__handler="", transport__bus="import zmq, time") == []


@pytest.mark.parametrize(
    "expression",
    [
        "np.sum(x)",
        "np.mean(x)",
        "np.std(x)",
        "np.var(x)",
        "np.log(x)",
        "np.exp(x)",
        "np.power(x, 2)",
        "np.round(x)",
        "numpy.sum(x)",
        "x.sum()",
        "x[0].mean()",
        "x**2",
        "x @ x",
        "round(x)",
        "int(x)",
        "sum(x)",
        "pow(x, 2)",
        "math.log(x)",
        "math.exp(x)",
        "math.pow(x, 2)",
    ],
)
@pytest.mark.parametrize("decorator", ["step", "loop", "compiled.step", "loop(3)"])
def test_a_step_may_not(expression: str, decorator: str) -> None:
    text = f"@{decorator}\ndef f(x):\n    y = 1.0\n    return {expression}\n"
    assert [line for line, _ in purity.inexactness(ast.parse(text))] == [4]


@pytest.mark.parametrize("expression", ["math.sqrt(x)", "np.sqrt(x)", "x * x", "abs(x)", "np.floor(x)", "min(x, 1.0)"])
def test_a_step_may(expression: str) -> None:
    assert list(purity.inexactness(ast.parse(f"@step\ndef f(x):\n    return {expression}\n"))) == []


def test_an_assignment_that_raises_to_a_power_is_seen() -> None:
    assert len(list(purity.inexactness(ast.parse("@step\ndef f(x):\n    x **= 2\n")))) == 1


def test_functions_that_are_not_compiled_may_sum() -> None:
    assert list(purity.inexactness(ast.parse("def f(x):\n    return np.sum(x) ** 2\n"))) == []


def test_the_line_of_a_finding_can_be_clicked(tmp_path: Path) -> None:
    shared = tree(tmp_path, strategy__handler="\n\nimport time\n")
    assert str(purity.findings(shared)[0]).startswith(f"{shared / 'backbus/strategy/handler.py'}:3: ")
