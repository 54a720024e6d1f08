"""Which files a job means, and their bars as one panel."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from backbus.data.panels.align import Aligned, aligned
from backbus.data.panels.assemble import assemble
from backbus.data.panels.layout import settled
from backbus.data.panels.mapped import MappedPanel
from backbus.data.panels.panel_file import SUFFIX, MappedSource, is_panel_file, map_panel
from backbus.data.panels.quotes import quotes_of_panel, with_quotes
from backbus.data.panels.universe import Chosen, with_universe
from backbus.data.readers.by_name import KNOWN
from backbus.data.readers.lean import beside
from backbus.data.readers.many import read_files
from backbus.data.readers.members import read_members
from backbus.errors import DataError, JobError
from backbus.market.panel import Panel, whole

if TYPE_CHECKING:
    from backbus.job.data import DataSettings


def universe_file(settings: DataSettings, base: Path) -> dict[str, Path]:
    """The table of the universe, by the name that messages use; none where the job has none."""
    if settings.universe is None:
        return {}
    path = base / Path(settings.universe).expanduser()
    if not path.is_file():
        raise JobError(f"there is no file {settings.universe!r} in {base}", field="data.universe")
    return {Path(settings.universe).as_posix(): path}


def resolve_files(settings: DataSettings, base: Path) -> dict[str, Path]:
    """The files that ``data.files`` names, by the name that messages use, in sorted order, with those of bars in LEAN's
    folder, what it knows of their shares; not the universe's table.

    Paths and globs are relative to ``base``, the job file's folder. Raises ``JobError`` where one finds nothing.
    """
    found = _files(settings, base)
    tables = [path.resolve() for path in universe_file(settings, base).values()]
    found = {name: path for name, path in found.items() if path.resolve() not in tables} if tables else found
    for name in found:
        _check_name(name)
    if not found:
        raise JobError("names no file of prices, only the universe's table", field="data.files")
    return found


def _files(settings: DataSettings, base: Path) -> dict[str, Path]:
    if not settings.files:
        raise JobError('names no file; give CSV files or globs, such as files = ["data/*.csv"]', field="data.files")
    found: dict[str, Path] = {}
    for pattern in settings.files:
        path = base / Path(pattern).expanduser()
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in KNOWN)
            if not inside:
                instead = _instead(pattern, path)
                raise JobError(f"{pattern!r} is a folder without a file of prices {instead}", field="data.files")
            found |= {(PurePath(pattern) / file.name).as_posix(): file for file in inside}
            continue
        if path.is_file():
            found[Path(pattern).as_posix()] = path
            continue
        if not glob.has_magic(pattern):
            raise JobError(f"there is no file {pattern!r} in {base}", field="data.files")
        # Path.glob takes neither absolute patterns nor a ~.
        matches = glob.glob(str(Path(pattern).expanduser()), root_dir=base, recursive=True)  # noqa: PTH207
        files = {Path(match).as_posix(): base / match for match in matches if (base / match).is_file()}
        if not files:
            raise JobError(f"{pattern!r} matches no file in {base}", field="data.files")
        found |= files
    return dict(sorted((beside(found) | found).items()))


def _check_name(name: str) -> None:
    """Raise DataError for a name that no message and no table of a run can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(name).decode(errors="backslashreplace")
        raise DataError("its name is not UTF-8, and reports could not name it: rename it", file=shown) from None


def _instead(pattern: str, folder: Path) -> str:
    """What is to be named in place of a folder without files of prices."""
    below = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix.lower() in KNOWN)
    if below:
        first = (PurePath(pattern) / below[0].relative_to(folder).parent).as_posix()
        return f"of its own; name the folder that has them, as {first!r}"
    others = sorted(file.suffix for file in folder.iterdir() if file.is_file() and file.suffix)
    named = f"; name CSV that ends otherwise by a glob, as {f'{pattern}/*{others[0]}'!r}" if others else ""
    return f"({', '.join(KNOWN)}){named}"


def load_panel(settings: DataSettings, files: Mapping[str, Path]) -> Panel:
    """The market of ``open_source``, for who keeps all of it at hand."""
    return whole(open_source(settings, files))


def open_source(settings: DataSettings, files: Mapping[str, Path]) -> Panel | MappedSource | Aligned | Chosen:
    """The bars of ``files`` ({name for messages: path}) as one market, by the rules of ``settings``.

    The files are CSV, Parquet or Arrow, one per asset or with a symbol column, or a single panel file; and the table of
    a universe. What was repaired, and what looks wrong and was not, is in the panel's notes. Raises ``DataError``
    naming file and line, or ``JobError``.
    """
    tables = () if settings.universe is None else (Path(settings.universe).as_posix(),)
    source = _opened(settings, {name: path for name, path in files.items() if name not in tables})
    return within_universe(source, settings, files)


def within_universe(
    source: Panel | MappedSource | Aligned, settings: DataSettings, files: Mapping[str, Path]
) -> Panel | MappedSource | Aligned | Chosen:
    """A market with the universe of its settings, whose table is one of ``files``. Raises ``DataError`` or
    ``JobError``."""
    if settings.universe is None:
        return source
    table = Path(settings.universe).as_posix()
    if table not in files:
        raise JobError("its table is not among the files of the job", field="data.universe")
    return with_universe(source, read_members(table, files[table]), settings.leaving)


def _opened(settings: DataSettings, files: Mapping[str, Path]) -> Panel | MappedSource | Aligned:
    if not files:
        raise JobError("names no file", field="data.files")
    panels = [name for name, path in files.items() if PurePath(name).suffix == SUFFIX and is_panel_file(path)]
    if panels:
        if len(files) > 1:
            raise JobError(f"{panels[0]!r} is a whole panel and must be the only file", field="data.files")
        return _asked_for(map_panel(files[panels[0]], name=panels[0]), settings, panels[0])
    found = read_files(files, settings)
    return assemble(found.tables, settings, found.unread, notes=found.notes)


def _asked_for(mapped: MappedPanel, settings: DataSettings, name: str) -> Panel | MappedSource | Aligned:
    if mapped.panel.layout.universe is not None:
        done = {
            "bars": settings.bars not in (None, mapped.panel.layout.bars),
            "align": settings.align,
            "universe": settings.universe is not None,
        }
        field = next((field for field, wanted in done.items() if wanted), None)
        if field is not None:
            raise JobError(f"must be left out: {name} has a universe of its own already", field=f"data.{field}")
    if mapped.panel.layout.bars == settings.bars is not None:
        settings = settings.model_copy(update={"bars": None})  # so they are already
    if settings.bars is not None:
        from backbus.data.panels.aggregate import remade  # compiled, and seldom needed

        # Bars count from the first trade on, whatever part of them the job uses.
        all_rows = {"start": None, "end": None, "warmup": None, "align": False}
        source = MappedSource(mapped, settings.model_copy(update=all_rows), name)
        if not settings.quotes:
            return remade(source, settings)
        panel = whole(source)
        made = remade(panel, settings.model_copy(update={"quotes": False}))
        return with_quotes(made, quotes_of_panel(panel), settings)
    source = MappedSource(mapped, settings, name)
    if settings.holes != "leave" or (settings.align and source.layout.calendars):
        return settled(whole(source), settings)
    if not settings.align:
        return source
    return aligned(source, settings)
