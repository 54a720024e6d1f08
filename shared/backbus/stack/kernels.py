"""Whether this installation's kernels are compiled, which is a matter of minutes the first time.

numba keeps code by the place of its source, so each installation has a first time; the folder is named by the state of
the sources that code is made of.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Literal

import backbus
from backbus.jit.sources import cache_folder, cache_home

PACKAGE = Path(backbus.__file__).resolve().parent
USUALLY = "a minute or two"
Work = Literal["run", "sweep"]
_LOOPS: dict[Work, tuple[str, ...]] = {"run": ("engine/loop.py",), "sweep": ("engine/loop.py", "engine/points.py")}
"""The files of the loops without which nothing goes."""


def marker() -> Path:
    """The file that says that all kernels of this place and state are compiled, and in how many seconds."""
    place = hashlib.blake2b(str(PACKAGE).encode(), digest_size=10).hexdigest()
    return cache_folder() / f"{place}.compiled"


def are_disabled() -> bool:
    """Whether rules run as plain Python, and nothing is compiled."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def are_compiled_for(work: Work) -> bool:
    """Whether such work begins at once: with nothing to compile, or nearly so."""
    return are_disabled() or marker().exists() or all(_kept(PACKAGE / file) for file in _LOOPS[work])


def kept_anywhere() -> bool:
    """Whether any kernel of this place and state is kept."""
    return any(_kept(PACKAGE / file) for file in _LOOPS["sweep"])


def how_long() -> str:
    """How long compiling all of them takes here: as long as the last time, where that is known."""
    told: list[tuple[float, str]] = []
    for path in cache_home().glob("compiled-*/*.compiled"):
        seconds = path.read_text(encoding="utf-8").strip()
        if seconds:
            told.append((path.stat().st_mtime, seconds))
    return f"about {max(told)[1]} s, as the last time" if told else USUALLY


def of_other_states() -> tuple[int, int]:
    """How many folders of compiled code other states of the sources have left here, and their bytes."""
    others = [path for path in cache_home().glob("compiled-*") if path != cache_folder() and path.is_dir()]
    return len(others), sum(file.stat().st_size for path in others for file in path.rglob("*") if file.is_file())


def _kept(source: Path) -> bool:
    """Whether numba keeps code of a source file: it names folders by where that lies (private to numba; a test watches
    it)."""
    home = Path(os.environ.get("NUMBA_CACHE_DIR") or cache_folder())
    folder = hashlib.sha1(str(source.parent).encode(), usedforsecurity=False).hexdigest()
    return any((home / f"{source.parent.name}_{folder}").glob(f"{source.stem}.*.nbi"))
