"""Arrays by their addresses: many of them go into one compiled call as an array of numbers.

Whoever asks keeps the arrays alive until the call is over, and nobody writes to them.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.jit.decorators import JIT_DISABLED


def address_of(values: NDArray[Any]) -> int:
    """Where an array begins, whose numbers lie one behind the other."""
    address: int = values.__array_interface__["data"][0]
    return address


def _plain(kind: Any, kind_of: Any) -> Any:
    def at(address: int, shape: tuple[int, ...]) -> NDArray[Any]:
        size = int(np.prod(shape))
        memory = (kind_of * size).from_address(int(address)) if size else ()
        found = np.array(memory, dtype=kind).reshape(shape)
        found.flags.writeable = False
        return found

    return at


def _compiled(kind: Any) -> Any:
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array, populate_array
    from numba.np.numpy_support import from_dtype

    item = from_dtype(np.dtype(kind))

    @intrinsic  # type: ignore[untyped-decorator]
    def at(typing: Any, address: Any, shape: Any) -> Any:
        result = types.Array(item, len(shape), "C", readonly=True)

        def make(compiling: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            made = make_array(result)(compiling, builder)
            size = compiling.get_abi_sizeof(compiling.get_data_type(item))
            lengths = cgutils.unpack_tuple(builder, arguments[1])
            strides = [compiling.get_constant(types.intp, size)]
            for length in reversed(lengths[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            populate_array(
                made, data=builder.inttoptr(arguments[0], made.data.type), shape=lengths, strides=strides,
                itemsize=compiling.get_constant(types.intp, size), meminfo=None,
            )  # fmt: skip
            return made._getvalue()

        return result(address, shape), make

    return at


numbers_at: Any = _plain(np.float64, ctypes.c_double) if JIT_DISABLED else _compiled(np.float64)
"""``numbers_at(address, shape)``: the read-only array of float64 that lies there."""
truths_at: Any = _plain(np.bool_, ctypes.c_bool) if JIT_DISABLED else _compiled(np.bool_)
"""``truths_at(address, shape)``: the same of truth values."""
