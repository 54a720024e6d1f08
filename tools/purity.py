"""Keep pure files pure: ``python tools/purity.py``. Exit status 1 and one ``file:line`` a finding where they are not.

Two rules, read from the source without importing it:

- Handlers. Each ``shared/backbus/*/handler.py``, those that ``engine`` composes, all of ``shared/backbus/streams``, the
  rules of the orchestrator's machines, and every backbus module that they import, directly or not, use no clock,
  randomness, environment, files, sockets, threads or processes. So the same handler runs behind sockets, inside one
  process and inside a simulated network, and arrival order is all that can differ.
- Steps. A function decorated with ``step``, ``part`` or ``loop`` uses nothing whose last bits depend on the machine, on
  the compiler or on the order of summing, and nothing that is undefined for NaN.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHARED = Path(__file__).resolve().parent.parent / "shared"

ALLOWED = {
    "backbus.jit.decorators": "reads where compiled code is kept, once, while it is imported",
    "backbus.jit.settings": "reads what numba is told, once, for the name of that folder",
    "backbus.jit.sources": "hashes the library's own source, once, for the name of that folder",
    "backbus.job.job": "declares what a job is; only Job.load reads a file, and no handler calls it",
}
"""Modules that a handler may import although they fail the rule, and why that is no harm."""


_COMPOSED = tuple(f"engine/{name}.py" for name in ("beside", "foretold", "predicting", "trading"))
"""Handlers that are made of others' parts."""
PURE = ("*/handler.py", *_COMPOSED, "streams/*.py", "services/orchestrator/*/rules.py")
"""Files that have to be pure, with all that they import."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = _words(
    "time random uuid secrets zmq asyncio threading socket select selectors ssl subprocess "
    "multiprocessing concurrent queue signal os pathlib shutil tempfile glob io sqlite3 logging structlog "
    "urllib http"
)
CALLS = _words("open print input breakpoint")
METHODS = _words("read_text write_text read_bytes write_bytes iterdir mkdir unlink touch is_file is_dir")
CLOCKS = _words("now utcnow today")

STEP_DECORATORS = frozenset(("step", "part", "loop"))
STEP_CALLS = _words("round int sum pow")
INEXACT = _words(
    "sum mean std var log log2 log10 log1p exp exp2 expm1 power pow float_power round around rint cumsum "
    "nansum nanmean nanstd nanvar dot vdot inner matmul prod average median sin cos tan cbrt hypot"
)
INEXACT_OF = _words("np numpy math")
INEXACT_METHODS = _words("sum mean std var round dot prod cumsum")


@dataclass(frozen=True, order=True)
class Finding:
    """One place that breaks a rule."""

    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


# --- which modules must be pure -------------------------------------------------------------------------------------


def file_of(module: str, shared: Path) -> Path | None:
    """The source of a module, or ``None`` where there is no such module."""
    base = shared.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _without_type_checking(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _origin(module: str, name: str, shared: Path) -> str:
    """Where ``from module import name`` finds its name: what a package merely passes on is followed to its source."""
    if file_of(f"{module}.{name}", shared):
        return f"{module}.{name}"
    path = file_of(module, shared)
    if path is not None and path.name == "__init__.py":
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any((each.asname or each.name) == name for each in node.names):
                source = _absolute(node, module, True)
                original = next(each.name for each in node.names if (each.asname or each.name) == name)
                if source.partition(".")[0] == "backbus" and source != module:
                    return _origin(source, original, shared)
    return module


def imported(module: str, shared: Path) -> set[str]:
    """The backbus modules that a module imports, at its top or inside its functions."""
    path = file_of(module, shared)
    if path is None:
        return set()
    found: set[str] = set()
    for node in _without_type_checking(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, module, path.name == "__init__.py")
            found.update(_origin(source, each.name, shared) for each in node.names)
    return {name for name in found if name.partition(".")[0] == "backbus" and file_of(name, shared)}


def reached(shared: Path) -> dict[str, str]:
    """Every module that has to be pure, or that such a one imports, with the way to it."""
    paths = sorted(path for pattern in PURE for path in (shared / "backbus").glob(pattern))
    waiting = [".".join(path.relative_to(shared).with_suffix("").parts) for path in paths]
    way = {module: module for module in waiting}
    while waiting:
        module = waiting.pop(0)
        for other in sorted(imported(module, shared)):
            if other not in way and other not in ALLOWED:
                way[other] = f"{way[module]} > {other}"
                waiting.append(other)
    return way


# --- the rules ------------------------------------------------------------------------------------------------------


def impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and description of everything in a module that the world outside can change or feel."""
    for node in _without_type_checking(tree):
        match node:
            case ast.Import(names=names):
                for each in names:
                    if each.name.partition(".")[0] in MODULES:
                        yield node.lineno, f"import {each.name}"
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] in MODULES:
                for each in node.names:
                    if not each.name.startswith("Pure"):  # pathlib's pure paths are words, not files
                        yield node.lineno, f"from {module} import {each.name}"
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield node.lineno, f"{name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                yield node.lineno, f".{name}()"
            case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in CLOCKS and ast.unparse(
                value
            ).rpartition(".")[2] in ("datetime", "date", "Timestamp"):
                yield node.lineno, f"{ast.unparse(value)}.{name}()"
            case ast.Attribute(attr="random", value=ast.Name(id=name)) if name in ("np", "numpy"):
                yield node.lineno, f"{name}.random"
            case ast.Attribute(attr="environ"):
                yield node.lineno, ast.unparse(node)


def _is_step(node: ast.FunctionDef) -> bool:
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        if name in STEP_DECORATORS:
            return True
    return False


def inexactness(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and description of everything in steps and loops that is not the same bits on every machine."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not _is_step(function):
            continue
        for node in (inner for statement in function.body for inner in ast.walk(statement)):
            match node:
                case ast.BinOp(op=ast.Pow()) | ast.AugAssign(op=ast.Pow()):
                    yield node.lineno, f"** in {function.name}"
                case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                    yield node.lineno, f"@ in {function.name}"
                case ast.Call(func=ast.Name(id=name)) if name in STEP_CALLS:
                    yield node.lineno, f"{name}() in {function.name}"
                case ast.Attribute(attr=name, value=ast.Name(id=of)) if of in INEXACT_OF and name in INEXACT:
                    yield node.lineno, f"{of}.{name} in {function.name}"
                case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in INEXACT_METHODS and not (
                    isinstance(value, ast.Name) and value.id in INEXACT_OF
                ):
                    yield node.lineno, f".{name}() in {function.name}"


def findings(shared: Path = SHARED) -> list[Finding]:
    """Everything that breaks a rule."""
    found = []
    for module, way in reached(shared).items():
        path = file_of(module, shared)
        if path is not None:
            for line, what in impurities(ast.parse(path.read_text(encoding="utf-8"))):
                found.append(Finding(path, line, f"a pure file may not use {what}  (reached by {way})"))
    for path in sorted(shared.glob("backbus/**/*.py")):
        for line, what in inexactness(ast.parse(path.read_text(encoding="utf-8"))):
            found.append(Finding(path, line, f"not the same bits everywhere: {what}"))
    return sorted(found)


def main() -> int:
    """Print the findings; 1 where there are any."""
    found = findings()
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    if not found:
        handlers = sum(name.endswith(".handler") for name in reached(SHARED))
        told = f"{handlers} handlers, the streams, the orchestrator's rules and all that they import are pure"
        sys.stdout.write(f"purity: {told}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
