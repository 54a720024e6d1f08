"""What a user submits: a job, as TOML or as Python, checked whole before anything runs.

A job is data: it names files and a strategy, and holds every setting that can change a result. ``Job.load`` reads a
file, ``Job.parse`` a mapping; both raise ``JobError`` naming the field and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from backbus.errors import JobError, UsageError
from backbus.job.axes import Choices
from backbus.job.costs import ExecutionSettings, HalfSpread, Slippage
from backbus.job.data import DataSettings
from backbus.job.file import read_job_file
from backbus.job.instruments import Instrument
from backbus.job.own_models import OwnModel, OwnSlippage, OwnUse, UserFunction, swept_uses
from backbus.job.parsing import NOWHERE, ClassOfModels, mistakes_in, parse
from backbus.job.performance import PerformanceSettings
from backbus.job.places import JobOrigin
from backbus.job.portfolio import PortfolioSettings
from backbus.job.section import Positive, Section
from backbus.job.simulator import SimulatorSettings
from backbus.job.sweep import SweepSettings
from backbus.kinds import MAPPING, PATH, TEXT, ArgumentKind, takes
from backbus.market.years import DAYS_PER_YEAR, sessions_per_year

OVERRIDES = ArgumentKind(
    "a list of texts, each setting=value",
    lambda one: isinstance(one, Iterable) and not isinstance(one, str | Mapping) and all(map(TEXT.fits, one)),
)


class StrategySettings(BaseModel):
    """Which strategy, and its parameters beside it: ``use = "SmaCross"`` or ``use = "my_file.py:MyClass"``."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(min_length=1)

    @property
    def params(self) -> dict[str, Any]:
        """The strategy's own parameters, by name."""
        return dict(self.model_extra or {})


class RunSettings(Section):
    """How a run is carried out; nothing here changes a result."""

    block: int | None = Field(default=None, ge=1)
    """Rows per block; chosen by the number of assets where left out."""
    window: int | None = Field(default=None, ge=1)
    """Rows that the source may be ahead of its slowest reader."""
    stall_s: Positive = 60.0
    """An attempt without progress for this long is ended."""
    max_attempts: int = Field(default=10, ge=1, le=1000)
    memory_mib: int = Field(default=4096, ge=16, le=1 << 24)
    """What the strategy's process may take beyond what it has when the run begins; on a stack."""
    predict: bool = True
    """Whether members of a stack work out what others will say and compare it, in place of waiting for it."""


class ToldInOneError(ClassOfModels):
    """The class of ``Job``: made by hand with something that is wrong, it raises what ``parse`` raises."""

    def __call__(self, *positional: Any, **fields: Any) -> Any:
        """A job of its fields. Raises JobError."""
        if positional:
            raise UsageError("Job takes fields by name: Job.parse makes one of a mapping, and Job.load of a file")
        try:
            return super().__call__(**fields)
        except ValidationError as error:
            raise JobError.of(mistakes_in(self, error, (), NOWHERE), None) from None


