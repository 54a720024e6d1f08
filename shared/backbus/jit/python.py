"""The Python under compiled functions, for those who compile nothing themselves: a change of theirs makes no compiled
code void."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def plain(function: Callable[P, R]) -> Callable[P, R]:
    """The Python function under a step: what is to be a loop as well is compiled once, not once for each."""
    python: Callable[P, R] = getattr(function, "py_func", function)
    return python
