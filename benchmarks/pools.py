"""The pool of a sweep, of one process and of several, all of them ready: what more processes add."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from backbus.data import resolve_files, write_panel
from backbus.market.panel import Panel
from backbus.strategy import bundle
from backbus.sweep.search.plan import sessions_of
from backbus.sweep.search.search import PointsAfter, Whole
from backbus.sweep.workers.pool import Pool
from backbus.sweep.workers.process import Setup
from benchmarks.cross import sweep


@contextmanager
def pools(panel: Panel, points: int, counts: Sequence[int]) -> Iterator[list[Callable[[], bytes]]]:
    """For each number of processes a call that has them sweep all points, and returns their fingerprints in order."""
    with ExitStack() as ends:
        file = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="backbus-bench-"))) / "panel.arrow"
        write_panel(panel, file)
        job = sweep(points=points, files=str(file))
        values = PointsAfter(Whole(job, sessions_of(panel)))
        use = bundle(job.strategy.use, job.folder)
        setup = Setup(job, resolve_files(job.data, job.folder), use, sessions_of(panel))

        def compute(pool: Pool) -> bytes:
            chunks = sorted(pool.run(points, values), key=lambda each: each[0])
            return b"".join(chunk.fingerprints.tobytes() for _, chunk in chunks)

        yield [partial(compute, ends.enter_context(Pool(setup, count))) for count in counts]
