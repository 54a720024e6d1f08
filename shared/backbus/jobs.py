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

from backbus.charges import Commission, HalfSpread, NoCommission, NoSlippage, Slippage
from backbus.errors import JobError
from backbus.history import DataSettings
from backbus.instruments import Custom, Instrument, instruments_of
from backbus.market import rules as r
from backbus.market.panel import EVENTS, Layout
from backbus.market.years import DAYS_PER_YEAR, sessions_per_year
from backbus.markets import SimulatorSettings
from backbus.parsing import override_field, parse
from backbus.searches import SweepSettings
from backbus.section import Section

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


class StrategySettings(BaseModel):
    """Which strategy, and its parameters beside it: ``use = "SmaCross"`` or ``use = "my_file.py:MyClass"``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(min_length=1)

    @property
    def params(self) -> dict[str, Any]:
        """The strategy's own parameters, by name."""
        return dict(self.model_extra or {})


class FixedQuantity(Section):
    """A number of shares or contracts per entry."""

    model: Literal["fixed_quantity"]
    quantity: Positive


class FixedCash(Section):
    """An amount of cash per entry."""

    model: Literal["fixed_cash"]
    cash: Positive


class PercentOfEquity(Section):
    """A percentage of equity per entry."""

    model: Literal["percent_of_equity"]
    percent: Percent


class TargetWeight(Section):
    """A share of equity per asset; every signal trades to it, entries and repetitions alike."""

    model: Literal["target_weight"]
    weight: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class EqualWeight(Section):
    """An equal share of equity for each asset of the panel."""

    model: Literal["equal_weight"]


class VolatilityTarget(Section):
    """Entries sized so that each asset's share of the risk is ``target`` / assets.

    weight = target / (assets × σ × √bars_per_year), at most ``max_weight``; σ is the sample deviation of the last
    ``lookback`` simple returns.
    """

    model: Literal["volatility_target"]
    target: Positive
    lookback: int = Field(default=20, ge=2, le=10_000)
    max_weight: Positive = 1.0
    bars_per_year: Positive | None = None
    """As many as sessions where left out."""


Sizing = Annotated[
    FixedQuantity | FixedCash | PercentOfEquity | TargetWeight | EqualWeight | VolatilityTarget,
    Field(discriminator="model"),
]


Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Exits(Section):
    """Orders that come with every entry of a signal, at shares of the price at which it filled."""

    take_profit: Positive | None = None
    """A limit order so far on the winning side: 0.1 is 10 %."""
    stop_loss: Share | None = None
    """A stop order so far on the losing side."""
    trail: Share | None = None
    """A trailing stop so far behind the best price."""


Limit = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=-1, le=10, allow_inf_nan=False)]


class Limits(Section):
    """What risk lets pass; orders that go beyond are cut or refused, and what only closes never is. Exposures count all
    accepted orders as filled."""

    gross: Limit | None = None
    """Sum of all positions' worth, long or short, as a multiple of equity."""
    net: Limit | None = None
    """Long less short worth, either way."""
    weight: Limit | None = None
    """Worth of one asset's position."""
    positions: Annotated[int, Field(ge=1)] | None = None
    """Assets held at a time."""
    turnover: Limit | None = None
    """Worth of all orders of one session."""
    drawdown: Share | None = None
    """Loss from the highest equity at which everything is closed, and nothing opened any more."""


class Margin(Section):
    """What a margin account must keep, and what is done where it does not."""

    maintenance: Share
    """Equity that must be kept, as a share of the worth of all positions, long and short."""
    call: Literal["pro_rata", "largest_first", "all"] = "pro_rata"
    """What a margin call closes until the initial margin (1 / leverage) holds again: the same share of every position,
    the largest positions first, or all."""


class Interest(Section):
    """What cash and positions bring and cost over time, as rates a year; booked at each new session for the calendar
    days since the one before."""

    cash: Rate = 0.0
    """On cash, less the worth of short positions."""
    debit: Rate = 0.0
    """On what is owed: as far as long positions exceed equity."""
    borrow: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.0
    """On the worth of short positions."""
    days: Literal[360, 365] = 360
    """Days of a year by which rates count: 360 on the money markets of most currencies, 365 in sterling."""


