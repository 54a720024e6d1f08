"""Which changes are tried: drawn by a seed, each with a chance in proportion to what it weighs.

Each change has a number of its own, made from the seed and from its name, and those with the largest are drawn. So the
first hundred of a draw are among its first six hundred, and a changed line does not draw all others anew.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from itertools import islice

from tools.mutants.changes import Change


def drawn(changes: Iterable[Change], count: int, seed: int, fits: Callable[[Change], bool]) -> list[Change]:
    """``count`` of the changes that fit (Efraimidis and Spirakis, weighted random sampling with a reservoir, 2006)."""

    def key(change: Change) -> float:
        name = "\0".join(map(str, (seed, *change.name)))
        number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
        return math.log((number + 1) / (1 << 64)) / change.weight

    return list(islice(filter(fits, sorted(changes, key=key, reverse=True)), count))
