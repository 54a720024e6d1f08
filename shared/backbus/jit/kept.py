"""Compiled loops from the disk, without what only a compiler needs.

Two things take nearly all the time in which numba loads code that it has kept, and neither is for running it:

- Before it looks, it loads all that could be compiled: arrays, texts, dictionaries, random numbers, linear algebra with
  scipy, packages that extend it. It is half a second. What our loops call outside themselves is Python's own interface
  and numba's core, which are there as soon as numba is: nothing is allocated in them (``UNCOUNTED``).
- Beside the machine code it has kept what that was made of, for who would put it into other code: megabytes of LLVM's
  words, which it reads at once. Here they are read when somebody asks.

Where no code was kept the compiler loads all that itself. What is used here is private to numba, and tests watch it;
where numba is not made as expected, code is loaded its own way.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numba.core.caching import CompileResultCacheImpl, FunctionCache


class _Rebuilt(CompileResultCacheImpl):  # type: ignore[misc]
    """What becomes of the bytes of a file."""

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """The code, ready to be called."""
        (name, kind, data), description, *rest = payload
        if kind != "object":
            return super().rebuild(target_context, payload)
        machine_code, words = data
        codegen = target_context.codegen()
        # What it would have been told by the words: without, it takes the code for one that defines nothing.
        codegen._engine._defined_symbols.update((description.llvm_func_name, description.llvm_cpython_wrapper_name))
        made = super().rebuild(target_context, ((name, kind, (machine_code, _no_words())), description, *rest))
        made.library._shared_module = None
        made.library._get_module_for_linking = functools.cache(functools.partial(llvm.parse_bitcode, words))
        return made


class KeptLoops(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function."""

    _impl_class = _Rebuilt

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for these types, None where none was kept."""
        try:
            return self._load_overload(sig, target_context)
        except (AttributeError, TypeError, ValueError, OSError):
            return super().load_overload(sig, target_context)


def keep(compiled: Any) -> Any:
    """Have a function that numba keeps be loaded so. Returns it."""
    if isinstance(getattr(compiled, "_cache", None), FunctionCache):
        compiled._cache = KeptLoops(compiled.py_func)
    return compiled


@functools.cache
def _no_words() -> bytes:
    return bytes(llvm.parse_assembly("").as_bitcode())