class PortfolioSettings(Section):
    """Capital, sizes and what the account may do."""

    cash: Positive = 100_000.0
    sizing: Sizing = PercentOfEquity(model="percent_of_equity", percent=100.0)
    size_at: Literal["close", "open"] = "close"
    """Whether a size is decided at the close that decided the order, or at the open that fills it."""
    lot: NonNegative = 1.0
    """Quantities are whole multiples of this; 0 allows any fraction."""
    shorts: bool = False
    leverage: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 1.0
    """Gross exposure that an order may bring about, as a multiple of equity."""
    exits: Exits = Exits()
    cash_buffer: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
    """Share of equity that sizes leave out: what is there for costs and gaps."""
    drift_band: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
    """Target weights that differ by less than this share of equity from what is held are not traded."""
    limits: Limits = Limits()
    margin: Margin | None = None
    interest: Interest = Interest()
    currency: Annotated[str, Field(min_length=1, max_length=20)] = "USD"
    """What cash and equity are counted in."""
    rates: dict[str, str] = Field(default={})
    """For each other currency the symbol whose price is what one unit of it is worth in the account's: ``EUR =
    "EURUSD"``, or ``JPY = "1/USDJPY"`` where it is the other way round."""

    @model_validator(mode="after")
    def _margin_account(self) -> PortfolioSettings:
        if self.margin is not None and self.margin.maintenance > 1.0 / self.leverage:
            raise ValueError(
                f"margin.maintenance ({self.margin.maintenance:g}) is above the initial margin, 1 / leverage = "
                f"{1.0 / self.leverage:g}: an account could be called for what it was just allowed"
            )
        return self


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
        portfolio, sizing, execution = self.portfolio, self.portfolio.sizing, self.execution
        rules["assets"], rules["rows"], rules["daily"] = layout.assets, layout.rows, layout.daily
        rules["cash"], rules["leverage"], rules["shorts"] = portfolio.cash, portfolio.leverage, portfolio.shorts
        rules["cash_only"] = not portfolio.shorts and portfolio.leverage == 1.0
        rules["sizing"] = r.SIZINGS.index(sizing.model)
        rules["size_at_open"] = portfolio.size_at == "open"
        match sizing:
            case FixedQuantity():
                rules["size"] = sizing.quantity
            case FixedCash():
                rules["size"] = sizing.cash
            case PercentOfEquity():
                rules["size"] = sizing.percent / 100.0
            case TargetWeight():
                rules["size"] = sizing.weight
            case EqualWeight():
                rules["size"] = 1.0 / layout.assets
            case VolatilityTarget():
                rules["size"] = sizing.target / layout.assets
                rules["max_weight"], rules["bars_per_year"] = sizing.max_weight, sizing.bars_per_year or self.year
                rules["volatility_rows"] = sizing.lookback
        rules["fill_at_close"] = execution.fill == "close"
        rules["path"], rules["trail_by_close"] = r.PATHS.index(execution.path), execution.trail_by == "close"
        rules["volume_cap"], rules["wait_for_volume"] = execution.volume_cap or 0.0, execution.no_volume == "wait"
        exits = portfolio.exits
        rules["take_profit"], rules["stop_loss"] = exits.take_profit or 0.0, exits.stop_loss or 0.0
        rules["trailing_loss"] = exits.trail or 0.0
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
        rules["settles"] = bool(lines["settles"].any())
        rules["capped"] = (
            execution.volume_cap is not None or execution.no_volume == "wait" or bool((models == r.VOLUME_SHARE).any())
        )
        rules["each_row"] = bool(np.isin(models, (r.SPREAD_SEEN, r.SQUARE_ROOT)).any())
        slippages = self.slippages
        rules["tape_rows"] = max((getattr(slippage, "lookback", 0) for slippage in slippages), default=0)
        by_hand = lines["tiers"].any() or bool((lines["fee_model"] == r.MAKER_TAKER).any())
        rules["buffer"], rules["band"] = portfolio.cash_buffer, portfolio.drift_band
        interest, limits = portfolio.interest, portfolio.limits
        rules["cash_rate"], rules["debit_rate"], rules["year_days"] = interest.cash, interest.debit, interest.days
        rules["carries"] = bool(interest.cash or interest.debit or lines["borrow"].any())
        rules["acts"] = any(name in layout.columns for name in EVENTS)
        if portfolio.margin is not None:
            rules["maintenance"] = portfolio.margin.maintenance
            rules["call_rule"] = r.CALL_RULES.index(portfolio.margin.call)
        named = ("gross", "net", "weight", "positions", "turnover", "drawdown")
        for name in named:
            limit = getattr(limits, name)
            rules[f"{name}_limit"] = np.inf if limit is None else limit
        rules["limited"] = any(getattr(limits, name) is not None for name in named[:-1])
        rules["checks"] = portfolio.margin is not None or limits.drawdown is not None
        foreign = bool((lines["rate_of"] >= 0).any())
        rules["observes"] = rules["each_row"] or rules["acts"] or foreign
        rules["stepwise"] = rules["observes"] or rules["carries"] or rules["checks"] or limits.turnover is not None
        special = rules["stepwise"] or rules["limited"] or not lines["traded"].all()
        rules["lists"] = exits != Exits() or rules["capped"] or by_hand or special
        return r.Rules(record, lines, self.spread_column)
