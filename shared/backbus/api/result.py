"""What a finished job is to whoever asked for it: its report and where its artifacts lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus import renamed
from backbus.errors import UsageError
from backbus.job.parsing import parse

if TYPE_CHECKING:
    import pandas as pd

    from backbus.performance.report import Report
    from backbus.runs.folder import Ran
    from backbus.runs.receipt import Receipt


class Finished:
    """What every finished job says of where it was computed, and when."""

    ran: Ran

    @property
    def mode(self) -> str:
        """``local``: this machine; ``stack``: the members of one; else the kind of cluster, such as ``dask``."""
        return self.ran.mode

    @property
    def attempts(self) -> int:
        """How often it was begun."""
        return self.ran.attempts

    @property
    def cached(self) -> bool:
        """Whether the answer was known."""
        return self.ran.cached

    @property
    def elapsed_s(self) -> float:
        """From the submission to the answer."""
        return self.ran.elapsed_s


@dataclass(frozen=True)
class Result(Finished):
    """A finished job. Its answer does not depend on where it ran."""

    job: str
    """The job's id; the last part of the artifacts' folder."""
    report: Report
    artifacts: dict[str, Path]
    """Files by name: the report, and each of the tables that ``frame`` reads; empty if none were kept."""
    ran: Ran
    """Where it was computed, in this process or on a stack, and when."""
    receipt: Receipt | None = None
    """What it was made of; None where no artifacts were kept."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal fills and equity, wherever and however they were computed."""
        return self.report.fingerprint

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures by name (docs/metrics.md)."""
        return self.report.metrics.model_dump()

    def frame(self, table: str) -> pd.DataFrame:
        """One of the tables as a pandas frame: equity, signals, orders, fills, order_ends, account_activity or trades.

        Raises UsageError for one that is not there."""
        if table not in self.artifacts:
            if table in renamed.TABLES:
                raise UsageError(renamed.is_now(table, renamed.TABLES[table]))
            there = ", ".join(name for name in self.artifacts if name != "report")
            raise UsageError(f"there is no table {table!r}; " + (f"there are {there}" if there else "none were kept"))
        import pandas as pd

        return pd.read_parquet(self.artifacts[table])

    def rolling(self, window: int = 63, *, risk_free: float | str | Mapping[str, Any] = 0.0) -> pd.DataFrame:
        """Annual return, volatility, Sharpe ratio and deepest drawdown of the last ``window`` sessions, by session;
        ``risk_free`` is an annual rate, or a file or a table of such, as ``performance.risk_free`` takes it.

        Raises UsageError where no table of equity was kept, and for a window of less than two sessions."""
        import pandas as pd

        from backbus.data.rates import read_rates
        from backbus.job.performance import PerformanceSettings, RiskFree
        from backbus.performance.risk_free import session_rates
        from backbus.performance.tails import rolling_figures

        if window < 2:
            raise UsageError(f"a window has at least 2 sessions, not {window}")
        equity = self.frame("equity").groupby("session")["equity"].last()
        metrics, year = self.report.metrics, self.report.year
        begun = (metrics.final_equity or math.nan) / (1.0 + (metrics.total_return or 0.0))
        returns = (equity / equity.shift(1, fill_value=begun) - 1.0).to_numpy()
        said = parse(PerformanceSettings, {"risk_free": risk_free}).risk_free
        days = equity.index.to_numpy().astype("datetime64[D]").astype("int64")
        rates = session_rates(read_rates(said, Path()) if isinstance(said, RiskFree) else said, year, days)
        found = rolling_figures(returns, window, rates=rates, year=year)
        return pd.DataFrame(found, index=equity.index)

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        report = self.report
        return {
            "job": self.job,
            "name": report.name,
            "mode": self.mode,
            "fingerprint": report.fingerprint,
            "rows": report.rows,
            "assets": report.assets,
            "orders": report.counts.orders,
            "fills": report.counts.fills,
            "final_equity": report.final_equity,
            "metrics": report.metrics.model_dump(mode="json"),
            "undefined": report.undefined,
            "tails": report.tails.model_dump(mode="json"),
            "year": report.year,
            "year_because": report.year_because,
            "notes": list(report.notes),
            "warnings": list(report.warnings),
            "read": list(report.read),
            "refused_because": report.counts.refused_because,
            "settings": None if self.receipt is None else self.receipt.job,
            "receipt": None if self.receipt is None else self.receipt.hashes(),
            "attempts": self.attempts,
            "cached": self.cached,
            "begun_at": self.ran.begun_at,
            "elapsed_s": round(self.elapsed_s, 6),
            "artifacts": {name: str(path) for name, path in self.artifacts.items()},
        }
