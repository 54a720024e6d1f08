"""Which kernels of this installation are compiled already.

numba keeps code by the place of its source, so each installation has a first time; the folder is named by the state of
the sources that code is made of.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path
from typing import Literal

from backbus.jit.sources import cache_folder

PACKAGE = Path(__file__).resolve().parents[1]
Work = Literal["run", "sweep", "check"]
_LOOPS: dict[Work, tuple[str, ...]] = {
    "run": ("engine/loop.run_rows", "engine/loop.run_lists"),
    "sweep": ("engine/points.run_points", "engine/loop.run_lists"),
    "check": ("strategy/saying/edges.",),
}
"""Files and functions of the loops without which nothing goes: for market orders alone, and for orders of every kind,
which a strategy may give at any row."""


def marker() -> Path:
    """The file that says that all kernels of this place and state are compiled, and in how many seconds."""
    place = hashlib.blake2b(str(PACKAGE).encode(), digest_size=10).hexdigest()
    return cache_folder() / f"{place}.compiled"


def are_disabled() -> bool:
    """Whether rules run as plain Python, and nothing is compiled."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def are_compiled_for(work: Work) -> bool:
    """Whether such work begins at once: with nothing to compile, or nearly so."""
    return are_disabled() or marker().exists() or all(map(_kept, _LOOPS[work]))


def kept_anywhere() -> bool:
    """Whether any kernel of this place and state is kept."""
    return any(map(_kept, itertools.chain(*_LOOPS.values())))


def _kept(loop: str) -> bool:
    """Whether numba keeps code of a loop: it names folders by where its source lies (private to numba; a test watches
    it)."""
    source = PACKAGE / loop
    home = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    folder = hashlib.sha1(str(source.parent).encode(), usedforsecurity=False).hexdigest()
    return any((home / f"{source.parent.name}_{folder}").glob(f"{source.name}*.nbi"))
