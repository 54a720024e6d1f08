"""A panel as one Arrow IPC file: written once, then memory-mapped by whoever needs it, without a copy.

Columns: ``end`` and ``session`` (int64), and for each field and further column a fixed-size list of float64, one
number per asset. Schema metadata: format version, symbols, warmup, interval_ns, columns, timezone, calendar, notes.
Uncompressed, one record batch.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.arrow_columns import numbers_of
from backbus.data.heard import Hear, Heard
from backbus.data.panels.actions import ACTIONS
from backbus.data.panels.adjust import ADVICE, UNADJUSTED, Actions, adjusted, adjusted_by
from backbus.data.panels.mapped import MappedPanel
from backbus.data.panels.ranges import check_range, choose_symbols, chosen_rows
from backbus.data.panels.sessions import session_ends
from backbus.data.panels.taken import refuse_adjusting
from backbus.data.readers.headers import ADJ_CLOSE
from backbus.errors import DataError, JobError, UsageError
from backbus.jit.arrays import read_only
from backbus.kinds import PANEL, PATH, TEXT, takes
from backbus.market.columns import FIELDS, LEAVING, MEMBER, OWN_SESSION, QUOTES
from backbus.market.panel import Block, Floats, Ints, Layout, Panel, session_date
from backbus.together import write_together

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

SUFFIX = ".arrow"
VERSION = 2
CHUNK_ROWS = 1 << 20
_KEY = b"backbus.panel"
_OF_EXTRA = "column:"


@takes(panel=PANEL, path=PATH)
def write_panel(panel: Panel, path: Path | str, *, sync: bool = True) -> None:
    """Write ``panel`` to ``path``; the file appears whole or not at all; without ``sync`` the disk has it later."""
    save_panel(panel, Path(path), sync=sync)


def save_panel(panel: Panel, path: Path, *, sync: bool, hear: Hear | None = None) -> None:
    """The same; ``hear`` is handed what is written, piece by piece, and may keep it."""
    import pyarrow as pa

    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path} is no place for a file: name one in a folder that is there")
    layout, block = panel.layout, panel.block
    facts = {
        "version": VERSION,
        "symbols": list(layout.symbols),
        "warmup": layout.warmup,
        "interval_ns": layout.interval_ns,
        "columns": list(layout.columns),
        "timezone": layout.timezone,
        "calendar": layout.calendar,
        "bars": layout.bars,
        "universe": layout.universe,
        "calendars": list(layout.calendars),
        "notes": list(panel.notes),
        "read": list(layout.read),
    }
    columns = [pa.array(block.end), pa.array(block.session)]
    for cells in block.cells().values():
        values = np.ascontiguousarray(cells, dtype=np.float64)
        # Through the buffer: as numbers NaN stays NaN, never an Arrow null.
        flat = pa.Array.from_buffers(pa.float64(), values.size, [None, pa.py_buffer(values.reshape(-1))])
        columns.append(pa.FixedSizeListArray.from_arrays(flat, layout.assets))
    names = ["end", "session", *FIELDS, *(_OF_EXTRA + name for name in layout.columns)]
    schema = pa.schema(
        list(zip(names, (column.type for column in columns), strict=True)), metadata={_KEY: json.dumps(facts)}
    )
    batch = pa.record_batch(columns, schema=schema)

    def write(part: Path) -> None:
        # Not cut to nothing, which it is: ext4 would wait for the disk at its close.
        with part.open("r+b") as file:
            with pa.ipc.new_file(file if hear is None else Heard(file, hear), schema) as writer:
                writer.write_batch(batch)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.chmod(0o644)  # other users' services read it, whatever this one's files are by default

    write_together(path.parent, {path.name: write})


def is_panel_file(path: Path) -> bool:
    """Whether an Arrow file is a panel, or is no file at all and had better be told so as one."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file:
            return _KEY in (pa.ipc.open_file(file).schema.metadata or {})
    except FileNotFoundError:
        return True
    except (OSError, pa.ArrowException):
        return False


@takes(path=PATH, name=TEXT)
def read_panel(path: Path | str, *, name: str | None = None) -> Panel:
    """The panel in ``path``; its arrays are read-only views of the mapped file. Raises as ``map_panel`` does."""
    return map_panel(path, name=name).panel


