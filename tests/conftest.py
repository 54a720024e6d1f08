"""The stack that harmless tests share, sample prices, and the services' logs beside a test that failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from real_stack import Stack

ROOT = Path(__file__).resolve().parent.parent

# How long an example takes depends on what else the machine does, and on what the first one imports.
settings.register_profile("backbus", deadline=None)
settings.load_profile("backbus")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    module = sys.modules.get("real_stack")
    if report.failed and module is not None:
        for stack in module.RUNNING:
            report.sections.extend((f"log of {name} in {stack.folder}", text) for name, text in stack.tails().items())
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack for tests that leave it as they found it."""
    from real_stack import Stack

    running = Stack(tmp_path_factory.mktemp("stack")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sample_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sample's CSV files, written by its own script."""
    folder = tmp_path_factory.mktemp("sample")
    script = folder / "sample_data.py"
    script.write_bytes((ROOT / "examples" / "sample_data.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True, timeout=120)
    return folder / "data"


CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]


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
