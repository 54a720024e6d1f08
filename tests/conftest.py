"""Stacks that tests share, sample prices, the command line, and the services' logs beside a test that failed.

There are three kinds of stack, told apart by what a test needs: ``stack`` is left as it was found, the services of
``stack_to_break`` are killed and frozen, and ``stack_with_keys`` asks everyone for a key. Each is started by the first
test that needs it and stopped after the last. A test that needs other settings has a ``Stack`` of its own.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from backbus.settings import Settings
from tests import distribution
from tests.processes import ROOT, CommandLine, leave_nothing_running

if TYPE_CHECKING:
    from tests.plain_python import PlainPython
    from tests.stacks import Stack

# How long an example takes depends on what else the machine does, and on what the first one imports.
settings.register_profile("backbus", deadline=None)
settings.load_profile("backbus")


def pytest_configure(config: pytest.Config) -> None:
    """Nothing that a run starts outlives it, and no setting of whoever runs the tests reaches them."""
    if not hasattr(config, "workerinput"):  # what workers start carries the mark of their run
        leave_nothing_running()
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        # What tests start finds what a user's process finds, and not what peers have brought along.
        hidden = str(ROOT / "tests" / "not_installed")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (hidden, os.environ.get("PYTHONPATH"))))
    for name in Settings.model_fields:
        os.environ.pop(f"BACKBUS_{name.upper()}", None)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist sends what was collected
def pytest_collection_finish(session: pytest.Session) -> None:
    """A worker says which tests share what."""
    if hasattr(session.config, "workerinput"):
        distribution.tell(session.items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who gives workers their tests."""
    return distribution.SharersTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    module = sys.modules.get("tests.stacks")
    if report.failed and module is not None:
        for stack in module.RUNNING:
            report.sections.extend((f"log of {name} in {stack.folder}", text) for name, text in stack.tails().items())
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two workers for tests that leave it as they found it."""
    from tests.stacks import Stack

    with Stack(tmp_path_factory.mktemp("stack"), workers=2) as running:
        yield running


@pytest.fixture(scope="session")
def _stack_to_break(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    from tests.stacks import Stack

    with Stack(tmp_path_factory.mktemp("broken"), workers=2, by_tcp=True) as running:
        yield running


@pytest.fixture
def stack_to_break(_stack_to_break: Stack) -> Stack:
    """A stack, whole at the moment, whose services may be killed."""
    _stack_to_break.wait_ready()
    return _stack_to_break


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key folder of ``stack_with_keys``."""
    from backbus.transport.curve import init_keys

    folder = tmp_path_factory.mktemp("keys") / "ours"
    init_keys(folder)
    return folder


@pytest.fixture(scope="session")
def stack_with_keys(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Stack]:
    """A stack that asks everyone for a key."""
    from tests.stacks import Stack

    with Stack(tmp_path_factory.mktemp("locked"), keys=keys, by_tcp=True) as running:
        yield running


@pytest.fixture(scope="session")
def plain_python() -> Iterator[PlainPython]:
    """What a function returns where nothing is compiled."""
    from tests.plain_python import PlainPython

    with PlainPython() as child:
        yield child


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sample's CSV files, written by its own script."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    folder.mkdir()
    script = runpy.run_path(str(ROOT / "examples" / "sample_data.py"))
    script["write_samples"](folder)
    script["write_actions"](folder / "actions")
    script["write_trades"](folder / "trades")
    return folder


@pytest.fixture(scope="session")
def examples(sample_data: Path) -> Path:
    """The examples as they lie here, their prices written out."""
    folder = ROOT / "examples"
    if not (folder / "data").exists():
        made = folder / f"data.{os.getpid()}"
        shutil.copytree(sample_data, made)
        with suppress(OSError):  # another worker of this run was faster
            made.rename(folder / "data")
        shutil.rmtree(made, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def backbus() -> CommandLine:
    """The command as a user types it; ``env`` replaces the environment's own."""
    script = Path(sys.executable).with_name("backbus")

    def call(
        *arguments: object, cwd: Path, env: dict[str, str] | None = None, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        variables = dict(os.environ) if env is None else env
        return subprocess.run(
            [str(script), *map(str, arguments)],
            cwd=cwd,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return call
