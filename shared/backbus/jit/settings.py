"""What the compiler is told. Whatever changes the code that it makes stands here, or in the environment's NUMBA_*."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": False, "nogil": True}
"""Of every function that is compiled: exact IEEE float64 arithmetic in the order that is written down."""
UNCALLED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Of what only compiled code calls: what would take Python's arguments apart, or C's, is a tenth of all compiling."""
INLINED: dict[str, Any] = {"forceinline": True, **UNCALLED}
"""Of a step besides."""
UNCOUNTED: dict[str, Any] = {"_nrt": False}
"""Of a loop and of a part besides (private to numba; a test watches it): nothing is allocated inside, and so
references to array arguments need not be counted, which otherwise costs more than the loop's own work."""

SIDE_BY_SIDE = True
"""Whether equal operations on neighbours become one: LLVM's SLP vectoriser, which numba leaves off. It changes no bit,
and what counts eight runs at a time is made for it."""

HARMLESS = ("NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_WARNINGS")
"""Settings of numba that change no compiled code that is kept."""


def compiler_settings(environment: Mapping[str, str] = os.environ) -> str:
    """All that changes compiled code beside its sources, in one line."""
    options = {**OPTIONS, **INLINED, **UNCALLED, **UNCOUNTED}
    named = (name for name in environment if name.startswith("NUMBA_") and name not in HARMLESS)
    said = [f"{name}={environment[name]}" for name in sorted(named)]
    return " ".join([*(f"{name}={options[name]}" for name in sorted(options)), f"slp={SIDE_BY_SIDE}", *said])
