"""What is installed is what lies here: one name, and the same arithmetic as a checkout's."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel of this checkout brings."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    command = [*pip, str(ROOT), "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def printed(place: Path, expression: str, folder: Path) -> str:
    """What a Python that finds the library at ``place`` says."""
    code = f"import backbus, backbus.jit.sources as s; print(backbus.__path__[0]); print({expression})"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(place)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found, said = done.stdout.splitlines()
    assert found == str(place / "backbus")
    return said


def test_a_wheel_brings_one_name(wheel: Path) -> None:
    assert {path.name.partition("-")[0] for path in wheel.iterdir()} == {"backbus"}


def test_a_wheel_has_the_processes(wheel: Path) -> None:
    here = {path.relative_to(ROOT) for path in (ROOT / "services").rglob("*.py")}
    assert here == {path.relative_to(wheel / "backbus") for path in (wheel / "backbus" / "services").rglob("*.py")}


def test_a_wheel_computes_as_its_checkout_does(wheel: Path, tmp_path: Path) -> None:
    for what in ("s.identity()", "s.kernels_hash()"):
        assert printed(wheel, what, tmp_path) == printed(ROOT / "shared", what, tmp_path)
