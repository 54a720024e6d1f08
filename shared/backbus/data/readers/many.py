"""All files of a job: what can be read, and every one that cannot, at once.

A file that is broken or empty is no concern where the assets that are asked for were found without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from backbus.data.readers.asked import asked_of
from backbus.data.readers.by_name import read_file
from backbus.data.readers.lean import KnownShares, parted, place_of, wanted_tickers
from backbus.data.readers.shapes import symbol_of
from backbus.data.readers.shares import by_shares
from backbus.data.readers.table import Table
from backbus.errors import DataError
from backbus.market.columns import DELISTING

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

LISTED = 20
"""So many files that cannot be read are named; the rest is counted."""

Progress = Callable[[int, int], None]


class Found(NamedTuple):
    """What files hold."""

    tables: list[Table]
    unread: list[str]
    """Assets that are there and were not asked for."""
    notes: tuple[str, ...]


def read_files(files: Mapping[str, Path], settings: DataSettings, progress: Progress | None = None) -> Found:
    """The bars of the assets that a job asks for, of all files: {name for messages: path}.

    ``progress`` hears of bytes read, and all bytes. Raises ``DataError`` that names each file that cannot be read, of
    those that may hold an asset that is asked for; ``JobError`` for a setting that does not fit one.
    """
    asked = asked_of(settings)
    wanted = None if settings.symbols is None else frozenset(settings.symbols)
    sizes = {name: path.stat().st_size for name, path in files.items() if path.is_file()} if progress else {}
    tables: list[Table] = []
    unread: list[str] = []
    wrong: dict[str, DataError] = {}
    done = 0
    bars, markets = parted(files)
    of_shares = replace(asked, extra=tuple(name for name in asked.extra if name != DELISTING))
    tickers = None if wanted is None or not markets else wanted_tickers(markets.values(), wanted)
    for name, path in sorted(bars.items()):
        known = _known(name, markets)
        try:
            found = read_file(name, path, tickers or wanted, asked if known is None else of_shares)
        except DataError as error:
            wrong[name] = error
        else:
            tables += found
            if not found:
                unread.append(known or symbol_of(name))
        done += sizes.get(name, 0)
        if progress is not None:
            progress(done, sum(sizes.values()))
    settled = _settle(wrong, tables, wanted)
    tables, notes = by_shares(tables, markets, settings)
    return Found(tables, unread, (*settled, *notes))


def _known(name: str, markets: Mapping[str, KnownShares]) -> str | None:
    """The share that a file of LEAN's folder is of, where others tell of shares."""
    place = place_of(name)
    return None if place is None or place.home not in markets else markets[place.home].share(place.ticker)


def _settle(wrong: Mapping[str, DataError], tables: list[Table], wanted: frozenset[str] | None) -> tuple[str, ...]:
    """Raise what is wrong with files that are needed; say which others were left."""
    if not wrong:
        return ()
    there = {symbol for table in tables for symbol in table.symbols}
    missing = None if wanted is None else wanted - there
    if missing is None or missing:
        named = [name for name in wrong if missing is None or symbol_of(name) in missing]
        needed = {name: wrong[name] for name in named or wrong}
        errors = list(needed.values())
        if len(errors) == 1:
            raise errors[0]
        listed = "".join(f"\n  {error}" for error in errors[:LISTED])
        more = f"\n  and {len(errors) - LISTED} more" if len(errors) > LISTED else ""
        raise DataError(f"{len(errors)} files cannot be read:{listed}{more}")
    names = ", ".join(PurePath(name).name for name in list(wrong)[:LISTED])
    more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
    return (f"{len(wrong)} files that no asset of the job is of could not be read, and were left: {names}{more}",)