class Job(Section, metaclass=ToldInOneError):
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

    _functions: Mapping[str, UserFunction] = PrivateAttr(default_factory=dict)

    @property
    def functions(self) -> Mapping[str, UserFunction]:
        """What the names of the user's own models stand for; empty where nobody has brought it."""
        return self._functions

    def given(self, functions: Mapping[str, UserFunction]) -> Job:
        """This job with what the names of its own models stand for."""
        made = self.model_copy()
        made._functions = functions
        return made

    def own_models(self) -> Iterator[OwnUse]:
        """The places that name a function of the user's."""
        lines: list[tuple[str, ExecutionSettings | Instrument]] = [("execution", self.execution)]
        lines += [("instruments", line) for line in self.instruments]
        for table, line in lines:
            if isinstance(line.slippage, OwnModel):
                yield OwnUse("slippage", line.slippage.use, line.slippage.parameters, f"{table}.slippage.use")
            if isinstance(line.commission, OwnModel):
                yield OwnUse("commission", line.commission.use, line.commission.parameters, f"{table}.commission.use")
        sizing, margin = self.portfolio.sizing, self.portfolio.margin
        if isinstance(sizing, OwnModel):
            yield OwnUse("sizing", sizing.use, sizing.parameters, "portfolio.sizing.use")
        if margin is not None and margin.use is not None:
            yield OwnUse("margin", margin.use, margin.parameters, "portfolio.margin.use")

    def named_functions(self) -> Iterator[OwnUse]:
        """The same, and those that points of its sweep name."""
        yield from self.own_models()
        for path, axis in {} if self.sweep is None else self.sweep.axes.items():
            if isinstance(axis, Choices):
                yield from swept_uses(path, axis.values)

    @property
    def spread_columns(self) -> set[str]:
        """Columns of the data that slippage reads quoted spreads from."""
        read = (s.column for s in self.slippages if isinstance(s, HalfSpread | OwnSlippage))
        return {column for column in read if column is not None}

    @property
    def spread_column(self) -> str | None:
        """The column of the data that quoted spreads are in."""
        return next(iter(self.spread_columns), None)

    @model_validator(mode="after")
    def _spread_is_read(self) -> Job:
        columns = self.spread_columns
        if self.data.quotes and any(isinstance(s, HalfSpread) for s in self.slippages):
            raise ValueError(
                "orders fill at bid and ask (data.quotes), so half a spread on top would be paid twice: use another"
                " execution.slippage"
            )
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
        if made is not None and self.data.universe is not None:
            raise ValueError("data.universe is about the data's assets, and [simulator] makes others: remove it")
        if made is None and self.sweep is not None and self.sweep.monte_carlo is not None:
            raise ValueError("[sweep.monte_carlo] runs over simulated markets: add [simulator]")
        return self

    def __repr__(self) -> str:
        market = "simulated bars" if self.simulator is not None else "bars from files" if self.data.named else "no bars"
        search = "" if self.sweep is None else ", with a search"
        return f"<Job {self.name!r}: {self.strategy.use} on {market}{search}>"

    __str__ = __repr__

    @classmethod
    @takes(fields=MAPPING, file=TEXT)
    def parse(cls, fields: Mapping[str, Any], *, file: str | None = None) -> Job:
        """A job from nested mappings, or a ``JobError`` that names all that is wrong in it and how to mend it."""
        return parse(cls, fields, origin=JobOrigin(file))

    @classmethod
    @takes(path=PATH, text=TEXT, overrides=OVERRIDES)
    def load(cls, path: str | Path, *, overrides: Iterable[str] = (), text: str | None = None) -> Job:
        """A job from a TOML file, after ``section.field=value`` overrides; ``text`` is what stands in it, where that is
        known."""
        fields, origin = read_job_file(path, overrides, text)
        job = parse(cls, fields, origin=origin)
        job._origin = origin
        job.come_from(Path(path).parent)
        return job

    _origin: JobOrigin = PrivateAttr(default=NOWHERE)

    @property
    def origin(self) -> JobOrigin:
        """The file that it was read from, and where each of its settings stands in it."""
        return self._origin

    @property
    def reads_files(self) -> bool:
        """Whether its market needs those in ``data``."""
        return self.simulator is None or self.simulator.needs_history

    _spaced: float = PrivateAttr(default=0.0)

    def measured_by(self, sessions: float) -> Job:
        """This job over data that have so many sessions in a year, by their spacing; 0 where nobody has looked."""
        measured = self.model_copy()
        measured._spaced = sessions
        return measured

    def year_of(self, sessions: float) -> float:
        """Sessions in a year, for annualising, over data that have so many by their spacing."""
        if self.performance.periods_per_year is not None:
            return self.performance.periods_per_year
        return sessions or self._year_by_calendar

    @property
    def year(self) -> float:
        """Sessions in a year, for annualising."""
        return self.year_of(self._spaced)

    @property
    def _year_by_calendar(self) -> float:
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
