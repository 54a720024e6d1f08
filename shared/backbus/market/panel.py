"""All rows × all assets of a market, as every part of backbus sees prices.

A panel is read-only. A hole (an asset that did not trade in a row) is NaN in all five fields, never a filled-in price.
Rows are the UTC instants at which their bars end, strictly increasing, all bars of one interval, or of none where
their ends follow from what was traded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from backbus.market.columns import FIELDS
from backbus.market.timeframes import DAY_NS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


_TOLD = 5
"""Assets that are named where a panel is told of; of others how many there are."""


def _named(symbols: tuple[str, ...]) -> str:
    more = f" and {len(symbols) - _TOLD} more" if len(symbols) > _TOLD else ""
    return f"{', '.join(symbols[:_TOLD]) or 'no assets'}{more}"


def _period(session: Ints) -> str:
    """From the first session to the last, as dates."""
    if not len(session):
        return ""
    first, last = session[[0, -1]].astype("M8[D]")
    return f", {first} to {last}"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a run must know of its panel before the first row: nothing in it tells the future.

    ``rows`` counts all rows, the ``warmup`` rows before the first one that is traded included.
    """

    symbols: tuple[str, ...]
    rows: int
    warmup: int
    interval_ns: int
    """0 where bars have no length of time in common."""
    columns: tuple[str, ...] = ()
    """Names of what else is known of each bar, which strategies can read."""
    timezone: str | None = None
    """The clock by which days end; UTC where there is none, and of dates."""
    calendar: str | None = None
    """The exchange_calendars name that sessions follow."""
    timeframes: tuple[str, ...] = ()
    """Longer bars that strategies can read."""
    bars: str | None = None
    """What its bars were made to be, where they were made of trades or of shorter bars."""
    calendars: tuple[str, ...] = ()
    """[assets] the calendar of each, "" for none, where they have several; the column ``own_session`` is there then."""
    universe: str | None = None
    """Where a universe says which assets may be traded, in the column ``member``: one of ``LEAVING``."""
    year: float = field(default=0.0, compare=False)
    """Sessions in a year; 0 where nobody has looked."""
    bars_per_session: float = field(default=1.0, compare=False)
    """In the median."""
    bars_per_year: tuple[float, ...] = field(default=(), compare=False)
    """[assets] where they have several calendars: bars of each in a year."""
    year_because: str = field(default="", compare=False)
    """Where these are from, in words."""
    read: tuple[str, ...] = field(default=(), compare=False)
    """How its sources were read: which column was taken for what, and what stamps mark; a sentence each."""

    def __repr__(self) -> str:
        return f"<Layout of {_named(self.symbols)}: {self.rows} rows, {self.warmup} of them warm-up>"

    @property
    def assets(self) -> int:
        """Number of assets, the second axis of every field."""
        return len(self.symbols)

    @property
    def daily(self) -> bool:
        """Whether bars are whole days, or longer."""
        return self.interval_ns > 0 and self.interval_ns % DAY_NS == 0

    def facts(self) -> dict[str, Any]:
        """As plain values, fit for JSON and for ``of``."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """The layout that ``facts`` tell, among others. Raises KeyError, TypeError or ValueError."""
        zone, calendar, bars, universe = (
            None if facts.get(name) is None else str(facts[name])
            for name in ("timezone", "calendar", "bars", "universe")
        )
        return cls(
            tuple(facts["symbols"]),
            int(facts["rows"]),
            int(facts["warmup"]),
            int(facts["interval_ns"]),
            tuple(facts["columns"]),
            zone,
            calendar,
            tuple(facts["timeframes"]),
            bars,
            tuple(str(name) for name in facts.get("calendars", ())),
            universe,
            float(facts.get("year", 0.0)),
            float(facts.get("bars_per_session", 1.0)),
            tuple(float(count) for count in facts.get("bars_per_year", ())),
            str(facts.get("year_because", "")),
            tuple(str(sentence) for sentence in facts.get("read", ())),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a panel, beginning at ``first_row``."""

    first_row: int
    end: Ints
    """[rows] UTC instant at which the row's bars end, in nanoseconds since 1970."""
    session: Ints
    """[rows] the trading session that the row belongs to, in days since 1970."""
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    """Each [rows, assets], C-contiguous float64, NaN in a hole."""
    extra: Mapping[str, Floats] = field(default_factory=dict, kw_only=True)
    """What else is known of each bar, by the layout's ``columns`` in their order; [rows, assets] like the fields."""
    frames: Mapping[str, Ints] = field(default_factory=dict, kw_only=True)
    """[rows] the UTC instant at which the longer bar ends that a row belongs to, by the layout's ``timeframes``."""

    def __repr__(self) -> str:
        return f"<Block of {len(self)} rows from row {self.first_row}{_period(self.session)}>"

    @classmethod
    def of(
        cls,
        first_row: int,
        end: Ints,
        session: Ints,
        fields: Mapping[str, Floats],
        extra: Mapping[str, Floats],
        frames: Mapping[str, Ints] | None = None,
    ) -> Self:
        """A block of fields by name."""
        return cls(first_row, end, session, *(fields[name] for name in FIELDS), extra=extra, frames=frames or {})

    def __len__(self) -> int:
        return len(self.end)

    def rows(self, start: int, stop: int) -> Block:
        """Rows ``start`` to ``stop`` counted from this block's first; views, no copies."""
        return Block(
            self.first_row + start,
            self.end[start:stop],
            self.session[start:stop],
            *(getattr(self, name)[start:stop] for name in FIELDS),
            extra={name: column[start:stop] for name, column in self.extra.items()} if self.extra else self.extra,
            frames={name: ends[start:stop] for name, ends in self.frames.items()} if self.frames else self.frames,
        )

    def take(self, rows: Ints) -> Block:
        """Rows by their places in this block; copies. They are numbered on from the first."""
        return Block.of(
            self.first_row,
            self.end[rows],
            self.session[rows],
            {name: getattr(self, name)[rows] for name in FIELDS},
            {name: column[rows] for name, column in self.extra.items()},
            {name: ends[rows] for name, ends in self.frames.items()},
        )

    def column(self, name: str) -> Floats:
        """One of the fields, or of what else is known, [rows, assets]. Raises KeyError."""
        found: Floats = getattr(self, name) if name in FIELDS else self.extra[name]
        return found

    def cells(self) -> dict[str, Floats]:
        """All fields and what else is known, by name."""
        return {**{name: getattr(self, name) for name in FIELDS}, **self.extra}


