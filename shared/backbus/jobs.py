"""What a user submits: a job, as TOML or as Python, checked whole before anything runs.

A job is data: it names files and a strategy, and holds every setting that can change a result. ``Job.load`` reads a
file, ``Job.parse`` a mapping; both raise ``JobError`` naming the field and how to mend it.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from backbus.errors import JobError
from backbus.market import rules as r
from backbus.market.panel import CARRIED, FIELDS, Layout
from backbus.market.timeframes import MADE, bar_size, timeframe
from backbus.market.years import DAYS_PER_YEAR, sessions_per_year
from backbus.markets import SimulatorSettings
from backbus.searches import SweepSettings
from backbus.section import Section

Fields = TypeVar("Fields", bound=BaseModel)
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]


MOST_COLUMNS, COLUMN_LENGTH = 256, 100
EVENTS = ("split", "dividend")
SETTLED = ("header", "stamps", "timezone", "repair")
"""Settings of how files are read: what is in a dataset has been."""


class Repair(Section):
    """What to do about each kind of bad bar: ``refuse`` ends the job with file and line, the others are reported."""

    duplicates: Literal["refuse", "first", "last"] = "refuse"
    unsorted: Literal["refuse", "sort"] = "refuse"
    missing: Literal["refuse", "hole"] = "refuse"
    """An empty or unreadable price. ``hole``: the bar did not trade."""
    negative: Literal["refuse", "hole"] = "refuse"
    """A price that is zero or less, or a volume below zero."""
    impossible: Literal["refuse", "hole", "widen"] = "refuse"
    """High below low, or open or close outside them. ``widen``: high and low take in open and close."""
    zero_volume: Literal["keep", "refuse", "hole"] = "keep"
    """A bar in which nothing was traded, of an asset that has volumes."""
    outliers: Literal["keep", "refuse", "hole"] = "keep"
    """A close far from those around it: a wrong tick."""
    intervals: Literal["keep", "refuse", "drop"] = "keep"
    """A bar that comes sooner than others of its asset do: of a shorter interval."""
    clock: Literal["refuse", "shift", "drop"] = "refuse"
    """A time that the zone's clock skips or repeats. ``shift``: the first instant after a skipped hour; of a repeated
    one, the first or second as the order of bars tells."""
    future: Literal["refuse", "keep", "drop"] = "refuse"
    """A bar that begins after today."""
    outlier_z: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    """How far: in robust deviations of the 10 closes around it."""


class DataSettings(Section):
    """Where prices come from and how they are read."""

    files: tuple[str, ...] = Field(default=(), description="files, folders or globs, relative to the job file")
    dataset: str | None = None
    """A name in the catalog, in place of files."""
    query: str | None = None
    """SQL whose rows are bars, in place of files."""
    database: str | None = None
    """The DuckDB or SQLite file that is asked, relative to the job file; none where the query names files itself."""
    header: tuple[str, ...] | None = None
    """Names of the columns of CSV files whose first line is a bar."""
    symbols: tuple[str, ...] | None = None
    """Which assets to use, in this order; all, by name, where left out."""
    columns: tuple[str, ...] = ()
    """Further columns of numbers that strategies read: ``bars["rate"]``."""
    bars: str | None = None
    """What bars to make of trades, quotes or shorter bars: ``5m``, ``1d``, ``500 ticks``, ``1e6 volume`` or ``5e7
    dollars``."""
    timeframes: tuple[str, ...] = ()
    """Longer bars that strategies read beside those of the run: ``bars.every("1w")``."""
    adjust: Literal["none", "adj_close", "splits", "total_return", "events"] = "none"
    """``splits``, ``total_return``: by the data's splits, and dividends. ``events``: raw prices, and the columns
    ``split`` and ``dividend`` beside them."""
    start: date | datetime | None = None
    """First row that is traded (inclusive)."""
    end: date | datetime | None = None
    """Last row (inclusive; a date means all of that day)."""
    warmup: int | None = Field(default=None, ge=0)
    """Rows read before ``start`` for indicators; all there are, where left out."""
    stamps: Literal["start", "end"] = "start"
    """What timestamps mark. Date-only bars always end at the session's close."""
    timezone: str | None = None
    """Zone of timestamps that carry none; UTC where left out."""
    calendar: str | None = None
    """An exchange_calendars name such as XNYS: date-only bars then end at its closes."""
    align: bool = False
    """Whether rows are those of the calendar: none outside its sessions, and one for each bar of a session."""
    repair: Repair = Repair()
    holes: Literal["leave", "drop", "carry"] = "leave"
    """Rows in which an asset has no bar, between its first and last. ``drop``: no asset has the row. ``carry``: the
    last close stands in it, with no volume, and the column ``carried`` is 1."""

    @field_validator("files", "symbols", "columns", "timeframes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _distinct(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or len(set(value)) < len(value)):
            raise ValueError("name each symbol once, and at least one")
        return value

    @property
    def named(self) -> bool:
        """Whether it names where prices come from."""
        return bool(self.files or self.dataset or self.query)

    @property
    def columns_read(self) -> tuple[str, ...]:
        """The further columns that strategies read."""
        events = EVENTS if self.adjust == "events" else ()
        return (*self.columns, *(name for name in events if name not in self.columns))

    @property
    def columns_of_files(self) -> tuple[str, ...]:
        """The further columns that files must have: all but those that filling holes and making bars make."""
        return tuple(name for name in self.columns_made if name not in MADE or self.bars is None)

    @property
    def headers_read(self) -> tuple[str, ...]:
        """The further columns that are found by their own names; those of actions have many."""
        return tuple(name for name in self.columns_of_files if self.adjust != "events" or name not in EVENTS)

    @property
    def columns_made(self) -> tuple[str, ...]:
        """The further columns of bars that are made: all but the mark that filling holes makes."""
        return tuple(name for name in self.columns_read if name != CARRIED or self.holes != "carry")

    @model_validator(mode="after")
    def _one_source(self) -> DataSettings:
        sources = [name for name in ("files", "dataset", "query") if getattr(self, name)]
        if len(sources) > 1:
            raise ValueError(f"{sources[0]} and {sources[1]} cannot both be given: prices come from one of them")
        if self.database is not None and self.query is None:
            raise ValueError("database is missing its query: which of its rows are bars?")
        if self.adjust == "events" and self.bars is not None:
            raise ValueError('adjust = "events" goes with bars as they are: a longer bar may hold several actions')
        if self.align and self.calendar is None and self.dataset is None:
            raise ValueError("align needs a calendar: which one, for example XNYS?")
        if self.dataset is not None:
            default = DataSettings()
            settled = [name for name in SETTLED if getattr(self, name) != getattr(default, name)]
            if settled:
                raise ValueError(f"{settled[0]} is settled when a dataset is imported: remove it here")
        return self

    @field_validator("columns")
    @classmethod
    def _of_their_own(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not name or len(name) > COLUMN_LENGTH or name in ("end", "session", *FIELDS) or ":" in name:
                raise ValueError(f"{name!r} is no name of a further column")
        if len(set(value)) < len(value) or len(value) > MOST_COLUMNS:
            raise ValueError(f"name each column once, and at most {MOST_COLUMNS}")
        return value

    @field_validator("bars")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None:
            bar_size(value)
        return value

    @field_validator("timeframes")
    @classmethod
    def _lengths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            timeframe(text)
        if len(set(value)) < len(value):
            raise ValueError("name each timeframe once")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            import zoneinfo

            try:
                zoneinfo.ZoneInfo(value)
            except (zoneinfo.ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"unknown time zone {value!r}; use a name like America/New_York") from None
        return value


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


class NoSlippage(Section):
    """Orders fill at the market's price."""

    model: Literal["none"]


class BasisPointsSlippage(Section):
    """Orders fill worse by basis points of the price."""

    model: Literal["bps"]
    bps: Annotated[float, Field(ge=0, lt=10_000, allow_inf_nan=False)]


class HalfSpread(Section):
    """Orders fill worse by half of a quoted spread, in price units."""

    model: Literal["half_spread"]
    spread: NonNegative


Slippage = Annotated[NoSlippage | BasisPointsSlippage | HalfSpread, Field(discriminator="model")]


class NoCommission(Section):
    """Trading is free."""

    model: Literal["none"]


class PerShare(Section):
    """A fee per share, with a floor and a ceiling per order."""

    model: Literal["per_share"]
    fee: NonNegative
    minimum: NonNegative = 0.0
    maximum: NonNegative | None = None

    @model_validator(mode="after")
    def _in_order(self) -> PerShare:
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"maximum ({self.maximum}) is below minimum ({self.minimum})")
        return self


class PerOrder(Section):
    """One fee for each order that fills."""

    model: Literal["per_order"]
    fee: NonNegative


class BasisPointsCommission(Section):
    """A fee in basis points of the traded value."""

    model: Literal["bps"]
    bps: Annotated[float, Field(ge=0, lt=10_000, allow_inf_nan=False)]


Commission = Annotated[NoCommission | PerShare | PerOrder | BasisPointsCommission, Field(discriminator="model")]


class ExecutionSettings(Section):
    """When orders fill and what filling costs."""

    fill: Literal["open", "close"] = "open"
    """``open``: at the next bar's open. ``close``: at the close that decided them; the report says so."""
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
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            raise _first_mistake(error, file) from None

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

    def rules(self, layout: Layout) -> np.ndarray[Any, np.dtype[np.void]]:
        """The job's numbers as step functions read them: one ``RULES`` record."""
        record = np.zeros(1, dtype=r.RULES)
        rules = record[0]
        portfolio, sizing = self.portfolio, self.portfolio.sizing
        rules["assets"] = layout.assets
        rules["cash"], rules["lot"], rules["leverage"] = portfolio.cash, portfolio.lot, portfolio.leverage
        rules["shorts"] = portfolio.shorts
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
        rules["fill_at_close"] = self.execution.fill == "close"
        match self.execution.slippage:
            case NoSlippage():
                rules["slippage_model"] = r.NO_SLIPPAGE
            case BasisPointsSlippage(bps=bps):
                rules["slippage_model"], rules["slippage"] = r.BASIS_POINTS_SLIPPAGE, bps / 10_000.0
            case HalfSpread(spread=spread):
                rules["slippage_model"], rules["slippage"] = r.HALF_SPREAD, spread / 2.0
        match self.execution.commission:
            case NoCommission():
                rules["fee_model"] = r.NO_FEE
            case PerShare(fee=fee, minimum=minimum, maximum=maximum):
                rules["fee_model"], rules["fee"] = r.PER_SHARE, fee
                rules["fee_minimum"], rules["fee_maximum"] = minimum, math.inf if maximum is None else maximum
            case PerOrder(fee=fee):
                rules["fee_model"], rules["fee"] = r.PER_ORDER, fee
            case BasisPointsCommission(bps=bps):
                rules["fee_model"], rules["fee"] = r.BASIS_POINTS_FEE, bps / 10_000.0
        return record


def parse_section(model: type[Fields], fields: Mapping[str, Any], name: str) -> Fields:
    """A section of a job by itself, or a ``JobError`` that names the first wrong field as a job's would."""
    try:
        return model.model_validate(dict(fields))
    except ValidationError as error:
        raise _first_mistake(error, None, (name,)) from None


def override_field(fields: dict[str, Any], assignment: str) -> None:
    """Set what ``section.field=value`` says in a job's fields; JobError where it cannot be read."""
    name, equals, text = assignment.partition("=")
    name, text = name.strip(), text.strip()
    if not equals or not name or not text:
        raise JobError(f"--set wants section.field=value, not {assignment!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *tables, last = name.split(".")
    table = fields
    for step in tables:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            raise JobError(f"--set {assignment}: {step!r} is a value, not a table", field=name)
    table[last] = value


def _known_fields(path: tuple[str | int, ...]) -> list[str]:
    models: list[Any] = [Job]
    for part in path:
        if isinstance(part, int):
            continue
        # One of several models is named by its tag.
        tagged = [model for model in models if len(models) > 1 and _tag(model) == part]
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        models = tagged or [model for field in fields for model in _models(field.annotation)]
    return list(models[0].model_fields) if len(models) == 1 else []


def _models(annotation: Any) -> list[Any]:
    """All models that an annotation names, those of lists and of alternatives too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _tag(model: Any) -> str | None:
    """What tells a model from its alternatives."""
    fields = [model.model_fields[name] for name in ("model", "scenario") if name in model.model_fields]
    return get_args(fields[0].annotation)[0] if fields else None


def _first_mistake(error: ValidationError, file: str | None, within: tuple[str, ...] = ()) -> JobError:
    mistakes = error.errors(include_url=False)
    mistake = next((m for m in mistakes if m["type"] == "extra_forbidden"), mistakes[0])
    location = (*within, *mistake["loc"])
    field = ".".join(str(part) for part in location)
    message = mistake["msg"].removeprefix("Value error, ")
    match mistake["type"]:
        case "extra_forbidden":
            known = _known_fields(location[:-1])
            close = difflib.get_close_matches(str(location[-1]), known, n=1)
            message = "there is no such setting; " + (
                f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}" if known else "remove it"
            )
        case "missing":
            message = "is missing; add it"
        case "union_tag_not_found":
            message = "needs a model, for example { model = ... }: " + str(mistake.get("ctx", {}).get("discriminator"))
        case "union_tag_invalid":
            message = f"unknown model; choose one of {mistake.get('ctx', {}).get('expected_tags')}"
        case _:
            shown = repr(mistake.get("input"))
            if location and len(shown) <= 80:
                message += f" (it is {shown})"
    return JobError(message, field=field or None, file=file)
