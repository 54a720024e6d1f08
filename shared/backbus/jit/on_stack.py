"""Records on the stack of a compiled loop: nobody else can see them, so the compiler keeps their fields in registers.

A record in an array is written to memory at each change, since whoever has the array might look. A copy on the stack
goes through the same steps, and is written back once.
"""

from __future__ import annotations

from typing import Any

from backbus.jit.decorators import JIT_DISABLED


def _copied(records: Any) -> Any:
    return records.copy()


def _on_stack(typing: Any, records: Any) -> Any:
    """The same in compiled code."""
    from llvmlite import ir  # type: ignore[import-untyped]
    from numba import types
    from numba.core import cgutils
    from numba.np.arrayobj import make_array, populate_array

    result = types.Array(records.dtype, 1, "C")

    def make(compiling: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = make_array(signature.args[0])(compiling, builder, arguments[0])
        size = compiling.get_constant(types.intp, compiling.get_abi_sizeof(compiling.get_data_type(records.dtype)))
        place = cgutils.alloca_once(builder, compiling.get_data_type(records.dtype))
        place.align = 64
        one = compiling.get_constant(types.intp, 1)
        letters = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(builder, builder.bitcast(place, letters), builder.bitcast(source.data, letters), size, one)
        made = make_array(result)(compiling, builder)
        data = builder.bitcast(place, made.data.type)
        populate_array(made, data=data, shape=[one], strides=[size], itemsize=size, meminfo=None)
        return made._getvalue()

    return result(records), make


def _intrinsic() -> Any:
    from numba.extending import intrinsic

    return intrinsic(_on_stack)


on_stack: Any = _copied if JIT_DISABLED else _intrinsic()
"""``on_stack(records)``: an array with a copy of the first of ``records``, good until the loop ends."""
