"""Which files name the cache of compiled code, and which the arithmetic: none that can change a result is left out."""

from __future__ import annotations

import ast
from pathlib import Path

import backbus
from backbus.sources import kernel_sources, result_sources

PACKAGE = Path(backbus.__file__).parent
DECORATORS = {"step", "part", "loop"}


def compiled_files() -> set[str]:
    """The files in which something is marked for the compiler."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and DECORATORS & {ast.unparse(each) for each in node.decorator_list}:
                found.add(path.relative_to(PACKAGE).as_posix())
    return found


def test_every_file_with_compiled_code_names_the_folder_that_it_is_kept_in() -> None:
    found = compiled_files()
    assert {name.partition("/")[0] for name in found} >= {
        "data",
        "engine",
        "portfolio",
        "simulator",
        "strategy",
        "sweep",
    }
    assert found - {name.as_posix() for name in kernel_sources()} == set()


def test_what_makes_a_result_is_part_of_its_identity_and_what_carries_it_is_not() -> None:
    named = {name.as_posix() for name in result_sources()}
    assert {"api/run.py", "api/run_sweep.py", "engine/inputs.py", "sweep/trials.py", "trading/numbers.py"} <= named
    assert {"api/client.py", "api/explain.py", "api/result.py", "cli/app.py", "settings.py"} & named == set()
    assert all((PACKAGE / name).is_file() for name in ("api/client.py", "api/explain.py", "api/result.py"))
    assert compiled_files() <= named
