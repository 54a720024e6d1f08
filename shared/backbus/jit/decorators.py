"""How step functions and loops are compiled, and where compiled code is kept.

``step`` marks a small function over records and groups of arrays that loops inline; ``part`` a large one that they
call; ``loop`` marks a unit of compilation that Python calls; ``by_type`` makes one step of several texts. All are exact
IEEE float64 arithmetic in the order that is written down (no fastmath), and give the same bytes when
``NUMBA_DISABLE_JIT=1`` leaves them plain Python.

numba's cache notices a change of a function's own file only, not of the functions that it inlines from other files.
So the cache folder is named by a hash of all sources that can be inlined: a stale kernel cannot be loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import numba
from numba.extending import overload

from backbus.jit.kept import apart, keep
from backbus.jit.settings import INLINED, OPTIONS, SIDE_BY_SIDE, UNCALLED, UNCOUNTED
from backbus.jit.sources import cache_folder

P = ParamSpec("P")
R = TypeVar("R")

if not numba.config.CACHE_DIR:
    # Not through the environment: whoever imported numba before us has had that read already.
    numba.config.CACHE_DIR = str(cache_folder())

numba.config.SLP_VECTORIZE = int(SIDE_BY_SIDE)

JIT_DISABLED = bool(numba.config.DISABLE_JIT)

LOOPS: list[Any] = []
"""Every loop that was declared, in the order of import: what ``warm`` compiles or loads before work begins."""


def step(function: Callable[P, R]) -> Callable[P, R]:
    """A rule of the market or the book as a small function; inlined into each loop that uses it."""
    compiled: Callable[P, R] = numba.njit(**OPTIONS, **INLINED)(function)
    return compiled


def body(function: Callable[P, R]) -> Callable[P, R]:
    """What several loops do once they have made groups of their arrays: put in its place before anything is compiled,
    so that it is not compiled by itself as well. It has one way out, its end."""
    compiled: Callable[P, R] = numba.njit(inline="always", **OPTIONS)(function)
    return compiled


def loop(function: Callable[P, R]) -> Callable[..., R]:
    """A loop over rows that Python calls once per block, with arrays alone; kept compiled between processes."""
    compiled: Callable[P, R] = keep(numba.njit(cache=True, no_cfunc_wrapper=True, **OPTIONS, **UNCOUNTED)(function))
    LOOPS.append(compiled)
    return compiled


def part(function: Callable[P, R]) -> Callable[P, R]:
    """A large piece of several loops, which only they call: compiled once for all of them, and not inlined."""
    # Said, since what a step calls would be inlined as the step is.
    options = {**OPTIONS, **UNCOUNTED, **UNCALLED}
    compiled: Callable[P, R] = apart(numba.njit(cache=True, forceinline=False, **options)(function))
    return compiled


def by_type(forms: Mapping[type, Any]) -> Any:
    """A rule that has a text for each class of its first argument, a tuple with names: chosen while compiling.

    A loop that is given one form is compiled without a trace of the others."""

    def chosen(group: Any, *rest: Any) -> Any:
        return forms[type(group)](group, *rest)

    if not JIT_DISABLED:

        @overload(chosen, strict=False, jit_options={**OPTIONS, **INLINED})  # type: ignore[untyped-decorator]
        def _of_type(group: Any, *_: Any) -> Any:
            return forms.get(getattr(group, "instance_class", None))  # type: ignore[arg-type]

    return chosen