@dataclass(frozen=True, slots=True)
class Panel:
    """A whole market in memory (or memory-mapped): its layout and its rows as one block.

    ``notes`` are the findings of whoever made the panel (repaired bars, warnings), one sentence each.
    """

    layout: Layout
    block: Block
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        return f"<Panel of {_named(self.symbols)}: {len(self)} rows{_period(self.block.session)}>"

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the second axis."""
        return self.layout.symbols

    def __len__(self) -> int:
        return self.layout.rows

    @property
    def ends(self) -> Ints:
        """[rows] when rows end."""
        return self.block.end

    def part(self, start: int, stop: int) -> Block:
        """Rows ``start`` to ``stop``; views."""
        return self.block.rows(start, stop)

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows in blocks of ``size``; the last one may be shorter."""
        for start in range(0, len(self), size):
            yield self.block.rows(start, min(start + size, len(self)))


class Source(Protocol):
    """A market that is read in order: a panel, or one that is made as it is read."""

    @property
    def layout(self) -> Layout:
        """What is known before the first row."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Findings of whoever made it."""
        ...

    def __len__(self) -> int:
        """All rows."""
        ...

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows in blocks of ``size``, from the first one on; the last block may be shorter."""
        ...


def whole(source: Source) -> Panel:
    """All rows of a source in memory."""
    if isinstance(source, Panel):
        return source
    (block,) = source.blocks(len(source))
    return Panel(source.layout, block, source.notes)


def session_date(session: int) -> str:
    """A session as an ISO date."""
    return str(np.datetime64(int(session), "D"))


def instant_text(instant: int) -> str:
    """Nanoseconds since 1970 as a date and time, as short as they can be told."""
    text = str(np.datetime64(int(instant), "ns")).replace("T", " ").rstrip("0").rstrip(".")
    return text if "." in text else text.removesuffix(":00")


def row_text(end: int, session: int, layout: Layout) -> str:
    """When a row is: its session, or where rows may be parts of one the instant at which its bars end."""
    return session_date(session) if layout.interval_ns >= DAY_NS else f"{instant_text(end)} UTC"


def sessions_traded(panel: Panel) -> Ints:
    """[sessions] the sessions of a panel's traded rows, in days since 1970."""
    session = panel.block.session[panel.layout.warmup :]
    return np.asarray(session[np.flatnonzero(np.diff(session, prepend=session[:1] - 1))], dtype=np.int64)
