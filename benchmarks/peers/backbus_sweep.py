"""A sweep by backbus in a process of its own, on one core: each line on standard input says which, as JSON.

The time is from the panel in memory to figures and fingerprints of all points, in the chunks and by the calls of
``run_sweep``; nothing is kept between runs but compiled code.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from backbus.jit.decorators import LOOPS
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Panel
from backbus.performance.metrics import FIGURES
from backbus.strategy import bundle, load_strategy
from backbus.sweep.search.plan import plan_of, points_between, search_of
from backbus.sweep.space.space import Space
from backbus.sweep.workers.chunk import Chunk, Chunks
from backbus.sweep.workers.in_process import in_chunks
from benchmarks import prices
from benchmarks.cross import sweep
from benchmarks.memory import status
from benchmarks.peers import serve

TOLD = ("total_return", "sharpe", "max_drawdown", "trades", "open_trades")

Found = tuple[list[Chunk], dict[str, float], list[int]]
"""Results, seconds by loop, bytes in use."""


def read_panel() -> Panel:
    """The bars of the folder that the command line names, of one asset or of many."""
    bars = serve.bars()
    rows = len(bars["end"])
    arrays = {name: column.reshape(rows, -1) if name in FIELDS else column for name, column in bars.items()}
    for array in arrays.values():
        array.flags.writeable = False
    layout = prices.layout(rows, int(bars["end"][1] - bars["end"][0]), arrays["close"].shape[1])
    return Panel(layout, Block(0, **arrays))


def alone(panel: Panel, asset: int) -> Panel:
    """One asset of it."""
    block = panel.block
    columns = {name: np.ascontiguousarray(getattr(block, name)[:, asset : asset + 1]) for name in FIELDS}
    for column in columns.values():
        column.flags.writeable = False
    return Panel(replace(panel.layout, symbols=panel.layout.symbols[asset : asset + 1]), replace(block, **columns))


def prepare(panel: Panel, how: str) -> tuple[Callable[[], Found], Callable[[Found], dict[str, Any]]]:
    """``use``, ``resamples``, ``points``, ``sparse`` and ``exits`` say which sweep.

    ``asset`` is swept alone, where it is given.
    ``tell`` asks for figures, ``profile`` for where the time goes; ``drop`` forgets results as they come and asks for
    the memory in use whenever so many more points are done.
    """
    asked = json.loads(how)
    drop: int = asked.get("drop", 0)
    which = asked.get("use", "SmaCross"), asked.get("resamples", 0), asked.get("points")
    job = sweep(*which, sparse=asked.get("sparse", False), exits=asked.get("exits", False))
    strategy = load_strategy(job.strategy.use, bundle(job.strategy.use, job.folder))
    panel = alone(panel, asked["asset"]) if "asset" in asked else panel

    def work() -> Found:
        space = Space(search_of(job))
        chunks = Chunks(job, panel, strategy, plan_of(job, panel))
        kept: list[Chunk] = []
        resident: list[int] = []
        with profiled() if asked.get("profile") else unprofiled() as spent:
            compute = partial(_compute, chunks, space)
            for begin, chunk in in_chunks(len(space), compute):
                stop = begin + len(chunk.figures)
                if not drop:
                    kept.append(chunk)
                elif stop // drop > begin // drop:
                    resident.append(status(os.getpid(), "VmRSS"))
        return kept, spent, resident

    def read(found: Found) -> dict[str, Any]:
        kept, spent, resident = found
        answer: dict[str, Any] = {"spent": spent, "resident": resident}
        if asked.get("tell"):
            figures = np.concatenate([chunk.figures for chunk in kept])
            answer |= {name: figures[:, FIGURES.index(name)].tolist() for name in TOLD}
        return answer

    return work, read


def _compute(chunks: Chunks, space: Space, begin: int, stop: int) -> Chunk:
    return chunks.compute(points_between(space, begin, stop))


@contextmanager
def unprofiled() -> Iterator[dict[str, float]]:
    """No seconds of anything."""
    yield {}


@contextmanager
def profiled() -> Iterator[dict[str, float]]:
    """Seconds inside each loop that Python calls, by its name."""
    spent: dict[str, float] = defaultdict(float)
    loops = {id(each): each for each in LOOPS}
    places = [
        (module, name, value)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith("backbus.")
        for name, value in vars(module).items()
        if id(value) in loops
    ]

    def timed(loop: Any) -> Any:
        name = loop.__name__

        def call(*values: Any) -> Any:
            started = time.perf_counter()
            try:
                return loop(*values)
            finally:
                spent[name] += time.perf_counter() - started

        return call

    try:
        for module, name, loop in places:
            setattr(module, name, timed(loop))
        yield spent
    finally:
        for module, name, loop in places:
            setattr(module, name, loop)


if __name__ == "__main__":
    serve.one_core()
    bars = read_panel()
    serve.serve(lambda how: prepare(bars, how), "{}")
