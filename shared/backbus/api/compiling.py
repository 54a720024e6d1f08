"""What is said where a first compilation begins in this process, which is a matter of minutes without a sign.

numba tells of each function that it compiles, and not of those that it has kept: so it is said where it happens alone.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from backbus.api.compiled import are_compiled_for

_ENGINE = "backbus.engine."
"""Whose loops take a minute or two; all others take some seconds at most."""


def compiling_line(takes: str) -> str:
    """What commands and Python say on standard error."""
    return f"compiling once, {takes} (`backbus compile` does it for all) ...\n"


@functools.cache
def say_when_compiling() -> None:
    """From now on say on standard error, once, that the engine's loops are compiled, when that begins."""
    from numba.core import event

    class Heard(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            if event.data["dispatcher"].py_func.__module__.startswith(_ENGINE):
                _say()

        def on_end(self, event: Any) -> None:
            """Nothing is said when it has ended."""

    event.register("numba:compile", Heard())


def say_when_workers_compile() -> None:
    """Say the same, once, where processes of a sweep are about to compile what they cannot do without: this process
    does not hear of it."""
    if not are_compiled_for("sweep"):
        _say()


@functools.cache
def _say() -> None:
    sys.stderr.write(compiling_line("a minute or two"))
    sys.stderr.flush()