@takes(path=PATH, name=TEXT)
def map_panel(path: Path | str, *, name: str | None = None) -> MappedPanel:
    """The panel in ``path``, for a reader that lets go of what it has read.

    Raises ``DataError`` for a file that is missing or is not what ``write_panel`` writes. ``name`` is for messages.
    """
    import pyarrow as pa

    name = name or str(path)
    try:
        with Path(path).open("rb") as file:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.py_buffer(pages))
        facts = json.loads((reader.schema.metadata or {}).get(_KEY, b"null"))
        batch = reader.get_batch(0) if reader.num_record_batches == 1 else None
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"is not a panel file: {reason}", file=name) from None
    if not isinstance(facts, dict) or batch is None:
        raise DataError("is an Arrow file, but not a panel file of backbus", file=name)
    if facts.get("version") != VERSION:
        raise DataError(f"is a panel file of version {facts.get('version')}; this backbus reads {VERSION}", file=name)
    try:
        return MappedPanel(_panel(batch, facts), pages)
    except (ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise DataError(f"is a damaged panel file: {error}", file=name) from None


def _panel(batch: Any, facts: dict[str, Any]) -> Panel:
    """The panel of a record batch; ``ValueError`` where batch and facts do not agree."""
    import pyarrow as pa

    keys = ("symbols", "warmup", "interval_ns", "columns", "notes")
    symbols, warmup, interval_ns, names, notes = (facts[key] for key in keys)
    texts = [*symbols, *names, *notes]
    if not symbols or len(set(symbols)) < len(symbols) or not all(isinstance(text, str) for text in texts):
        raise ValueError("symbols and notes must be texts, and symbols distinct")
    rows, assets = batch.num_rows, len(symbols)
    if not (isinstance(warmup, int) and isinstance(interval_ns, int) and 0 <= warmup <= rows and interval_ns >= 0):
        raise ValueError(f"warmup {warmup!r} or interval {interval_ns!r} is impossible")
    cells = [*FIELDS, *(_OF_EXTRA + name for name in names)]
    wanted = {"end": pa.int64(), "session": pa.int64(), **dict.fromkeys(cells, pa.list_(pa.float64(), assets))}
    if batch.schema.names != list(wanted):
        raise ValueError(f"columns are {', '.join(batch.schema.names)}, not {', '.join(wanted)}")
    for column, kind in wanted.items():
        if batch.column(column).type != kind or batch.column(column).null_count:
            raise ValueError(f"column {column} is {batch.column(column).type}, not {kind} without nulls")
    batch.validate()
    end, session = (numbers_of(batch.column(column)) for column in ("end", "session"))
    fields = {column: _values(batch.column(column), rows, assets) for column in FIELDS}
    extra = {name: _values(batch.column(_OF_EXTRA + name), rows, assets) for name in names}
    zone, calendar, bars, universe = (facts.get(name) for name in ("timezone", "calendar", "bars", "universe"))
    if not all(text is None or isinstance(text, str) for text in (zone, calendar, bars)):
        raise ValueError("timezone, calendar and bars must be texts")
    if universe is not None and (universe not in LEAVING or MEMBER not in names):
        raise ValueError(f"a universe needs the column {MEMBER!r} and a rule for who leaves it, not {universe!r}")
    read = tuple(map(str, facts.get("read", ())))  # files of before do not tell
    layout = Layout(tuple(symbols), rows, warmup, interval_ns, tuple(names), zone, calendar, bars=bars, read=read)
    own = tuple(map(str, facts.get("calendars", ())))
    if own and (len(own) != assets or OWN_SESSION not in names):
        raise ValueError(f"calendars of {len(own)} assets need the column {OWN_SESSION!r}, and {assets} assets")
    layout = replace(layout, universe=universe, calendars=own)
    return Panel(layout, Block.of(0, end, session, fields, extra), tuple(notes))


def _values(column: Any, rows: int, assets: int) -> Floats:
    flat = column.flatten()
    if flat.null_count or len(flat) != rows * assets:
        raise ValueError(f"a field holds {len(flat)} numbers, not {rows} × {assets}")
    return numbers_of(flat).reshape(rows, assets)


class MappedSource:
    """The assets, rows and columns of a panel file that a job asks for: read in order, in blocks, as a ``Source``.

    Blocks are views of the file where they need not be changed. Nothing is read to open it, so it is while blocks are
    that a row is told which does not end after the one before it: ``DataError``.
    """

    def __init__(self, mapped: MappedPanel, settings: DataSettings, name: str) -> None:
        check_range(settings)
        self._mapped, self._name = mapped, name
        self._columns, self._adjust = settings.columns_of_panel, settings.adjust
        self._quotes = settings.quotes
        if mapped.panel.layout.universe is not None and MEMBER not in self._columns:
            self._columns = (*self._columns, MEMBER)
        if mapped.panel.layout.calendars:
            if settings.calendar is not None:
                says = "must be left out: its assets have calendars of their own, which were settled with the data"
                raise JobError(says, field="data.calendar")
            if OWN_SESSION not in self._columns:
                self._columns = (*self._columns, OWN_SESSION)
        if settings.calendars:
            says = f"cannot be said of {name}, whose rows are there: say it where its files are read"
            raise JobError(says, field="data.calendars")
        self._trusted = settings.repair.actions != "refuse"
        panel = mapped.panel
        layout, block = panel.layout, panel.block
        if len(panel) == 0:
            raise DataError("the panel has no rows", file=name)
        if settings.timezone is None:  # limits are told by the clock that the dataset was read by
            settings = settings.model_copy(update={"timezone": layout.timezone})
        if settings.align:  # rows before the first one that is traded are counted when they are aligned
            settings = settings.model_copy(update={"warmup": None})
        symbols: tuple[str, ...] = layout.symbols
        self._assets: list[int] | None = None
        self._rows: Ints | None = None
        """The file's rows in which a chosen asset has a bar; None for all of them."""
        if settings.symbols is not None and settings.symbols != symbols:
            symbols = choose_symbols(set(layout.symbols), settings)
            self._assets = [layout.symbols.index(symbol) for symbol in symbols]
            if len(symbols) < layout.assets:
                self._rows = self._rows_of_chosen()
        ends, sessions, before = block.end, block.session, layout.warmup
        calendar = settings.calendar
        self._dates = layout.daily and layout.timezone is None and calendar not in (None, layout.calendar)
        if self._dates:  # days end when the job's calendar says, as those of files do
            ends = session_ends(sessions, calendar, None if settings.align else self._no_session)
        if self._rows is not None:
            ends, sessions = ends[self._rows], sessions[self._rows]
            before = int(np.searchsorted(self._rows, before))
        if not len(ends):
            raise JobError("the panel has no bar of the chosen assets", field="data.symbols")
        first, stop, warmup = chosen_rows(ends, sessions, layout.interval_ns, settings)
        if settings.start is None:
            warmup = min(before, stop)
            if settings.warmup is not None and settings.warmup < warmup:
                first, warmup = warmup - settings.warmup, settings.warmup
            if warmup >= stop - first:
                field, way = ("data.end", "") if settings.end else ("data", ": name a panel that goes on longer")
                raise JobError(f"all rows are the panel's own warm-up, and none is left to trade{way}", field=field)
        self._ends = ends
        self._check_columns()
        self._first = first
        advice = () if self._adjust == "none" else (ADVICE, UNADJUSTED)
        self.notes = tuple(note for note in panel.notes if not note.endswith(advice))
        self.layout = replace(
            layout,
            symbols=symbols,
            rows=stop - first,
            warmup=warmup,
            columns=self._columns,
            calendar=settings.calendar or layout.calendar,
            calendars=tuple(layout.calendars[layout.symbols.index(one)] for one in symbols) if layout.calendars else (),
        )

    def _check_columns(self) -> None:
        there = self._mapped.panel.layout.columns
        missing = [column for column in self._columns if column not in there and column not in self._made_up(there)]
        if missing:
            if missing[0] in QUOTES and self._quotes:
                raise JobError(f"{self._name} has no quotes; import its files with quotes = true", field="data.quotes")
            told = f"it has {', '.join(there)}" if there else "it has none of its own"
            raise JobError(f"{self._name} has no column {missing[0]!r}; {told}", field="data.columns")
        refuse_adjusting(self._adjust, there, self._name, there)

    def _no_session(self, row: int, message: str) -> DataError:
        return DataError(f"row {row}: {message}", file=self._name)

    def _rows_of_chosen(self) -> Ints | None:
        block, found = self._mapped.panel.block, []
        for start in range(0, len(block), CHUNK_ROWS):
            here = slice(start, start + CHUNK_ROWS)
            there = ~np.isnan(block.close[here, self._assets])
            for name in ACTIONS:
                if name in block.extra:
                    value = block.extra[name][here, self._assets]
                    there |= ~np.isnan(value) & (value != 0.0) & (value != 1.0)
            found.append(start + np.flatnonzero(there.any(axis=1)))
            self._mapped.release(start)
        rows = np.concatenate(found)
        return None if len(rows) == len(block) else rows

    def _raw(self, start: int, stop: int) -> Block:
        """The file's rows of all assets that are ``start`` to ``stop`` here."""
        block = self._mapped.panel.block
        if self._rows is None:
            return block.rows(self._first + start, self._first + stop)
        rows = self._rows[self._first + start : self._first + stop]
        return block.rows(int(rows[0]), int(rows[-1]) + 1).take(rows - rows[0])

    def _made_up(self, there: Collection[str]) -> list[str]:
        """Columns of actions that data without such actions does not have."""
        return [name for name in ACTIONS if self._adjust == "events" and name not in there]

    @functools.cached_property
    def _actions(self) -> list[Actions]:
        """Those of all assets in the rows that are used: read once, before the first block is."""
        found = []
        missing = np.full((CHUNK_ROWS, self._mapped.panel.layout.assets), np.nan)
        assets = range(self.layout.assets) if self._assets is None else self._assets
        for symbol, asset in zip(self.layout.symbols, assets, strict=True):
            actions = Actions(self._adjust == "total_return", self._trusted)
            for start in range(0, len(self), CHUNK_ROWS):
                part = self._raw(start, min(start + CHUNK_ROWS, len(self)))
                split, dividend = (part.extra.get(name, missing)[: len(part), asset] for name in ACTIONS)
                wrong = actions.take(start, part.close[:, asset], split, dividend)
                if wrong is not None:
                    day = session_date(int(part.session[wrong[0]]))
                    raise DataError(f"{day} (row {start + wrong[0]}): {wrong[1]}", file=self._name, symbol=symbol)
                self.release(start)
            found.append(actions)
        return found

    def __len__(self) -> int:
        return self.layout.rows

    @property
    def ends(self) -> Ints:
        """[rows] when rows end; a view of the file where all its rows are used."""
        return self._ends[self._first : self._first + len(self)]

    @property
    def session(self) -> Ints:
        """[rows] the session of each row."""
        block = self._mapped.panel.block
        of_file = block.session if self._rows is None else block.session[self._rows]
        return of_file[self._first : self._first + len(self)]

    def blocks(self, size: int) -> Iterator[Block]:
        """The rows in blocks of ``size``; the last one may be shorter."""
        for start in range(0, len(self), size):
            yield self.part(start, min(start + size, len(self)))

    def part(self, start: int, stop: int) -> Block:
        """Rows ``start`` to ``stop``."""
        before = max(self._first + start - 1, 0)
        late = np.diff(self._ends[before : self._first + stop]) <= 0
        if late.any():
            row = before + int(np.argmax(late)) + 1
            raise DataError(f"row {row} does not end after the row before it", file=self._name)
        block = self._raw(start, stop)
        if self._dates:
            block = replace(block, end=self._ends[self._first + start : self._first + stop])
        return self._asked_for(block, start)

    def release(self, row: int) -> None:
        """Let go of the memory of the rows before ``row``."""
        row += self._first
        self._mapped.release(row if self._rows is None else int(self._rows[min(row, len(self._rows) - 1)]))

    def _asked_for(self, block: Block, row: int) -> Block:
        def part(values: Floats) -> Floats:
            return values if self._assets is None else np.ascontiguousarray(values[:, self._assets])

        quoted = QUOTES if self._quotes else ()
        fields = {name: part(block.column(name)) for name in (*FIELDS, *quoted)}
        if self._adjust == "adj_close":
            fields = adjusted(fields, part(block.extra[ADJ_CLOSE]))
        elif self._adjust in ("splits", "total_return"):
            by_asset = [actions.factors(row, row + len(block)) for actions in self._actions]
            prices, volumes = (np.stack(each, axis=1) for each in zip(*by_asset, strict=True))
            fields = adjusted_by(fields, prices, volumes)
        elif self._adjust == "events" and not self._trusted:
            assert self._actions  # looked at once: raises where prices deny them
        missing = self._made_up(block.extra)
        empty = read_only(np.full(fields["close"].shape, np.nan)) if missing else fields["close"]
        extra = {
            name: fields[name] if name in quoted else empty if name in missing else part(block.extra[name])
            for name in self._columns
        }
        for values in (*fields.values(), *extra.values()):
            values.flags.writeable = False
        return Block.of(row, block.end, block.session, fields, extra)
