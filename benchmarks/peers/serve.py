"""What every peer's script shares: read the bars, run once for warmth, then once for each line on standard input.

This runs in a peer's own environment: it may import numpy and nothing else that is not in the standard library.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CASH = 1_000_000.0
QUANTITY = 100.0
FEE = 1e-5
FAST, SLOW = 10, 30
WINDOWS = range(2, 48)
"""Of a sweep: each pair of them, the fast one below the slow one, is a point."""
SPARSE = range(20, 43), range(120, 165)
"""Fast and slow windows of a grid whose averages cross seldom, of as many points."""
DEPTH, EVERY, TOP, WEIGHT = 126, 21, 50, 0.98 / 50
"""Of a rebalance: how far back it looks, how often it comes, how many assets are held and how much of each."""
FEW_WINDOWS = range(2, 12)
"""The first of them, for who is slow."""


def bars() -> dict[str, Any]:
    """The columns, as many rows as were asked for."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    return {
        name: np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[:rows])
        for name in ("end", "session", "open", "high", "low", "close", "volume")
    }


def cells() -> dict[str, Any]:
    """The columns of a market of many assets, [rows, assets], as many rows as were asked for."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    return {name: np.array(np.load(folder / f"{name}.npy")[:rows]) for name in ("end", "open", "close")}


def weights(close: Any) -> Any:
    """[rows, assets] once a month the weights of the assets that have risen most, 0 for the others; else NaN."""
    found = np.full(close.shape, np.nan)
    for row in range(0, len(close), EVERY):
        if row >= DEPTH:
            rise = close[row] / close[row - DEPTH] - 1.0
            found[row] = 0.0
            found[row, np.argpartition(-rise, TOP)[:TOP]] = WEIGHT
    return found


def one_core() -> None:
    """Stay on one processor, the same for all who ask: a sweep is compared core by core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def serve(run: Callable[[str], tuple[Callable[[], Any], Callable[[Any], dict[str, Any]]]], warm: str = "plain") -> None:
    """``run(how)`` returns (work, read): ``work()`` is timed, ``read(its result)`` is a dictionary to answer with."""
    # engines print what they like; the answers need the real standard output for themselves
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in [warm, sys.stdin]:
        for how in [line] if isinstance(line, str) else line:
            work, read = run(how.strip())
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                result = work()
                seconds = time.perf_counter() - started
            print(json.dumps({"seconds": seconds, **read(result)}), file=answers, flush=True)
