"""What a user submits: a job, as TOML or as Python, checked whole before anything runs.

A job is data: it names files and a strategy, and holds every setting that can change a result. ``Job.load`` reads a
file, ``Job.parse`` a mapping; both raise ``JobError`` naming the field and how to mend it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from backbus.account import Exits, PortfolioSettings, set_account
from backbus.charges import Commission, HalfSpread, NoCommission, NoSlippage, Slippage
from backbus.errors import JobError
from backbus.history import DataSettings
from backbus.instruments import Custom, Instrument, instruments_of
from backbus.market.panel import EVENTS, Layout
from backbus.market.years import DAYS_PER_YEAR, sessions_per_year
from backbus.markets import SimulatorSettings
from backbus.parsing import override_field, parse
from backbus.searches import SweepSettings
from backbus.section import Positive, Section
from backbus.trading import rules as r
from backbus.trading.commission import FeeModel
from backbus.trading.slippage import SlippageModel


class StrategySettings(BaseModel):
    """Which strategy, and its parameters beside it: ``use = "SmaCross"`` or ``use = "my_file.py:MyClass"``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(min_length=1)

    @property
    def params(self) -> dict[str, Any]:
        """The strategy's own parameters, by name."""
        return dict(self.model_extra or {})


class ExecutionSettings(Section):
    """When orders fill and what filling costs."""

    fill: Literal["open", "close"] = "open"
    """``open``: at the next bar's open. ``close``: at the close that decided them; the report says so."""
    path: Literal["worst", "open-low-high-close", "open-high-low-close", "nearest-first"] = "worst"
    """Which way a price takes within a bar, where more than one order could fill."""
    trail_by: Literal["extremes", "close"] = "extremes"
    """Whether trailing stops follow highs and lows, or closes."""
    volume_cap: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    """The share of a bar's volume that may fill in each asset; what is left carries on in later bars."""
    no_volume: Literal["fill", "wait"] = "fill"
    """What orders do in a bar without volume; they wait where there is a cap."""
    slippage: Slippage = NoSlippage(model="none")
    commission: Commission = NoCommission(model="none")


class PerformanceSettings(Section):
    """How results are measured."""

    risk_free: Annotated[float, Field(gt=-1, lt=10, allow_inf_nan=False)] = 0.0
    """Annual rate, as a fraction."""
    periods_per_year: Positive | None = None
    """Sessions in a year, for annualising; those of the data's calendar where left out, 252 without one."""
    benchmark: str | None = None
    """One of the data's symbols."""


class RunSettings(Section):
    """How a run is carried out; nothing here changes a result."""

    block: int | None = Field(default=None, ge=1)
    """Rows per block; chosen by the number of assets where left out."""
    window: int | None = Field(default=None, ge=1)
    """Rows that the source may be ahead of its slowest reader."""
    stall_s: Positive = 60.0
    """An attempt without progress for this long is ended."""
    max_attempts: int = Field(default=10, ge=1, le=1000)


