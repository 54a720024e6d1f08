"""Which arithmetic this is: a hash of the library's sources, and the versions of the libraries that compute with it."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SHELL = ("cli", "stack", "client.py", "log.py", "settings.py")
"""What carries results but does not make them: changing it leaves compiled code and cached answers valid."""
LIBRARIES = ("numba", "llvmlite", "numpy", "pandas", "pyarrow", "exchange_calendars")


@functools.cache
def sources_hash() -> str:
    """Hash of every source file of the library that can take part in a result."""
    digest = hashlib.blake2b(digest_size=10)
    for path in sorted(_PACKAGE.rglob("*.py")):
        name = path.relative_to(_PACKAGE)
        if name.parts[0] in _SHELL:
            continue
        digest.update(str(name).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.cache
def identity() -> str:
    """The arithmetic of this installation in one line: sources, interpreter, libraries."""
    libraries = ",".join(f"{name}={version(name)}" for name in LIBRARIES)
    return f"{sources_hash()} python={platform.python_version()} {libraries}"


def cache_home() -> Path:
    """Where what can be had again is kept: ``BACKBUS_CACHE``, or a folder of ours in the user's cache folder."""
    named = os.environ.get("BACKBUS_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backbus"


def cache_folder() -> Path:
    """Where compiled code lies: one folder per state of the sources."""
    return cache_home() / f"compiled-{sources_hash()}"
