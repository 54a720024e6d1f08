"""Files to one panel file: all of them at once, or a part at a time where they are larger than memory.

In parts, each is inspected by the same rules as a whole file is, and appended to its asset's columns on disk; then all
assets' columns become one file. That needs bars in order of time, and one file for each asset or a symbol column.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from backbus.data.catalog.spool import MERGED_CELLS, Spool, merged
from backbus.data.heard import Hear
from backbus.data.panels.actions import ACTIONS, ZEROS_ARE_NONE, early, on_last_bars, zeros_for_none
from backbus.data.panels.assemble import assemble
from backbus.data.panels.collect import BARS, agreed_interval, bar_ends, by_periods, common_zone, gather, ticks_error
from backbus.data.panels.layout import made_panel
from backbus.data.panels.mapped import MappedPanel
from backbus.data.panels.panel_file import SUFFIX, MappedSource, is_panel_file, map_panel, save_panel
from backbus.data.panels.ranges import choose_symbols
from backbus.data.panels.repair import LISTED, Inspection
from backbus.data.panels.rows import Rows
from backbus.data.panels.sessions import session_ends
from backbus.data.panels.taken import notes_of, read_as
from backbus.data.readers.headers import ADJ_CLOSE, extra_role
from backbus.data.readers.lean import parted
from backbus.data.readers.many import Progress, read_files
from backbus.data.readers.parts import ahead, parts_of
from backbus.data.readers.plain import ROOM_BYTES
from backbus.data.readers.table import Table
from backbus.errors import DataError, JobError
from backbus.market.columns import DELISTING, FIELDS
from backbus.market.panel import Block, Floats, Ints, Layout, Panel, instant_text, session_date, whole
from backbus.market.timeframes import bar_size
from backbus.market.zones import local_days

if TYPE_CHECKING:
    from backbus.data.panels.aggregate import Makers
    from backbus.job.data import DataSettings

AT_ONCE_BYTES = 256 << 20
"""Files that are smaller together are read at once."""
PART_BYTES = 64 << 20


def import_files(
    files: Mapping[str, Path],
    settings: DataSettings,
    out: Path,
    *,
    progress: Progress | None = None,
    at_once_bytes: int = AT_ONCE_BYTES,
    part_bytes: int = PART_BYTES,
    hear: Hear | None = None,
) -> None:
    """Write the bars of ``files`` ({name for messages: path}), and an adjusted close that all have, as a panel file,
    which the disk may have later.

    ``progress`` hears of bytes read, and all bytes; ``hear`` of what is written, but for a copy of a file. Raises
    ``DataError`` or ``JobError``, and leaves nothing behind.
    """
    if settings.adjust not in ("none", "events"):  # which leave prices as they are
        raise JobError('must be "none" or "events": a dataset keeps raw prices, jobs adjust them', field="data.adjust")
    for name in ("start", "end", "warmup"):
        if getattr(settings, name) is not None:
            raise JobError("must be left out: a dataset keeps all rows, jobs choose from them", field=f"data.{name}")
    if settings.timeframes:
        raise JobError("must be left out: jobs say which longer bars they read", field="data.timeframes")
    if settings.universe is not None:
        raise JobError("must be left out: jobs say who may be traded when", field="data.universe")
    if settings.align:
        raise JobError("must be left out: a dataset keeps all rows, jobs align them", field="data.align")
    if not files:
        raise JobError("names no file", field="data.files")
    panels = [name for name, path in files.items() if PurePath(name).suffix == SUFFIX and is_panel_file(path)]
    if panels:
        if len(files) > 1:
            raise JobError(f"{panels[0]!r} is a whole panel and must be the only file", field="data.files")
        _copy_panel(map_panel(files[panels[0]], name=panels[0]), settings, files[panels[0]], out)
        return
    sizes = {name: path.stat().st_size for name, path in files.items() if path.is_file()}
    total = sum(sizes.values())
    if total < at_once_bytes:
        found = read_files(files, settings, progress)
        panel = assemble(found.tables, settings, found.unread, keep_adjusted=True, notes=found.notes)
        save_panel(panel, out, sync=False, hear=hear)
        return
    if parted(files)[1]:
        raise JobError(
            f"names {total >> 20} MiB of LEAN's shares, whose actions and names are found where files are read at once:"
            f" import less than {at_once_bytes >> 20} MiB of them at a time, as a dataset for each share",
            field="data.files",
        )
    unseen = {
        "data.calendars": bool(settings.calendars),
        "data.repair.outliers": settings.repair.outliers != "keep",
        "data.repair.intervals": settings.repair.intervals != "keep",
        "data.holes": settings.holes != "leave",
        "data.quotes": settings.quotes,
    }
    field = next((name for name, wanted in unseen.items() if wanted), None)
    if field is not None:
        raise JobError("must be left out for files that are read in parts: a part does not show them", field=field)
    settings = settings.model_copy(update={"adjust": "none"})  # actions are kept where files have them
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".import-") as folder:
        panel = _InParts(Path(folder), settings, part_bytes).run(files, progress, total)
        save_panel(panel, out, sync=False, hear=hear)


def _copy_panel(mapped: MappedPanel, settings: DataSettings, path: Path, out: Path) -> None:
    """A panel file is what a dataset is; its rows are looked at, and a copy of all of it takes no memory."""
    panel = mapped.panel
    columns = settings.columns or panel.layout.columns
    source = MappedSource(mapped, settings.model_copy(update={"columns": columns}), path.name)
    for block in source.blocks(MERGED_CELLS // panel.layout.assets + 1):  # raises where rows are out of order
        source.release(block.first_row)
    if source.layout == panel.layout:
        shutil.copyfile(path, out)
    else:
        save_panel(whole(source), out, sync=False)


def _not_after(rows: Rows, last: int) -> DataError:
    before = session_date(last) if rows.dates else instant_text(last)
    return rows.error(
        0,
        f"{rows.when(0)} does not come after {before}, which was read before; files that are larger than memory must be"
        " in order of time, each bar once: sort them first",
    )


class _InParts:
    def __init__(self, folder: Path, settings: DataSettings, part_bytes: int) -> None:
        self._folder, self._settings, self._part_bytes = folder, settings, part_bytes
        self._spools: dict[str, Spool] = {}
        self._kept_bytes, self._put_down = 0, False
        self._dates: bool | None = None
        self._adjusted = False
        self._actions: tuple[str, ...] = ()
        self._roles: tuple[str, ...] = ()
        self._notes: list[str] = []
        self._begins = False
        self._read: dict[str, None] = {}
        """How files were read, each sentence once."""
        self._there: dict[str, None] = {}
        """All assets."""
        self._left_out: dict[str, int] = {}
        self._makers: Makers | None = None
        self._made: list[str] = []
        """Assets whose bars are made, in the order of their first trades; and the last trade of each."""
        self._last: dict[str, int] = {}

    def run(self, files: Mapping[str, Path], progress: Progress | None, total: int) -> Panel:
        """The panel, whose columns are in the folder."""
        done = 0
        for name, path in sorted(files.items()):
            noted = len(self._notes)
            for table, size in ahead(parts_of(name, path, self._settings, self._part_bytes)):
                self._take(table, noted)
                done += size
                if progress is not None:
                    progress(done, total)
        for name, count in self._left_out.items():
            self._notes.append(f"{name}: {count} more bars were repaired")
        return self._panel()

    def _take(self, table: Table, noted: int) -> None:
        settings = self._settings
        if settings.timezone is None:
            self._settings = settings = settings.model_copy(update={"timezone": common_zone([table])})
        symbols = tuple(sorted(table.symbols))
        rows = gather([table], symbols, settings)
        if rows.ticks and settings.bars is None:
            raise ticks_error(rows)
        inspection = Inspection(rows, settings.repair)
        inspection.stamps()
        inspection.order()
        inspection.prices(adjusting=False)
        if settings.repair.actions != "refuse":
            inspection.actions()
        rows = inspection.rows
        self._begins = self._begins or table.begins
        self._read |= dict.fromkeys(read_as(rows, settings))
        noticed = [note for note in (*notes_of([table], settings), *inspection.notes) if note not in self._notes]
        if self._dates is None:
            self._dates = rows.dates
            self._adjusted = ADJ_CLOSE in table.numbers and ADJ_CLOSE not in settings.columns
            self._actions = tuple(role for role in ACTIONS if role in table.numbers and role not in settings.columns)
            more = (ADJ_CLOSE, *self._actions) if self._adjusted else self._actions
            self._roles = (*FIELDS, *map(extra_role, settings.columns_of_files), *more)
        if rows.dates != self._dates:
            raise DataError("has dates where bars before it have times, or the other way round", file=table.name)
        self._adjusted = self._adjusted and ADJ_CLOSE in table.numbers
        for role in ACTIONS:
            if role in table.numbers and role not in (*self._actions, *settings.columns):
                raise DataError(f"has a column of {role}s, and the files before it have none", file=table.name)
        room = noted + LISTED - len(self._notes)
        self._notes += noticed[: max(room, 0)]
        if len(noticed) > room:
            self._left_out[table.name] = self._left_out.get(table.name, 0) + len(noticed) - max(room, 0)
        edges = np.r_[0, np.flatnonzero(np.diff(rows.asset)) + 1, len(rows)].tolist()
        self._there |= dict.fromkeys(symbols)
        for start, stop in pairwise(edges):
            part = rows.take(slice(start, stop))
            if self._settings.symbols is None or part.symbol(0) in self._settings.symbols:
                (self._append if settings.bars is None else self._make)(part)

    def _possible(self, paid: Floats, close: Floats, sessions: Ints, symbols: Sequence[str]) -> Floats:
        """Delistings [rows, assets], but for those that later bars deny, which may be in another file."""
        if self._settings.repair.actions == "keep":
            return paid
        found = paid.copy()
        for asset, symbol in enumerate(symbols):
            denied = early(paid[:, asset], close[:, asset])
            if len(denied) and self._settings.repair.actions == "refuse":
                row = int(denied[0])
                raise DataError(
                    f"{paid[row, asset]:g} is paid off on {session_date(int(sessions[row]))} for a share that has bars"
                    ' after that; correct the data, or set data.repair.actions = "drop" or "keep"',
                    column=DELISTING,
                    symbol=symbol,
                )
            found[denied, asset] = np.nan
        return found

    def _append(self, rows: Rows) -> None:
        symbol = rows.symbol(0)
        spool = self._spools.get(symbol)
        if spool is None:
            spool = Spool(self._folder, symbol, len(self._spools), rows.tables[0].name, self._roles)
            self._spools[symbol] = spool
        elif rows.stamp[0] <= spool.last:
            raise _not_after(rows, spool.last)
        self._kept_bytes += spool.append(rows)
        if self._kept_bytes > ROOM_BYTES:
            for each in (spool,) if self._put_down else self._spools.values():
                each.put_down()
            self._put_down = True

    def _make(self, rows: Rows) -> None:
        """Trades become bars as they come."""
        from backbus.data.panels.aggregate import Makers, SessionClock  # compiled, and seldom needed

        settings = self._settings
        if not rows.ticks:
            raise JobError("must be left out: a dataset keeps bars as they are, jobs make longer ones", field=BARS)
        if self._makers is None:
            clock = SessionClock(None if rows.dates else settings.timezone, settings.calendar)
            self._makers = Makers(bar_size(str(settings.bars)), clock, self._made, settings.columns_made)
        symbol = rows.symbol(0)
        if symbol not in self._last:
            self._made.append(symbol)
        elif rows.stamp[0] < self._last[symbol]:
            raise _not_after(rows, self._last[symbol])
        self._last[symbol] = int(rows.stamp[-1])
        ends = session_ends(rows.stamp, settings.calendar, rows.error) if rows.dates else rows.stamp
        values = {role: rows.numbers[role] for role in FIELDS}
        values |= {name: rows.numbers[extra_role(name)] for name in settings.columns_of_files}
        self._makers.take(self._made.index(symbol), ends, values, instants=not rows.dates)

    def _panel_made(self, makers: Makers) -> Panel:
        from backbus.data.panels.aggregate import interval_of_size

        settings = self._settings
        symbols = settings.symbols or tuple(sorted(self._made))
        flat = makers.finish(self._notes)
        place = np.array([symbols.index(symbol) for symbol in self._made], dtype=np.int32)
        zone = None if self._dates else settings.timezone
        interval = interval_of_size(bar_size(str(settings.bars)))
        layout = Layout(symbols, 0, 0, interval, settings.columns_made, zone, settings.calendar, bars=settings.bars)
        layout = replace(layout, read=tuple(self._read))
        return made_panel(flat._replace(asset=place[flat.asset]), layout, settings, self._notes)

    def _panel(self) -> Panel:
        settings, spools = self._settings, self._spools
        choose_symbols(set(self._there), settings)
        if self._makers is not None:
            return self._panel_made(self._makers)
        symbols = settings.symbols or tuple(sorted(spools))
        each = [spools[symbol] for symbol in symbols]
        dates = bool(self._dates)
        steps = [found for number, spool in enumerate(each) if (found := spool.common_steps(number)) is not None]

        def blame(number: int, message: str) -> DataError:
            return DataError(message, file=each[number].source, symbol=each[number].symbol)

        interval_ns = agreed_interval(steps, dates, blame, lambda number: (each[number].source, each[number].symbol))
        if len(each) == 1:
            stamps = each[0].stamps()
            columns = {role: each[0].column(role, at_once=True)[:, None] for role in self._roles}
        else:
            stamps, columns = merged(each, self._folder, self._roles)
        if dates:
            stamps, said = by_periods(stamps, interval_ns, self._begins, settings)
            self._notes += said
        ends = bar_ends(stamps, dates, interval_ns, settings, lambda row, message: blame(0, message))
        sessions = stamps if dates else local_days(ends, settings.timezone)
        fields = {role: columns[role] for role in FIELDS}
        extra = {name: columns[extra_role(name)] for name in settings.columns}
        if DELISTING in extra:
            for asset, symbol in enumerate(symbols):
                if zeros_for_none(extra[DELISTING][:, asset], fields["close"][:, asset]).any():
                    self._notes.append(f"{symbol}: {ZEROS_ARE_NONE}")
            paid = on_last_bars(extra[DELISTING], fields["close"])
            extra[DELISTING] = self._possible(paid, fields["close"], sessions, symbols)
        if self._adjusted:
            extra[ADJ_CLOSE] = columns[ADJ_CLOSE]
        extra |= {role: columns[role] for role in self._actions}
        layout = Layout(
            symbols,
            len(ends),
            0,
            interval_ns,
            tuple(extra),
            timezone=None if dates else settings.timezone,
            calendar=settings.calendar,
            read=tuple(self._read),
        )
        return Panel(layout, Block.of(0, ends, sessions, fields, extra), tuple(self._notes))
