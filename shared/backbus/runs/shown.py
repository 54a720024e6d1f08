"""A run as figures and reports see it: its report, and its tables as columns, each read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats, Ints
from backbus.performance.report import Report

Instants = NDArray[np.datetime64]


class RunShown:
    """``tables`` are a run's Parquet files by name; ``settings`` its job's plain values, where they are known."""

    def __init__(self, report: Report, settings: Mapping[str, Any], tables: Mapping[str, Path]) -> None:
        self.report, self.settings = report, settings
        self._tables = dict(tables)
        self._read: dict[tuple[str, str], NDArray[Any]] = {}

    def column(self, table: str, name: str) -> NDArray[Any]:
        """[rows] one column; words as objects, times as UTC nanoseconds."""
        key = table, name
        if key not in self._read:
            import pyarrow.parquet as pq

            found = pq.read_table(self._tables[table], columns=[name]).column(0)
            self._read[key] = found.to_numpy()
        return self._read[key]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        import pyarrow.parquet as pq

        return int(pq.read_metadata(self._tables[table]).num_rows)

    @property
    def cash(self) -> float:
        """What the account began with."""
        metrics = self.report.metrics
        if metrics.final_equity is None or metrics.total_return is None:
            return float("nan")
        return metrics.final_equity / (1.0 + metrics.total_return)

    @cached_property
    def ends(self) -> Ints:
        """[sessions] the row of the equity table that ends each session."""
        session = self.column("equity", "session").astype("M8[D]")
        return np.flatnonzero(np.append(session[1:] != session[:-1], True)) if len(session) else np.empty(0, np.int64)

    @property
    def sessions(self) -> Instants:
        """[sessions] dates."""
        found: Instants = self.column("equity", "session").astype("M8[D]")[self.ends]
        return found

    @cached_property
    def daily(self) -> Floats:
        """[sessions] equity at each session's end."""
        found: Floats = self.column("equity", "equity")[self.ends]
        return found

    @cached_property
    def returns(self) -> Floats:
        """[sessions] simple returns."""
        before = np.append(self.cash, self.daily[:-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = self.daily / before - 1.0
        return found
