"""Which files name the cache of compiled code, and which the arithmetic: none that can change a result is left out."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import backbus
from backbus.jit import settings
from backbus.jit.settings import compiler_settings
from backbus.jit.sources import cache_folder, kernel_sources, kernels_hash, result_sources

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


@pytest.mark.slow
def test_every_file_with_compiled_code_names_the_folder_that_it_is_kept_in() -> None:
    found = compiled_files()
    assert {name.partition("/")[0] for name in found} >= {
        "data",
        "engine",
        "portfolio",
        "simulator",
        "strategy",
        "sweep",
        "trading",
    }
    assert found - {name.as_posix() for name in kernel_sources()} == set()


@pytest.mark.slow
def test_what_makes_a_result_is_part_of_its_identity_and_what_carries_it_is_not() -> None:
    named = {name.as_posix() for name in result_sources()}
    assert {"api/run.py", "api/run_sweep.py", "engine/inputs.py", "sweep/trials.py", "trading/numbers.py"} <= named
    assert {"api/client.py", "api/explain.py", "api/result.py", "cli/app.py", "settings.py"} & named == set()
    assert all((PACKAGE / name).is_file() for name in ("api/client.py", "api/explain.py", "api/result.py"))
    assert compiled_files() <= named


def test_the_compiler_itself_and_the_words_of_the_market_name_that_folder_too() -> None:
    named = {name.as_posix() for name in kernel_sources()}
    assert {"jit/decorators.py", "jit/settings.py", "market/ticks.py", "trading/codes.py", "trading/groups.py"} <= named
    assert not any(name.startswith("services/") for name in named)


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [("OPTIONS", "fastmath", True), ("UNCOUNTED", "_nrt", True), ("UNCALLED", "no_cfunc_wrapper", False)],
)
def test_a_changed_setting_of_the_compiler_changes_the_folder(
    monkeypatch: pytest.MonkeyPatch, where: str, name: str, value: bool
) -> None:
    before = cache_folder()
    monkeypatch.setitem(getattr(settings, where), name, value)
    kernels_hash.cache_clear()
    try:
        assert cache_folder() != before
    finally:
        monkeypatch.undo()
        kernels_hash.cache_clear()
    assert cache_folder() == before


def test_what_numba_is_told_by_the_environment_counts_where_it_changes_code() -> None:
    plain = compiler_settings({})
    assert compiler_settings({"NUMBA_SLP_VECTORIZE": "1"}) != plain
    assert compiler_settings({"NUMBA_CACHE_DIR": "x", "NUMBA_DISABLE_JIT": "1", "HOME": "y"}) == plain
