"""A finished job as figures and reports see it: its summary, and its tables as columns, each read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.kinds import TEXT, takes
from backbus.market.panel import Floats, Ints
from backbus.performance.report import Report
from backbus.runs.receipt import Receipt
from backbus.runs.tables import Tables
from backbus.runs.trade_fills import TradeFills, trade_fills

if TYPE_CHECKING:
    from backbus.market.panel import Panel
    from backbus.strategy import Strategy

Instants = NDArray[np.datetime64]


class Shown:
    """What all kinds have."""

    tables: Tables
    receipt: Receipt | None
    """What it was made of."""
    market: Callable[[], Panel] | None
    """What opens the bars, where they are at hand."""

    @takes(table=TEXT, name=TEXT)
    def column(self, table: str, name: str) -> NDArray[Any]:
        """[rows] one column of a table; words as objects, times as UTC nanoseconds."""
        return self.tables.column(table, name)

    @takes(table=TEXT)
    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self.tables.rows(table)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The job's plain values, as they were resolved; empty where they are not known."""
        return {} if self.receipt is None else self.receipt.job


class RunShown(Shown):
    """A single run."""

    summary: Report
    """What ``report.json`` holds."""
    strategy: Callable[[], Strategy] | None
    """What makes the strategy that it ran, for its indicators; None where it is not at hand."""

    @property
    def cash(self) -> float:
        """What the account began with; NaN where nothing says so."""
        told = self.settings.get("portfolio", {}).get("cash")
        if told is not None:
            return float(told)
        metrics = self.summary.metrics
        if metrics.final_equity is None or metrics.total_return is None or metrics.total_return == -1.0:
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
    def session_returns(self) -> Floats:
        """[sessions] simple returns."""
        before = np.append(self.cash, self.daily[:-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = self.daily / before - 1.0
        return found

    @cached_property
    def trade_fills(self) -> TradeFills:
        """Which fills opened and closed each trade."""
        return trade_fills(self.tables)


class SweepShown(Shown):
    """A search of any kind."""

    summary: dict[str, Any]
    """What ``sweep.json`` holds."""

    @property
    def kind(self) -> str:
        """``sweep``, ``walk_forward``, ``cpcv`` or ``monte_carlo``."""
        return str(self.summary.get("kind", "sweep"))
