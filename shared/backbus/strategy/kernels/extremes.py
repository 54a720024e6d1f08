"""Highest and lowest value of a window."""

from __future__ import annotations

import numpy as np

from backbus.compiled import loop
from backbus.market.panel import Floats, Ints

NAN = np.nan


@loop
def extreme(x: Floats, out: Floats, values: Floats, bars: Ints, marks: Ints, n: int, sign: float) -> None:
    """Highest (``sign`` 1) or lowest (−1) of the last ``n`` values.

    A queue, in a ring, of the values that no later one has beaten: its head is the extreme, and each value enters and
    leaves once.

    State: values [assets, n], bars [assets, n] the bar each came from, marks [assets, 3]: head, size, bars seen.
    """
    for a in range(x.shape[1]):
        head, size, seen = marks[a, 0], marks[a, 1], marks[a, 2]
        for r in range(x.shape[0]):
            value = sign * x[r, a]
            if value - value != 0.0:
                out[r, a] = NAN
                continue
            if size > 0 and bars[a, head] == seen - n:
                head = head + 1 if head + 1 < n else 0
                size = size - 1
            tail = head + size
            if tail >= n:
                tail = tail - n
            while size > 0:
                before = tail - 1 if tail > 0 else n - 1
                if values[a, before] > value:
                    break
                tail = before
                size = size - 1
            values[a, tail] = value
            bars[a, tail] = seen
            size = size + 1
            seen = seen + 1
            out[r, a] = sign * values[a, head] if seen >= n else NAN
        marks[a, 0], marks[a, 1], marks[a, 2] = head, size, seen
