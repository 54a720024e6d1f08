"""Functions take what belongs together in groups: only the doors of loops take arrays one by one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import backbus

PACKAGE = Path(backbus.__file__).parent
MOST, EXCEPTIONS = 9, 8


def long_functions() -> Iterator[tuple[str, str]]:
    """Where a function that is no loop's door takes more than ``MOST``, and the line that begins it."""
    for folder in (PACKAGE, PACKAGE / "services"):
        for path in sorted(folder.rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    taken = node.args
                    count = len(taken.posonlyargs) + len(taken.args) + len(taken.kwonlyargs)
                    door = any(ast.unparse(one) == "loop" for one in node.decorator_list)
                    if count > MOST and not door:
                        yield f"{path.relative_to(PACKAGE)}:{node.name}", text.splitlines()[node.lineno - 1]


@pytest.mark.slow
def test_few_functions_take_more_than_nine_arguments_and_each_says_why() -> None:
    found = dict(long_functions())
    assert len(found) <= EXCEPTIONS, sorted(found)
    for name, line in found.items():
        assert "# noqa: PLR0913  (" in line, name
