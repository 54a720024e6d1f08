"""Loading many modules: what they make stays, so nobody looks for garbage among it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Load modules, or compiled code. The collector of garbage waits for the end, and passes over what is there then:
    looking through hundreds of thousands of objects that stay takes a sixth of the time of loading them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if on:
            gc.enable()
