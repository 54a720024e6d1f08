"""What is said where an extra is missing is something that can be typed."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from backbus.errors import UsageError
from backbus.extras import EXTRAS, install
from backbus.figures import check_place
from backbus.report import check_page

ROOT = Path(__file__).parents[2]


def test_extras_are_those_of_the_package() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    users = {name: packages for name, packages in told.items() if name not in ("dev", "examples")}
    assert {name: [package] for name, package in EXTRAS.items()} == users


def test_nobody_is_sent_to_an_index_that_has_no_backbus() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.*"), ROOT / "README.md"]
    texts = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py"), *pages]
    wrong = re.compile(r"install [\\'\"]*backbus\\?\[|pip install (--upgrade )?backbus")
    assert not [str(path) for path in texts if wrong.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("asked", [check_page, check_place])
def test_what_is_missing_is_told_with_what_to_type(asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(UsageError, match=re.escape(install("figures"))):
        asked(tmp_path / "page.html")
