"""The ``[data]`` table of a job: where prices come from, how they are read, and what is done to them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from backbus.job.section import Moment, Section
from backbus.market.columns import CARRIED, FIELDS, MEMBER, NAMES, OWN_SESSION, QUOTES
from backbus.market.columns import EVENTS as ACTING
from backbus.market.date_forms import date_form
from backbus.market.timeframes import MADE, bar_size, timeframe

MOST_COLUMNS, COLUMN_LENGTH = 256, 100
EVENTS = ("split", "dividend")
SETTLED = (
    *("header", "names", "dates", "high_low", "decimal", "split_percent", "timezone", "repair", "calendars", "price"),
)
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
    actions: Literal["refuse", "keep", "drop"] = "refuse"
    """A split that prices deny: they are adjusted for it already, or it is the other way round. ``drop``: it is left
    out; ``keep``: it is used all the same."""
    stamps: Literal["refuse", "keep", "drop"] = "refuse"
    """A daily bar at a time unlike the others': of a day that is not over, most of the time. ``keep``: it is its day's
    bar."""
    future: Literal["refuse", "keep", "drop"] = "refuse"
    """A bar that begins after today."""
    outlier_z: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    """How far: in robust deviations of the 10 closes around it."""


class Dates(Section):
    """How dates are written, and what they mark."""

    form: str | None = None
    """The codes of ``strptime``, as ``%d.%m.%Y %H:%M``, or what a number counts: ``s``, ``ms``, ``us``, ``ns``,
    ``excel``; by the cells where left out."""
    marks: Literal["begin", "end", "session"] | None = None
    """What a stamp is of its bar. Where left out: of a day or more its session, of less its beginning."""

    @field_validator("form")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None:
            date_form(value)
        return value


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
    names: dict[str, str] = Field(default_factory=dict)
    """Which of a source's columns is which, where its own names do not tell: our column = theirs, as ``volume =
    "Volume BTC"``; an empty name says that there is none."""
    symbols: tuple[str, ...] | None = None
    """Which assets to use, in this order; all, by name, where left out."""
    columns: tuple[str, ...] = ()
    """Further columns of numbers that strategies read: ``bars["rate"]``."""
    quotes: bool = False
    """Whether the sources have quotes, alone or beside bars or trades of the same assets: orders then fill at bid and
    ask, and the eight columns ``bid_open`` to ``ask_close`` are there for strategies."""
    price: Literal["trade", "mid"] = "trade"
    """What bars are made of where there are both: trades, or the middle of bid and ask. The book is marked at their
    closes, and strategies see them."""
    bars: str | None = None
    """What bars to make of trades, quotes or shorter bars: ``5m``, ``1d``, ``500 ticks``, ``1e6 volume`` or ``5e7
    dollars``."""
    timeframes: tuple[str, ...] = ()
    """Longer bars that strategies read beside those of the run: ``bars.every("1w")``."""
    adjust: Literal["none", "adj_close", "splits", "total_return", "events"] = "none"
    """``splits``, ``total_return``: by the data's splits, and dividends. ``events``: raw prices, and the columns
    ``split`` and ``dividend`` beside them."""
    start: Moment = None
    """First row that is traded (inclusive)."""
    end: Moment = None
    """Last row (inclusive; a date means all of that day)."""
    warmup: int | None = Field(default=None, ge=0)
    """Rows read before ``start`` for indicators; all there are, where left out."""
    dates: Dates = Dates()
    """How dates are written, and whether a stamp is its bar's beginning, its end or its session."""
    high_low: Literal["open_close"] | None = None
    """What stands for high and low of bars that have neither: the higher and the lower of open and close."""
    decimal: Literal[".", ","] | None = None
    """What stands before the fraction of a number in text; by the cells where left out."""
    split_percent: Literal["added", "total"] | None = None
    """What a split of 300 % is: so much ``added`` to each share, 4 for 1, or in ``total``, 3 for 1."""
    timezone: str | None = None
    """Zone of timestamps that carry none; UTC where left out."""
    calendar: str | None = None
    """An exchange_calendars name such as XNYS: date-only bars then end at its closes."""
    calendars: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Calendars of some assets, by names or patterns with ``*`` and ``?``; the others have ``calendar``."""
    universe: str | None = None
    """A table of who is in the universe when, relative to the job file: symbol, from, to."""
    leaving: Literal["close", "keep"] = "close"
    """What becomes of a position in an asset that leaves the universe: closed, or kept until the strategy sells it."""
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

    @field_validator("calendars", mode="before")
    @classmethod
    def _one_or_many_each(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: (some,) if isinstance(some, str) else some for name, some in value.items()}

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
        quotes = QUOTES if self.quotes else ()
        return (*self.columns, *(name for name in (*events, *quotes) if name not in self.columns))

    @property
    def columns_of_files(self) -> tuple[str, ...]:
        """The further columns that files must have: all but those that filling holes and making bars make, and those of
        quotes."""
        made = {*(MADE if self.bars is not None else ()), *(QUOTES if self.quotes else ())}
        return tuple(name for name in self.columns_made if name not in made)

    @property
    def columns_of_panel(self) -> tuple[str, ...]:
        """The further columns that a panel file must have."""
        return (*self.columns_of_files, *(QUOTES if self.quotes else ()))

    @property
    def headers_read(self) -> tuple[str, ...]:
        """The further columns that are found by their own names; those of actions have many."""
        return tuple(name for name in self.columns_of_files if self.adjust != "events" or name not in EVENTS)

    @property
    def columns_made(self) -> tuple[str, ...]:
        """The further columns of bars that are made: all but the mark that filling holes makes."""
        return tuple(name for name in self.columns_read if name != CARRIED or self.holes != "carry")

    def of_panel(self, file: str) -> DataSettings:
        """What is left to ask of a panel file that these settings made."""
        adjust = "events" if self.adjust == "events" else "none"
        done = {"adjust": adjust, "align": False, "holes": "leave", "columns": self.columns_read}
        done |= {"names": {}, "dates": Dates(marks=self.dates.marks), "decimal": None, "high_low": None}
        done |= {"split_percent": None, "price": "trade", "universe": None, "leaving": "close", "calendars": {}}
        done |= {"calendar": None if self.calendars else self.calendar}
        return self.model_copy(
            update={"files": (file,), "dataset": None, "query": None, "database": None, "header": None, **done}
        )

    @model_validator(mode="after")
    def _one_source(self) -> DataSettings:
        sources = [name for name in ("files", "dataset", "query") if getattr(self, name)]
        if len(sources) > 1:
            raise ValueError(f"{sources[0]} and {sources[1]} cannot both be given: prices come from one of them")
        if self.database is not None and self.query is None:
            raise ValueError("database is missing its query: which of its rows are bars?")
        if self.adjust == "events" and self.bars is not None:
            raise ValueError('adjust = "events" goes with bars as they are: a longer bar may hold several actions')
        if self.price == "mid" and not self.quotes:
            raise ValueError('price = "mid" is of quotes: set quotes = true')
        if self.align and self.calendar is None and self.dataset is None and not self.calendars:
            raise ValueError("align needs a calendar: which one, for example XNYS?")
        if self.dataset is not None:
            default = DataSettings()
            settled = [name for name in SETTLED if getattr(self, name) != getattr(default, name)]
            if settled:
                raise ValueError(f"{settled[0]} is settled when a dataset is imported: remove it here")
        return self

    @model_validator(mode="after")
    def _members(self) -> DataSettings:
        if self.leaving != "close" and self.universe is None:
            raise ValueError("leaving is about a universe: name its table by data.universe")
        if self.universe is not None and MEMBER in self.columns:
            raise ValueError(f"the universe makes the column {MEMBER!r}: remove it from columns, it is read anyway")
        return self

    @model_validator(mode="after")
    def _own_sessions(self) -> DataSettings:
        if self.calendars and OWN_SESSION in self.columns:
            raise ValueError(f"calendars make the column {OWN_SESSION!r}: remove it from columns, it is read anyway")
        return self

    @model_validator(mode="after")
    def _act(self) -> DataSettings:
        acting = [name for name in ACTING if name in self.columns]
        if acting and self.adjust != "events":
            raise ValueError(f'the column {acting[0]!r} takes effect in a run: set adjust = "events"')
        return self

    @model_validator(mode="after")
    def _names_are_ours(self) -> DataSettings:
        for name in self.names:
            if name not in NAMES and name not in self.columns:
                raise ValueError(
                    f"names: {name!r} is no column of ours; known are {', '.join(NAMES)}, and those of data.columns"
                )
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
