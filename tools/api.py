"""Make ``docs/api.md`` from the docstrings of what ``import backbus`` gives: ``make pages``."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from wrap import WIDTH, wrapped

import backbus

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
HEAD = """# From Python

What `from backbus import …` gives. Made by `tools/api.py` from the docstrings. How a strategy reads its bars is in
[strategies.md](strategies.md), what a job can say in [jobs.md](jobs.md), what a run leaves in
[results.md](results.md).
"""


def said(node: ast.AST) -> str:
    """A docstring as text of a page."""
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    return (ast.get_docstring(node) or "").replace("``", "`")


def arguments(node: ast.FunctionDef, *, types: bool) -> list[str]:
    """The arguments of a function as they are written, self left out."""
    args = node.args
    shown: list[str] = []

    def one(arg: ast.arg, default: ast.expr | None, star: str = "") -> str:
        annotated = f": {ast.unparse(arg.annotation)}" if types and arg.annotation is not None else ""
        equals = " = " if annotated else "="
        return f"{star}{arg.arg}{annotated}" + (f"{equals}{ast.unparse(default)}" if default is not None else "")

    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    shown += [
        one(arg, default) for arg, default in zip(args.args, defaults, strict=True) if arg.arg not in ("self", "cls")
    ]
    if args.vararg is not None:
        shown.append(one(args.vararg, None, "*"))
    elif args.kwonlyargs:
        shown.append("*")
    shown += [one(arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    if args.kwarg is not None:
        shown.append(one(args.kwarg, None, "**"))
    return shown


def signature(node: ast.FunctionDef) -> str:
    """A function's signature as a block of code."""
    parts, gives = arguments(node, types=True), ast.unparse(node.returns) if node.returns is not None else "None"
    line = f"{node.name}({', '.join(parts)}) -> {gives}"
    if len(line) > WIDTH:
        line = f"{node.name}(\n" + "".join(f"    {part},\n" for part in parts) + f") -> {gives}"
    return f"```python\n{line}\n```"


def members(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """What a class has that is public, and the first paragraph of what is said of it."""
    for at, part in enumerate(node.body):
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
            decorators = {ast.unparse(decorator) for decorator in part.decorator_list}
            if not any("validator" in name for name in decorators):
                called = "" if "property" in decorators else f"({', '.join(arguments(part, types=False))})"
                yield f"{part.name}{called}", said(part).partition("\n\n")[0]
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.target.id[0] != "_":
            below = node.body[at + 1] if at + 1 < len(node.body) else None
            told = below.value if isinstance(below, ast.Expr) else None
            text = told.value if isinstance(told, ast.Constant) and isinstance(told.value, str) else ""
            yield part.target.id, text.replace("``", "`")


def entry(name: str) -> str:
    """One name of the library's."""
    node = ast.parse(textwrap.dedent(inspect.getsource(getattr(backbus, name)))).body[0]
    if isinstance(node, ast.FunctionDef):
        return f"## {name}\n\n{signature(node)}\n\n{said(node)}\n"
    assert isinstance(node, ast.ClassDef)
    lines = [f"| `{member}` | {' '.join(text.split())} |".replace("|  |", "| |") for member, text in members(node)]
    table = "\n| | |\n|---|---|\n" + "\n".join(lines) + "\n" if lines else ""
    return f"## {name}\n\n{said(node)}\n{table}"


def page() -> str:
    """The page."""
    tree = inspect.getdoc(inspect.getmodule(backbus.BackbusError)) or ""
    drawn = re.findall(r"^ {4}.*$", tree, re.MULTILINE)
    errors = "\nAll errors are of one tree:\n\n```text\n" + textwrap.dedent("\n".join(drawn)) + "\n```\n"
    parts = [entry(name) + (errors if name == "BackbusError" else "") for name in backbus.__all__]
    return wrapped("\n".join([HEAD, *parts]))


def made() -> dict[Path, str]:
    """The page's file and text."""
    return {PAGE: page()}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
