"""Circles of imports are found whatever hides them, and no folder of the house grows beyond what a reader takes in."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_MODULES = 26


@pytest.fixture(scope="module")
def circles() -> ModuleType:
    spec = importlib.util.spec_from_file_location("circles", ROOT / "tools" / "circles.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HIDDEN = {
    "at the top": "import backbus.one\n",
    "in a function": "def later():\n    from backbus.one import name\n",
    "for the type checker": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from backbus import one\n",
    "by way of a package": "from backbus.part import name\n",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_circle_is_found_however_it_is_closed(tmp_path: Path, circles: ModuleType, how: str) -> None:
    package = tmp_path / "backbus"
    (package / "part").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "part" / "__init__.py").write_text("from backbus.one import name\n")
    (package / "one.py").write_text("from backbus.two import other\nname = other\n")
    (package / "two.py").write_text("other = 1\n")
    assert circles.findings(tmp_path) == []
    (package / "two.py").write_text(HIDDEN[how] + "other = 1\n")
    found = ["backbus.one", "backbus.two"]
    assert circles.findings(tmp_path) == [[*found[:1], "backbus.part", *found[1:]] if "package" in how else found]


@pytest.mark.slow
def test_the_house_has_no_circle(circles: ModuleType) -> None:
    assert len(circles.modules(circles.SHARED)) > 200
    assert circles.findings() == []


def folders() -> list[Path]:
    return [path for root in ("shared", "services", "tools", "benchmarks") for path in (ROOT / root).rglob("*/")]


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    counted = {folder.relative_to(ROOT): len(list(folder.glob("*.py"))) for folder in folders() if folder.is_dir()}
    assert len(counted) > 20
    assert {folder: count for folder, count in counted.items() if count > MOST_MODULES} == {}
