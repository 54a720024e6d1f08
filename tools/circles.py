"""Find circles of imports: ``python tools/circles.py``. Exit status 1 and one line a circle where there are any.

Every import counts, those inside functions and those for the type checker alone too: a module that cannot be told
without another that cannot be told without it is one room with two doors. Packages count as modules of their own, so
that what an ``__init__`` passes on is seen; that importing a module runs the ``__init__`` above it is not.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

SHARED = Path(__file__).resolve().parent.parent / "shared"


def modules(shared: Path, package: str = "backbus") -> dict[str, Path]:
    """The modules of a package by dotted name; what links lead to is not looked at."""
    found = {}
    for path in sorted((shared / package).rglob("*.py")):
        parts = path.relative_to(shared).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules among ``known`` that a file names in any import."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= {name if name in known else node.module for name in names}
    return found & set(known)


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules that all lead to each other, each in order of names."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        waiting.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in waiting:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = waiting.index(name)
            together, waiting[at:] = waiting[at:], []
            if len(together) > 1 or name in graph[name]:
                found.append(sorted(together))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return found


def findings(shared: Path = SHARED) -> list[list[str]]:
    """The circles of the library."""
    known = modules(shared)
    return circles({name: imported(path, known) - {name} for name, path in known.items()})


def main() -> int:
    """Print the circles; 1 where there are any."""
    found = findings()
    for circle in found:
        sys.stdout.write(f"import each other: {', '.join(circle)}\n")
    if not found:
        sys.stdout.write(f"circles: none among {len(modules(SHARED))} modules\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
