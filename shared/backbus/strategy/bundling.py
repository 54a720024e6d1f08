"""Which files a strategy is made of: its own and, followed import by import, the ``.py`` files beside it.

Everything else that it imports must be installed where it runs; what is neither is refused here, naming the line.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from backbus.errors import JobError
from backbus.strategy.builtins import BUILTINS

FIELD = "strategy.use"
OURS = "backbus"
"""Never taken from beside a strategy, whatever lies there."""


def split_use(use: str) -> tuple[str, str | None]:
    """``path/to/file.py:ClassName`` as its two parts; the class may be left out."""
    path, _, name = use.partition(":")
    return path, name or None


def bundle(use: str, base: Path, *, field: str = FIELD) -> dict[str, Path]:
    """The files behind ``use``, by name relative to the strategy's folder; none for a built-in. Raises JobError that
    names ``field``."""
    if use in BUILTINS:
        return {}
    written, _ = split_use(use)
    main = base / written
    if not written.endswith(".py"):
        return {}
    if not main.is_file():
        raise JobError(f"there is no file {written}; the path is relative to the job file", field=field)
    folder = main.parent
    found = {main.name: main}
    waiting = [main.name]
    while waiting:
        name = waiting.pop()
        for module, line, needed in _imports(found[name], name, field):
            beside = _beside(folder, module)
            if not beside and needed and not _installed(module):
                raise JobError(
                    f"{name}, line {line}: imports {module.partition('.')[0]}, which is neither a .py file beside the "
                    "strategy nor installed; put it there or install it",
                    field=field,
                )
            for part in beside:
                if part not in found:
                    found[part] = folder / part
                    waiting.append(part)
    return dict(sorted(found.items()))


def _imports(path: Path, name: str, field: str) -> Iterator[tuple[str, int, bool]]:
    """(dotted module, line, whether it must be there) of each import, inside functions too."""
    try:
        tree = ast.parse(path.read_bytes(), filename=name)
    except SyntaxError as error:
        place = f"{name} cannot be read" if error.lineno is None else f"{name}, line {error.lineno}"
        raise JobError(f"{place}: {error.msg}", field=field) from None
    except (OSError, ValueError) as error:
        raise JobError(f"{name} cannot be read: {error}", field=field) from None
    optional = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    package = PurePosixPath(name).parent.parts
    for node in ast.walk(tree):
        needed = id(node) not in optional
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, needed) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level > len(package):
                raise JobError(
                    f"{name}, line {node.lineno}: a relative import leads out of the strategy's folder; "
                    "write the module's name without dots",
                    field=field,
                )
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*above, *([node.module] if node.module else [])))
            yield module, node.lineno, needed
            yield from ((f"{module}.{alias.name}", node.lineno, False) for alias in node.names)


def _beside(folder: Path, module: str) -> list[str]:
    """Relative names of the files that importing ``module`` executes, packages above it included; none if not here."""
    parts = module.split(".")
    if parts[0] == OURS:
        return []
    files = []
    for depth in range(1, len(parts) + 1):
        stem = PurePosixPath(*parts[:depth])
        for candidate in (stem / "__init__.py", stem.with_suffix(".py")):
            if (folder / candidate).is_file():
                files.append(str(candidate))
                break
    return files


def _installed(module: str) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
