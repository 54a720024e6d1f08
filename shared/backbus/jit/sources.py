"""Which arithmetic this is: a hash of the library's sources, and the versions of the libraries that compute with it."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from backbus.jit.settings import compiler_settings

_PACKAGE = Path(__file__).resolve().parents[1]
_KERNEL_ROOMS = ("jit/", "market/", "trading/")
"""Whose words and settings compiled code is made of, whether a file compiles anything or not."""
_IMPORTS_DECORATORS = re.compile(
    rb"^\s*(from backbus\.jit\.decorators import|from backbus\.jit import .*\bdecorators\b"
    rb"|import .*\bbackbus\.jit\.decorators\b)",
    re.MULTILINE,
)
_SHELL = (
    "api/arguments.py",
    "api/check.py",
    "api/client.py",
    "api/compare.py",
    "api/diff.py",
    "api/explain.py",
    "api/frames.py",
    "api/kept.py",
    "api/notebook.py",
    "api/project.py",
    "api/rerun.py",
    "api/result.py",
    "api/sentences.py",
    "api/sweep_result.py",
    "api/verify.py",
    "cli/",
    "figures/",
    "folders.py",
    "log.py",
    "mcp/",
    "report/",
    "runs/",
    "settings.py",
    "stack/",
)
"""What carries results, or looks at them, but does not make them: changing it leaves cached answers valid."""
_PROCESSES = "services"
"""The processes carry results too. A wheel has them as a folder, a checkout as a link, which may be followed or not."""
LIBRARIES = ("numba", "llvmlite", "numpy", "pandas", "pyarrow", "exchange_calendars")


@functools.cache
def sources_hash() -> str:
    """Hash of every source file of the library that can take part in a result."""
    return _hash(result_sources())


@functools.cache
def kernels_hash() -> str:
    """Hash of what compiled code is made of: sources, and the compiler's settings."""
    return _hash(kernel_sources(), compiler_settings())


def result_sources() -> list[Path]:
    """The library's files that can take part in a result, relative to the package."""
    return [Path(name) for name in _all_sources() if not name.startswith(_SHELL)]


def kernel_sources() -> list[Path]:
    """The files that compiled code is made of, relative to the package: the rooms of the market's words, and whoever
    compiles anything."""
    return [Path(name) for name in _all_sources() if name.startswith(_KERNEL_ROOMS) or _compiles(name)]


def _compiles(name: str) -> bool:
    """Whether a file imports what compiles. (Its words are looked at, since every process does: parsing takes a
    tenth of a second, and the pattern alone a third of that.)"""
    words = (_PACKAGE / name).read_bytes()
    return b"decorators" in words and _IMPORTS_DECORATORS.search(words) is not None


def _all_sources() -> list[str]:
    """All files but those of the processes, relative to the package, as they are written everywhere."""
    package = str(_PACKAGE)
    found = []
    for folder, folders, names in os.walk(package):
        within = folder[len(package) + 1 :].replace(os.sep, "/")
        if not within and _PROCESSES in folders:
            folders.remove(_PROCESSES)
        found += [f"{within}/{name}" if within else name for name in names if name.endswith(".py")]
    return sorted(found)


def _hash(names: Iterable[Path], settings: str = "") -> str:
    digest = hashlib.blake2b(settings.encode(), digest_size=10)
    for name in names:
        digest.update(str(name).encode())
        digest.update((_PACKAGE / name).read_bytes())
    return digest.hexdigest()


@functools.cache
def versions() -> Mapping[str, str]:
    """Of what results are computed with: the interpreter, and the libraries that take part."""
    return MappingProxyType({"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}})


@functools.cache
def identity() -> str:
    """The arithmetic of this installation in one line: sources, interpreter, libraries."""
    python, *libraries = (f"{name}={number}" for name, number in versions().items())
    return f"{sources_hash()} {python} {','.join(libraries)}"


def cache_home() -> Path:
    """Where what can be had again is kept: ``BACKBUS_CACHE``, or a folder of ours in the user's cache folder."""
    named = os.environ.get("BACKBUS_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backbus"


def cache_folder() -> Path:
    """Where compiled code lies: one folder per state of the sources it is made of."""
    return cache_home() / f"compiled-{kernels_hash()}"
