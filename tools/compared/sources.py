"""What a checkout says: when it was made, and what stands in its files, which are parsed and never run."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def commit(checkout: Path) -> str:
    """The checkout's commit and its day: ``4c59e15, 2024-06-24``; where it has none, that."""
    asked = ["git", "-C", str(checkout), "log", "-1", "--format=%h, %cs"]
    inside = (checkout / ".git").exists()  # else git would tell of a repository around it
    answer = subprocess.run(asked, capture_output=True, text=True, check=False) if inside else None
    if answer is None or answer.returncode:
        return "an unknown commit"
    return answer.stdout.strip()


def tree(file: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def named(within: ast.AST, name: str) -> ast.AST:
    """The first class or function of that name, at any depth; ``KeyError`` where there is none."""
    for node in ast.walk(within):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    raise KeyError(name)


def assigned(within: ast.AST, name: str) -> ast.expr:
    """What is first assigned to a name, or to ``self.name``; ``KeyError`` where nothing is."""
    for node in ast.walk(within):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            found = target.id if isinstance(target, ast.Name) else getattr(target, "attr", None)
            if found == name:
                assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
                return node.value
    raise KeyError(name)


def calls(within: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or methods of these names, in the order of the file."""
    found = [node for node in ast.walk(within) if isinstance(node, ast.Call) and called(node) in names]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def called(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    """A call's keyword arguments by name."""
    return {word.arg: word.value for word in call.keywords if word.arg}


def value(node: ast.expr) -> Any:
    """A constant, with sums and products of constants; ``ValueError`` where it is none."""
    if isinstance(node, ast.BinOp):
        left, right = value(node.left), value(node.right)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            return left / right
        if isinstance(node.op, ast.Pow):
            return left**right
    if isinstance(node, ast.List | ast.Tuple):
        return [value(item) for item in node.elts]
    return ast.literal_eval(node)
