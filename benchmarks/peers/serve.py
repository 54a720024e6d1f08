"""What every peer's script shares: read the bars, run once for warmth, then once for each line on standard input.

This runs in a peer's own environment: it may import numpy and nothing else that is not in the standard library.
"""

import contextlib
import io
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

CASH = 1_000_000.0
QUANTITY = 100.0
FEE = 1e-5
FAST, SLOW = 10, 30


def bars():
    """The columns, as many rows as were asked for."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    return {
        name: np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[:rows])
        for name in ("end", "open", "high", "low", "close", "volume")
    }


def serve(run):
    """``run(how)`` returns (work, read): ``work()`` is timed, ``read(its result)`` gives orders and final equity."""
    # engines print what they like; the answers need the real standard output for themselves
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in ["plain\n", sys.stdin]:
        for how in [line] if isinstance(line, str) else line:
            work, read = run(how.strip())
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                result = work()
                seconds = time.perf_counter() - started
            orders, equity = read(result)
            print(json.dumps({"seconds": seconds, "orders": orders, "equity": equity}), file=answers, flush=True)