class Job(Section):
    """A backtest as data: everything that decides its result, and nothing else."""

    name: str = Field(default="backtest", min_length=1, max_length=200)
    data: DataSettings = DataSettings()
    simulator: SimulatorSettings | None = None
    """The market that is made in place of the one in ``data``."""
    strategy: StrategySettings
    portfolio: PortfolioSettings = PortfolioSettings()
    instruments: tuple[Instrument, ...] = ()
    execution: ExecutionSettings = ExecutionSettings()
    performance: PerformanceSettings = PerformanceSettings()
    run: RunSettings = RunSettings()
    sweep: SweepSettings | None = None
    """Which variations of this job a sweep runs; a single run takes no notice of it."""
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """What the job's relative paths start from: its file's folder, or the current one."""
        return self._folder

    def come_from(self, folder: Path) -> None:
        """Let relative paths start from ``folder``."""
        self._folder = folder

    @model_validator(mode="after")
    def _one_moment(self) -> Job:
        if self.portfolio.size_at == "open" and self.execution.fill == "close":
            raise ValueError(
                'portfolio.size_at = "open" cannot go with execution.fill = "close": the close comes first'
            )
        return self

    @property
    def slippages(self) -> list[Slippage]:
        """The job's slippage, and those of its instruments."""
        own = [instrument.slippage for instrument in self.instruments]
        return [self.execution.slippage, *(slippage for slippage in own if slippage is not None)]

    @property
    def spread_column(self) -> str | None:
        """The column of the data that quoted spreads are in."""
        return next((s.column for s in self.slippages if isinstance(s, HalfSpread) and s.column is not None), None)

    @model_validator(mode="after")
    def _spread_is_read(self) -> Job:
        columns = {s.column for s in self.slippages if isinstance(s, HalfSpread) and s.column is not None}
        if len(columns) > 1:
            raise ValueError(f"slippage reads one column of spreads, not {len(columns)}: {', '.join(sorted(columns))}")
        for column in columns:
            if column not in self.data.columns_read:
                raise ValueError(f"slippage reads the column {column!r}: add it to data.columns")
        return self

    @model_validator(mode="after")
    def _one_market(self) -> Job:
        made = self.simulator
        if made is not None and not made.needs_history and self.data != DataSettings(timeframes=self.data.timeframes):
            raise ValueError("[simulator] makes this job's market, and nothing in it needs history: remove [data]")
        if made is None and self.sweep is not None and self.sweep.monte_carlo is not None:
            raise ValueError("[sweep.monte_carlo] runs over simulated markets: add [simulator]")
        return self

    @classmethod
    def parse(cls, fields: Mapping[str, Any], *, file: str | None = None) -> Job:
        """A job from nested mappings, or a ``JobError`` that names the first wrong field and how to mend it."""
        return parse(cls, fields, file=file)

    @classmethod
    def load(cls, path: str | Path, *, overrides: Iterable[str] = ()) -> Job:
        """A job from a TOML file, after ``section.field=value`` overrides."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise JobError("no such job file; give the path of a TOML file", file=str(path)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise JobError(f"cannot be read as UTF-8 text: {error}", file=str(path)) from None
        try:
            fields = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise JobError(f"is not valid TOML: {error}", file=str(path)) from None
        for override in overrides:
            override_field(fields, override)
        job = cls.parse(fields, file=str(path))
        job.come_from(path.parent)
        return job

    @property
    def reads_files(self) -> bool:
        """Whether its market needs those in ``data``."""
        return self.simulator is None or self.simulator.needs_history

    @property
    def year(self) -> float:
        """Sessions in a year, for annualising."""
        if self.performance.periods_per_year is not None:
            return self.performance.periods_per_year
        made = self.simulator
        if made is None or self.reads_files:
            return sessions_per_year(self.data.calendar)
        return DAYS_PER_YEAR if made.calendar is None else sessions_per_year(made.calendar)

    def on_calendar(self, calendar: str | None) -> Job:
        """This job with the calendar of its dataset, where it names none itself."""
        if calendar is None or self.data.calendar is not None:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"calendar": calendar})})

    def plain(self) -> dict[str, Any]:
        """The job as plain values, fit for JSON and for ``parse``."""
        return self.model_dump(mode="json")

    def rules(self, layout: Layout) -> r.Rules:
        """The job's numbers as step functions read them."""
        record = np.zeros(1, dtype=r.RULES)
        rules = record[0]
        portfolio, execution = self.portfolio, self.execution
        rules["assets"], rules["rows"], rules["daily"] = layout.assets, layout.rows, layout.daily
        set_account(rules, self.portfolio, layout.assets, self.year)
        rules["fill_at_close"] = execution.fill == "close"
        rules["path"], rules["trail_by_close"] = r.PATHS.index(execution.path), execution.trail_by == "close"
        rules["volume_cap"], rules["wait_for_volume"] = execution.volume_cap or 0.0, execution.no_volume == "wait"
        custom = Custom(
            portfolio.lot,
            portfolio.interest.borrow,
            portfolio.currency,
            portfolio.rates,
            execution.slippage,
            execution.commission,
        )
        lines = instruments_of(self.instruments, layout.symbols, custom)
        models = lines["slippage_model"]
        rules["has_futures"] = bool(lines["settles"].any())
        rules["capped"] = (
            execution.volume_cap is not None
            or execution.no_volume == "wait"
            or bool((models == SlippageModel.VOLUME_SHARE).any())
        )
        rules["slippage_follows_market"] = bool(
            np.isin(models, (SlippageModel.SPREAD_SEEN, SlippageModel.SQUARE_ROOT)).any()
        )
        slippages = self.slippages
        rules["lookback_rows"] = max((getattr(slippage, "lookback", 0) for slippage in slippages), default=0)
        by_hand = lines["tiers"].any() or bool((lines["fee_model"] == FeeModel.MAKER_TAKER).any())
        rules["has_financing"] = bool(rules["cash_rate"] or rules["debit_rate"] or lines["borrow"].any())
        rules["has_corporate_actions"] = any(name in layout.columns for name in EVENTS)
        foreign = bool((lines["rate_of"] >= 0).any())
        rules["costs_follow_market"] = rules["slippage_follows_market"] or rules["has_corporate_actions"] or foreign
        rules["no_row_skipped"] = (
            rules["costs_follow_market"]
            or rules["has_financing"]
            or rules["checks_account"]
            or portfolio.limits.turnover is not None
        )
        special = rules["no_row_skipped"] or rules["limited"] or not lines["traded"].all()
        rules["needs_order_lists"] = portfolio.exits != Exits() or rules["capped"] or by_hand or special
        return r.Rules(record, lines, self.spread_column)
