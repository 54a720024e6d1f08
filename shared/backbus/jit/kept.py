"""Compiled loops from the disk, without what only a compiler needs.

Two things take nearly all the time in which numba loads code that it has kept, and neither is for running it:

- Before it looks, it loads all that could be compiled: arrays, texts, dictionaries, random numbers, linear algebra with
  scipy, packages that extend it. It is half a second. What our loops call outside themselves is Python's own interface
  and numba's core, which are there as soon as numba is: nothing is allocated in them (``UNCOUNTED``).
- Beside the machine code it has kept what that was made of, for who would put it into other code: megabytes of LLVM's
  words, which it reads at once. Here they are read when somebody asks.

A ``part``, which several loops call, is not put into their code either: they call it where it lies. So it is compiled
once, and a loop that was kept names the parts that it needs, which are loaded before it.

Where no code was kept the compiler loads all that itself. What is used here is private to numba, and tests watch it;
where numba is not made as expected, code is loaded its own way.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numba.core.caching import CompileResultCacheImpl, FunctionCache

_PARTS: dict[tuple[str, str], Any] = {}
"""Every part, by its module and its name there."""
_COMPILED = "_ZN"
"""What names of compiled functions begin with."""


class _Elsewhere:
    """What stands for a part in the code of those who call it: nothing that could be put into theirs."""

    _reload_init: frozenset[str] = frozenset()

    def __init__(self, part: Any, made: Any) -> None:
        self.part, self.made = part, made
        """It, and what it was compiled to, which lives as long as its callers."""

    def _ensure_finalized(self) -> None:
        pass

    def _get_module_for_linking(self) -> Any:
        return _nothing(self.made.library.codegen)

    @property
    def need(self) -> tuple[Any, ...]:
        """How it is found again: where it was written, for which types, and how it is called."""
        function = self.part.py_func
        return function.__module__, function.__qualname__, self.made.signature.args, self.made.fndesc.llvm_func_name


def _needs(library: Any, seen: set[int]) -> Iterator[tuple[Any, ...]]:
    """The parts that a library calls, or what was put into it."""
    for other in getattr(library, "_linking_libraries", ()):
        if isinstance(other, _Elsewhere):
            yield other.need
        elif id(other) not in seen:
            seen.add(id(other))
            yield from _needs(other, seen)


class _NotTheSameError(Exception):
    """A part is another one than a loop was compiled with."""


def _load(module: str, name: str, types: Any, called: str) -> _Elsewhere:
    importlib.import_module(module)
    part = _PARTS[module, name]
    if types not in part.overloads:
        part.compile(types)
    made = part.overloads[types]
    if made.fndesc.llvm_func_name != called:
        raise _NotTheSameError
    return _Elsewhere(part, made)


class _Rebuilt(CompileResultCacheImpl):  # type: ignore[misc]
    """What becomes of the bytes of a file."""

    def check_cachable(self, cres: Any) -> bool:
        """Whether it can be kept: where all that it calls is found again."""
        known = {called for *_, called in _needs(cres.library, set())}
        functions = cres.library._final_module.functions
        called = {one.name for one in functions if one.is_declaration and one.name.startswith(_COMPILED)}
        return called <= known and bool(super().check_cachable(cres))

    def reduce(self, cres: Any) -> Any:
        """What is kept: the parts that it needs, and numba's own."""
        return list(dict.fromkeys(_needs(cres.library, set()))), super().reduce(cres)

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """The code, ready to be called."""
        needs, payload = payload
        parts = [_load(*need) for need in needs]
        (name, kind, data), description, *rest = payload
        if kind != "object":
            made = super().rebuild(target_context, payload)
            made.library._linking_libraries.extend(parts)
            return made
        machine_code, words = data
        codegen = target_context.codegen()
        # What it would have been told by the words: without, it takes the code for one that defines nothing.
        codegen._engine._defined_symbols.update((description.llvm_func_name, description.llvm_cpython_wrapper_name))
        made = super().rebuild(target_context, ((name, kind, (machine_code, _no_words())), description, *rest))
        made.library._linking_libraries.extend(parts)
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
        except _NotTheSameError:
            return None
        except (AttributeError, TypeError, ValueError, OSError):
            return super().load_overload(sig, target_context)


def keep(compiled: Any) -> Any:
    """Have a function that numba keeps be loaded so. Returns it."""
    if isinstance(getattr(compiled, "_cache", None), FunctionCache):
        compiled._cache = KeptLoops(compiled.py_func)
    return compiled


def apart(compiled: Any) -> Any:
    """Have a part that numba keeps be called where it lies, and loaded so. Returns it."""
    if isinstance(getattr(compiled, "_cache", None), FunctionCache):
        keep(compiled)
        _PARTS[compiled.py_func.__module__, compiled.py_func.__qualname__] = compiled
        add = compiled.add_overload

        def add_apart(made: Any) -> None:
            made.target_context.insert_user_function(made.entry_point, made.fndesc, [_Elsewhere(compiled, made)])
            add(made)

        compiled.add_overload = add_apart
    return compiled


@functools.cache
def _nothing(codegen: Any) -> Any:
    return llvm.parse_assembly(str(codegen._create_empty_module("elsewhere")))


@functools.cache
def _no_words() -> bytes:
    return bytes(llvm.parse_assembly("").as_bitcode())
