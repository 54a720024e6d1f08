"""What a finished job is to whoever asked for it: its report and where its artifacts lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.api.frames import by_time, positions
from backbus.api.notebook import run_html
from backbus.errors import UsageError
from backbus.job.parsing import parse
from backbus.kinds import PATH, WHOLE, takes
from backbus.performance.artifacts import REPORT_FILE
from backbus.runs.advice import advice_of
from backbus.runs.shown import RunShown, Shown, SweepShown
from backbus.runs.tables import Tables

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from backbus.figures.drawn import Figures
    from backbus.market.panel import Panel
    from backbus.performance.report import Report
    from backbus.runs.folder import Ran
    from backbus.runs.receipt import Receipt
    from backbus.strategy import Strategy


class Finished(Shown):
    """What every finished job has: where it was computed and when, its figures, its page."""

    job: str
    folder: Path | None
    ran: Ran

    @property
    def figures(self) -> Figures:
        """The registered figures of its kind by name: ``result.figures["underwater"]`` draws one. They need
        the extra ``figures``."""
        from backbus.figures.drawn import Figures

        return Figures(self)

    @takes(path=PATH)
    def report(self, path: Path | str, *, with_source: bool = False) -> Path:
        """Write it as one page that opens offline (docs/report.md), a file that ends in .html; ``with_source`` puts
        the strategy's sources in. A file that ends in .md is a summary in Markdown. Returns the file's place. A page
        needs the extra ``figures``.

        Raises UsageError for a place where nothing can be written."""
        from backbus.report import MARKDOWN, write_markdown, write_report

        assert isinstance(self, RunShown | SweepShown)
        if Path(path).suffix == MARKDOWN:
            if with_source:
                raise UsageError("a summary in Markdown has no sources in it: write a page (.html), or leave them out")
            write_markdown(self, Path(path), job=self.job)
            return Path(path)
        write_report(self, Path(path), job=self.job, folder=self.folder, with_source=with_source)
        return Path(path)

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


@dataclass(frozen=True, repr=False)
class Result(RunShown, Finished):
    """A finished job. Its answer does not depend on where it ran."""

    job: str
    """The job's id; the last part of the artifacts' folder, where it has one."""
    summary: Report
    """What came out: figures, counts, notes."""
    tables: Tables
    """Its tables by name, in a folder or in memory; none where none were asked for."""
    ran: Ran
    """Where it was computed, in this process or on a stack, and when."""
    receipt: Receipt | None = None
    """What it was made of; None where no tables were asked for."""
    folder: Path | None = None
    """Where its files lie; None where nothing was written."""
    market: Callable[[], Panel] | None = None
    """Opens the bars that it traded, warm-up included; None where they are not at hand."""
    strategy: Callable[[], Strategy] | None = None
    """Makes the strategy that it ran, for its indicators; None where it is not at hand."""

    def __repr__(self) -> str:
        report, metrics = self.summary, self.summary.metrics
        told = [f"job {self.job}", f"{report.first_session} to {report.last_session}", f"{report.counts.fills} fills"]
        if metrics.total_return is not None:
            told.append(f"return {100 * metrics.total_return:.2f} %")
        return f"<Result {report.name!r}: {', '.join(told)}>"

    @property
    def artifacts(self) -> dict[str, Path]:
        """Files by name: the report, and the tables; empty where nothing was written."""
        return {} if self.folder is None else {**self.tables.files, "report": self.folder / REPORT_FILE}

    @property
    def fingerprint(self) -> str:
        """Equal for equal fills and equity, wherever and however they were computed."""
        return self.summary.fingerprint

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures by name (docs/metrics.md)."""
        return self.summary.metrics.model_dump()

    @property
    def advice(self) -> tuple[str, ...]:
        """What to look at next: why orders were refused, what is too good to be true (docs/results.md)."""
        return advice_of(self.summary, self.settings or None)

    # --- frames ----------------------------------------------------------------------------------------------------

    def frame(self, table: str) -> pd.DataFrame:
        """One of the tables as it is written: equity, signals, orders, fills, order_ends, account_activity or trades.

        Raises UsageError for one that is not there."""
        return self.tables.frame(table)

    @property
    def equity(self) -> pd.DataFrame:
        """equity, cash and gross [rows] in cash units, by the time at which each row ends, UTC."""
        return by_time(self.frame("equity"))

    @property
    def returns(self) -> pd.Series[float]:
        """[sessions] simple returns by date, without a zone: what empyrical, quantstats and pyfolio take."""
        import pandas as pd

        return pd.Series(self.session_returns, pd.DatetimeIndex(self.sessions, name="session"), name="returns")

    @property
    def orders(self) -> pd.DataFrame:
        """What became of orders, by time (docs/results.md)."""
        return by_time(self.frame("orders"))

    @property
    def fills(self) -> pd.DataFrame:
        """Fills by time."""
        return by_time(self.frame("fills"))

    @property
    def trades(self) -> pd.DataFrame:
        """Trades by the time of their entry."""
        return by_time(self.frame("trades"), "entry_time")

    @property
    def positions(self) -> pd.DataFrame:
        """[changes, assets] units held from each time on at which any changed, short ones negative; a column for each
        asset that was held."""
        return positions(self)

    # --- figures ---------------------------------------------------------------------------------------------------

    def plot(self) -> go.Figure:
        """Price with fills, equity and drawdown over one time axis."""
        return self.figures["overview"]

    def _repr_html_(self) -> str:
        return run_html(self)

    @takes(window=WHOLE)
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
        year = self.summary.year
        returns = self.session_returns
        said = parse(PerformanceSettings, {"risk_free": risk_free}).risk_free
        days = self.sessions.astype("int64")
        rates = session_rates(read_rates(said, Path()) if isinstance(said, RiskFree) else said, year, days)
        found = rolling_figures(returns, window, rates=rates, year=year)
        return pd.DataFrame(found, pd.DatetimeIndex(self.sessions, name="session"))

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        report = self.summary
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
            "advice": list(self.advice),
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
