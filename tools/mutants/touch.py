"""Which statements a test runs: each one notes its number before it does what it does.

Noting is one assignment, so that a test takes hardly longer than without it.
"""

from __future__ import annotations

import ast

from tools.mutants.changes import statements_of

NOTED = "__statements_run__"


class Notes:
    """Statements of files that ran since the last look."""

    def __init__(self) -> None:
        self._ran: dict[str, bytearray] = {}

    def array(self, file: str, size: int) -> bytearray:
        """What the statements of ``file`` write into."""
        return self._ran.setdefault(file, bytearray(size))

    @property
    def empty(self) -> bool:
        """Whether none ran."""
        return not any(any(ran) for ran in self._ran.values())

    def take(self) -> dict[str, list[int]]:
        """Numbers of the statements that ran, by file; from now on none has."""
        found = {}
        for file, ran in self._ran.items():
            if any(ran):
                found[file] = [number for number, one in enumerate(ran) if one]
                ran[:] = bytes(len(ran))
        return found


def noting(file: str, text: bytes) -> tuple[ast.Module, int]:
    """A file's tree in which each statement of a function notes that it runs, and how many there are."""
    tree = ast.parse(text, file)
    numbers = {id(statement): number for number, statement in enumerate(statements_of(tree))}
    for node in list(ast.walk(tree)):
        for name, value in list(ast.iter_fields(node)):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, _noted(value, numbers))
    return tree, len(numbers)


def _noted(block: list[ast.stmt], numbers: dict[int, int]) -> list[ast.stmt]:
    noted: list[ast.stmt] = []
    for statement in block:
        if id(statement) in numbers:
            target = ast.Subscript(ast.Name(NOTED, ast.Load()), ast.Constant(numbers[id(statement)]), ast.Store())
            note = ast.Assign([target], ast.Constant(1))
            noted.append(ast.fix_missing_locations(ast.copy_location(note, statement)))
        noted.append(statement)
    return noted
