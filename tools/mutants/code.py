"""Functions that are loaded, and other code for them: how a changed file takes effect without being imported again.

In plain Python a step or a loop is the function that was written, and whoever imported it holds the same object. So a
file's changed tree is compiled, and each of its functions is given its new code where it is.
"""

from __future__ import annotations

import ast
import gc
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FunctionType

from tools.mutants.changes import Edit

Key = tuple[str, int]
"""Qualified name and first line."""


class Loaded:
    """The functions of some files, as they are when this is made."""

    def __init__(self, files: set[str]) -> None:
        self._functions: dict[str, dict[Key, list[FunctionType]]] = {file: defaultdict(list) for file in files}
        for thing in gc.get_objects():
            if type(thing) is FunctionType and thing.__code__.co_filename in files:
                code = thing.__code__
                self._functions[code.co_filename][code.co_qualname, code.co_firstlineno].append(thing)

    def replace(self, file: str, tree: ast.Module) -> None:
        """Give the functions of ``file`` the code that ``tree`` makes."""
        functions = self._functions[file]
        for code in _codes(compile(tree, file, "exec", dont_inherit=True)):
            for function in functions.get((code.co_qualname, code.co_firstlineno), ()):
                function.__code__ = code

    def globals_of(self, file: str) -> Iterator[dict[str, object]]:
        """The names that functions of ``file`` find."""
        seen = {id(f.__globals__): f.__globals__ for fs in self._functions[file].values() for f in fs}
        yield from seen.values()


def fits(file: str, tree: ast.Module, edit: Edit) -> bool:
    """Whether functions can be given the code of a changed tree: each has to find the same names outside of itself."""
    before = _names_outside(file, tree)
    edit.make()
    after = _names_outside(file, tree)
    edit.undo()
    return before == after


def _names_outside(file: str, tree: ast.Module) -> dict[Key, int]:
    codes = _codes(compile(tree, file, "exec", dont_inherit=True))
    return {(code.co_qualname, code.co_firstlineno): len(code.co_freevars) for code in codes}


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)
