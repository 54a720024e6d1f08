"""What CONTRIBUTING.md says of files and class names, held against the tree."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from tests.processes import ROOT

FOLDERS = ("benchmarks", "examples", "services", "shared", "tests", "tools")
MOST_LINES = 400


def sources(*folders: str) -> list[Path]:
    """Every module below these; a link to a folder of the project is not followed."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(found) > 10
    return [path for path in found if path.resolve() == path]


def test_no_file_is_longer_than_one_reads_at_once() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines()) for path in sources(*FOLDERS)}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_a_class_has_a_name_that_no_other_class_of_the_library_has() -> None:
    names = Counter(
        node.name
        for path in sources("shared", "services")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert len(names) > 100
    assert {name: count for name, count in names.items() if count > 1} == {}


def families(path: Path) -> dict[str, list[int]]:
    """The numbers of each family of codes in a file: a NamedTuple that only its one value is made of."""
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.ClassDef)
            and node.name.startswith("_")
            and "NamedTuple" in map(ast.unparse, node.bases)
        ):
            lines = [line.value for line in node.body if isinstance(line, ast.AnnAssign)]
            found[node.name] = [int(ast.literal_eval(value)) for value in lines if value is not None]
    return found


def test_no_two_codes_of_a_family_have_one_number() -> None:
    found = {name: numbers for path in sources("shared") for name, numbers in families(path).items()}
    assert {"_SlippageModel", "_Reason", "_Flag", "_OrderType"} <= set(found)
    assert {name: numbers for name, numbers in found.items() if len(set(numbers)) < len(numbers)} == {}
