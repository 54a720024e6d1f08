"""What public functions take: a wrong kind of argument is told by the function that was called, not from within it.

In: a function and, by name, the kinds of its arguments. Out: the same function, which looks at them first. None is let
pass where it is the default. Python itself tells of a wrong number of arguments.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

from backbus.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")


class ArgumentKind(NamedTuple):
    """What an argument must be."""

    words: str
    fits: Callable[[Any], bool]


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return (hasattr(value, "__float__") or _is_whole(value)) and not isinstance(value, bool | str)


PATH = ArgumentKind(
    "the path of a file or a folder, a text or a pathlib.Path", lambda one: isinstance(one, str | os.PathLike)
)
TEXT = ArgumentKind("a text", lambda one: isinstance(one, str))
WHOLE = ArgumentKind("a whole number", _is_whole)
NUMBER = ArgumentKind("a number", _is_number)
FUNCTION = ArgumentKind("a function", callable)
HEARS = ArgumentKind("a function that hears how far it is: progress=lambda done, of: print(done, of)", callable)
HEARS_OF_JOB = ArgumentKind("a function that hears of the job: progress=lambda shown: print(shown['state'])", callable)
MAPPING = ArgumentKind("a mapping", lambda one: isinstance(one, Mapping))


def an(name: str, words: str) -> ArgumentKind:
    """An instance of the class of this name, which need not be imported for that."""
    return ArgumentKind(words, lambda one: any(made.__name__ == name for made in type(one).__mro__))


PANEL = an("Panel", "a Panel, as read_panel and panel_from_frame give it")


def takes(**kinds: ArgumentKind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Look at arguments before the function is called. It raises UsageError for one that is of another kind."""

    def put(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        names = tuple(parameters)
        may_be_none = {name for name, one in parameters.items() if one.default is None}

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in (*zip(names, args, strict=False), *kwargs.items()):
                kind = kinds.get(name)
                if kind is not None and not kind.fits(value) and not (value is None and name in may_be_none):
                    raise _other(function.__qualname__.removesuffix(".__init__"), name, kind, value)
            return function(*args, **kwargs)

        return checked

    return put


def _other(function: str, name: str, kind: ArgumentKind, value: Any) -> UsageError:
    plain = value is None or isinstance(value, bool | int | float | str)
    shown = repr(value) if plain and len(repr(value)) <= 40 else f"of type {type(value).__name__}"
    return UsageError(f"{function}: {name} is {kind.words}; it is {shown} here")
