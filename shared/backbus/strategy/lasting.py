"""What a strategy's files remember from one run to the next: the globals of their modules, attributes of classes and
functions, and the two random generators that all modules share.

A run begins with modules that nobody has used. Points of a sweep share a process, so that what one leaves behind the
next would find: it is looked for, and who finds it begins with fresh modules instead. What ``functools.cache`` keeps
is taken to be what its name says.
"""

from __future__ import annotations

import itertools
import random
import types
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Prints = Mapping[str, Any]
"""What is remembered, by name, as something that can be compared."""

_MOST_PARTS = 20_000
"""Parts of one global, and of one container, that are looked at."""
_LAST = 100
"""Parts at the end of a sequence that are looked at besides."""
_MOST_BYTES = 1 << 16
"""Bytes at either end of an array that are."""
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), np.generic, np.dtype)
_OF_PYTHON = {
    f"__{name}__"
    for name in ("builtins", "cached", "dict", "doc", "file", "loader", "name", "package", "path", "spec", "weakref")
}
_OF_PYDANTIC = "__pydantic_"
"""What a class of parameters has, some of it made when it is first used."""


def prints_of(modules: Iterable[types.ModuleType]) -> Prints:
    """What these modules hold now, and where the shared random generators stand."""
    found: dict[str, Any] = {}
    modules = list(modules)
    ours = {module.__name__ for module in modules}
    for module in modules:
        for name, value in list(vars(module).items()):
            if name not in _OF_PYTHON:
                found[f"{name} of {module.__name__}"] = _Looking(ours).at(value)
    return {**found, **_generators()} if modules else found


def changed(before: Prints, now: Prints) -> list[str]:
    """The names of what is not as it was, in their order."""
    return [name for name in {**before, **now} if before.get(name, changed) != now.get(name, changed)]


def _generators() -> dict[str, Any]:
    kind, keys, *place = np.random.get_state()
    state = kind, zlib.crc32(np.asarray(keys).tobytes()), *place
    return {"the random generator of Python": hash(random.getstate()), "the random generator of numpy": state}


class _Looking:
    """A look at one global: at most so many parts of it, none of them twice."""

    def __init__(self, ours: set[str]) -> None:
        self._ours = ours
        self._seen: dict[int, int] = {}
        self._left = _MOST_PARTS

    def at(self, value: Any) -> Any:
        """What can be compared of a value."""
        if isinstance(value, _PLAIN):
            return type(value).__name__, value if value == value else "nan"  # noqa: PLR0124
        known = self._seen.get(id(value))
        if known is not None:
            return "seen", known
        self._seen[id(value)] = len(self._seen)
        self._left -= 1
        if self._left < 0:
            return "more", type(value).__name__
        return type(value).__name__, *self._inside(value)

    def _inside(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, dict):
            return len(value), *((self.at(key), self.at(item)) for key, item in _some(value.items()))
        if isinstance(value, set | frozenset):
            return len(value), *sorted(repr(self.at(item)) for item in _some(value))
        if isinstance(value, np.ndarray):
            return id(value), value.shape, _ends_of(value)
        if isinstance(value, types.FunctionType):
            kept = value.__dict__, value.__defaults__, value.__kwdefaults__
            return (id(value.__code__), *map(self.at, kept), *self._cells(value), *self._globals(value))
        if isinstance(value, types.ModuleType):
            return (value.__name__,)
        if isinstance(value, type):
            return id(value), self._members(value) if value.__module__ in self._ours else ()
        if isinstance(value, bytearray):
            return (bytes(value),)
        own = getattr(value, "__dict__", None)
        if isinstance(value, list | tuple) or type(value).__name__ == "deque":
            return (
                len(value),
                *(self.at(item) for item in _some(value)),
                *map(self.at, (value if isinstance(value, list | tuple) else list(value))[-_LAST:]),
            )
        if isinstance(own, dict) and type(value).__module__ in self._ours:
            return id(value), self.at(own)
        return (id(value),)

    def _members(self, value: type) -> tuple[Any, ...]:
        return tuple(
            (name, self.at(getattr(member, "__func__", member)))
            for name, member in list(vars(value).items())
            if name not in _OF_PYTHON and not name.startswith(_OF_PYDANTIC) and not isinstance(member, property)
        )

    def _globals(self, function: types.FunctionType) -> Iterable[Any]:
        if function.__module__ in self._ours:
            known = function.__globals__
            for name in function.__code__.co_names:
                if name in known:
                    yield name, self.at(known[name])

    def _cells(self, function: Callable[..., Any]) -> Iterable[Any]:
        for cell in getattr(function, "__closure__", None) or ():
            try:
                yield self.at(cell.cell_contents)
            except ValueError:  # nothing is in it yet
                yield None


def _some(values: Iterable[Any]) -> list[Any]:
    """The first of a container's parts: a table of millions is looked at by its length and its ends."""
    return list(itertools.islice(values, _MOST_PARTS))


def _ends_of(array: np.ndarray[Any, Any]) -> int:
    if array.dtype.hasobject or not array.flags.c_contiguous:
        return 0
    flat = array.reshape(-1).view(np.uint8)
    return zlib.crc32(flat[-_MOST_BYTES:].tobytes(), zlib.crc32(flat[:_MOST_BYTES].tobytes()))
