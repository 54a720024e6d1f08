"""What a Python user may touch: each name of ``backbus`` is there, costs nothing until it is used, and is enough."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import backbus

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NO_NAMES = ("backbus.panel", "backbus.clusters")
"""What pages write with a dot and is no Python: a key of a file's metadata, a group of entry points."""


def imports_of(source: str) -> set[str]:
    """What code imports of backbus, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return {name for name in found if name.partition(".")[0] == "backbus"}


def is_public(name: str) -> bool:
    first = name.split(".")[1] if "." in name else "__init__"
    return first in (*backbus.__all__, "__init__", "api", "figures")


@pytest.mark.parametrize("name", backbus.__all__)
def test_each_name_is_what_its_home_has(name: str) -> None:
    found = getattr(backbus, name)
    assert getattr(importlib.import_module(found.__module__), name) is found


def test_types_are_told_of_the_same_names() -> None:
    (told,) = (
        {each.asname for node in block.body if isinstance(node, ast.ImportFrom) for each in node.names}
        for block in ast.parse(Path(backbus.__file__).read_text(encoding="utf-8")).body
        if isinstance(block, ast.If)
    )
    assert told == set(backbus.__all__) == set(dir(backbus)) & told
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = backbus.nothing


def test_importing_backbus_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import backbus; print(*sorted(set(sys.modules) - before))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert [name for name in ended.stdout.split() if name.startswith(("backbus.", "numpy", "numba"))] == []


PROCESSES = "backbus.services"
"""Pages tell how these are started; nobody imports them."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_need_no_other_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = (line.strip() for body in blocks for line in body.splitlines())
    named = {name for line in lines if line.startswith(("import ", "from ")) for name in imports_of(line)}
    for code in re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)):
        if code.startswith("python "):  # how a process is started, not what is imported
            continue
        found = re.findall(r"(?<![\w./-])backbus\.[A-Za-z_][\w.]*", code)
        named |= {name for name in found if not name.endswith((".toml", ".md")) and not name.startswith(PROCESSES)}
        imported = re.match(r"from (backbus[\w.]*) import ([\w, ]+)$", code)
        if imported:
            named |= {f"{imported[1]}.{name.strip()}" for name in imported[2].split(",")}
            named.discard(imported[1])
    assert {name for name in named if not is_public(name)} - set(NO_NAMES) == set()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.py")), ids=lambda path: path.name)
def test_examples_need_no_other_names(path: Path) -> None:
    assert {name for name in imports_of(path.read_text(encoding="utf-8")) if not is_public(name)} == set()
