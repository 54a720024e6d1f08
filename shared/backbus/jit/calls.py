"""Calls by address, from compiled loops to functions that were not there when the loops were compiled.

A loop that called a user's function by its type would have to be compiled anew for each function, which takes minutes.
An address is a number: loops are compiled once, and what is called through it may be compiled by itself, or Python.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from backbus.jit.decorators import JIT_DISABLED

COMPILES = not JIT_DISABLED
"""Whether functions are compiled at all."""
Numbers = tuple[float, ...]
PLAIN: weakref.WeakValueDictionary[int, Callable[[Numbers, int], float]] = weakref.WeakValueDictionary()
"""What addresses stand for where nothing is compiled."""


def _called(address: int, context: int, numbers: Numbers) -> float:
    return PLAIN[address](numbers, context)


def _call(typing: Any, address: Any, context: Any, numbers: Any) -> Any:
    """The same in compiled code: the numbers go by a pointer, as ``double f(double *numbers, double *context)``."""

    def make(compiling: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        double = ir.DoubleType()
        pointer = double.as_pointer()
        room = cgutils.alloca_once(builder, ir.ArrayType(double, len(numbers)))
        for at, number in enumerate(cgutils.unpack_tuple(builder, arguments[2])):
            builder.store(number, cgutils.gep_inbounds(builder, room, 0, at))
        function = builder.inttoptr(arguments[0], ir.FunctionType(double, [pointer, pointer]).as_pointer())
        first = cgutils.gep_inbounds(builder, room, 0, 0)
        return builder.call(function, [first, builder.inttoptr(arguments[1], pointer)])

    return types.float64(address, context, numbers), make


def _stay_apart(typing: Any) -> Any:
    def make(compiling: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return compiling.get_dummy_value()

    return types.none(), make


def _nothing() -> None:
    pass


stay_apart: Callable[[], None] = _nothing if JIT_DISABLED else intrinsic(_stay_apart)
"""``stay_apart()``, said in a ``part``: whoever calls it is not to hold a copy of it, since it is rare or large."""
called: Callable[[int, int, Numbers], float] = _called if JIT_DISABLED else intrinsic(_call)
"""``called(address, context, numbers)``: what the function at an address makes of some numbers. ``context`` is the
address of numbers of its own, which it may change."""
