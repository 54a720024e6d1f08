"""A strategy in many simulated markets that differ in nothing but their seed: how much of its result is their luck.

Each market is a point, a job of its own with another ``simulator.seed``. What comes out of all is the distribution of
every figure, and a fan: quantiles of the equity over time, across markets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.errors import DataError, JobError
from backbus.job.job import Job
from backbus.job.sweep import SEED
from backbus.market.panel import Floats, Ints, Panel, whole
from backbus.market.timeframe_ends import Framed, framed
from backbus.performance.metrics import FIGURES
from backbus.simulator import Market
from backbus.strategy import Strategy
from backbus.sweep.distribution import distribution, quantile_name
from backbus.sweep.files import FAN_FILE
from backbus.sweep.outcome import Points, write_outcome
from backbus.sweep.search.search import Computes, Whole
from backbus.sweep.statistics import Plan
from backbus.sweep.trials import Family
from backbus.sweep.workers.chunk import RAISED, Chunk, Chunks, Failure, InHand, Values, failed_chunk, joined

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "monte_carlo"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FAN_SESSIONS = 250
"""At so many sessions at most the fan is known: evenly spread, the last one included."""
FAN_BYTES = 512 << 20
"""What the equities that the fan is made of may take: a process has 2 GiB."""


def fan_sessions(sessions: int) -> Ints:
    """Which of so many sessions the fan is known at, counted from 0."""
    count = min(sessions, FAN_SESSIONS)
    return (np.arange(1, count + 1) * sessions) // count - 1


class MonteCarlo(Whole):
    """All markets."""

    runs_at_end = 0

    def __init__(self, job: Job, sessions: int) -> None:
        super().__init__(job, sessions)
        self._fan = fan_sessions(sessions)
        self.width = len(self._fan)
        size = 8 * len(self) * self.width
        if size > FAN_BYTES:
            raise JobError(
                f"the equities of {len(self)} markets take {size / 2**20:.0f} MiB, and {FAN_BYTES >> 20} are the most; "
                "try fewer",
                field="sweep.monte_carlo.markets",
            )

    def computes(self, panel: Panel, strategy: type[Strategy]) -> Computes:
        """Markets, one after the other."""
        market = self.source.source if isinstance(self.source, Framed) else self.source
        assert isinstance(market, Market)
        return Markets(self.job, market, strategy, self.plan, self._fan)

    def conclude(
        self, folder: Path, panel: Panel, strategy: type[Strategy], points: Points, family: Family
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Write table, fan and summary."""
        spread = {name: distribution(points.figures[:, place], QUANTILES) for place, name in enumerate(FIGURES)}
        assert points.returns is not None
        dates = np.unique(panel.block.session)[self._fan]
        table = _fan_table(dates, self._fan, points.returns)
        told = {"kind": KIND, "distribution": spread}
        goal = self.settings.objectives[0]
        return write_outcome(
            folder, self.job, self.space, points, goal, told, {FAN_FILE: lambda path: _write(path, table)}
        )


class Markets:
    """Computes markets of one job: each point of a chunk is simulated, and the job runs in it."""

    def __init__(self, job: Job, market: Market, strategy: type[Strategy], plan: Plan, fan: Ints) -> None:
        self._job, self._market, self._strategy, self._plan, self._fan = job, market, strategy, plan, fan

    def compute(self, points: Sequence[Values], in_hand: InHand = lambda first, count: None) -> Chunk:
        """Run the points. What their strategy raises, and prices that leave the range of numbers, are recorded."""
        parts = []
        for index, values in enumerate(points):
            in_hand(index, 1)
            try:
                panel = whole(framed(self._market.like(seed=values[SEED]), self._job.data.timeframes))
            except DataError as error:
                parts.append(failed_chunk(Failure(RAISED, str(error)), self._plan))
                continue
            chunks = Chunks(self._job, panel, self._strategy, self._plan, keep_returns=True)
            parts.append(self._at_fan(chunks.compute([{}])))
        return joined(parts)

    def _at_fan(self, chunk: Chunk) -> Chunk:
        assert chunk.returns is not None
        equity = self._job.portfolio.cash * np.cumprod(1.0 + chunk.returns, axis=1)
        return replace(chunk, returns=np.ascontiguousarray(equity[:, self._fan]))


def _fan_table(dates: Ints, sessions: Ints, equity: Floats) -> pa.Table:
    """Quantiles and mean of ``equity`` [markets, sessions], over the markets that have one at the end."""
    import pyarrow as pa

    known = equity[~np.isnan(equity).any(axis=1)]
    arrays: dict[str, Any] = {
        "session": pa.array(sessions, pa.int64()),
        "date": pa.array(dates.astype("M8[D]"), pa.date32()),
    }
    lines = np.quantile(known, QUANTILES, axis=0) if len(known) else np.full((len(QUANTILES), len(sessions)), np.nan)
    for share, line in zip(QUANTILES, lines, strict=True):
        arrays[quantile_name(share)] = pa.array(line, pa.float64())
    arrays["mean"] = pa.array(known.mean(axis=0) if len(known) else np.full(len(sessions), np.nan), pa.float64())
    return pa.table(arrays)


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")
