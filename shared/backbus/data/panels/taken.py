"""Which columns of sources were taken for what, and what is to be said of those that were not.

A column that is not recognised is never silently no column: where there is none for the volume, or none for actions and
another's name sounds like it, a note lists what there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backbus.data.panels.rows import Rows
from backbus.data.readers.headers import ADJ_CLOSE, DIVIDEND, SPLIT, STAMP, plain
from backbus.data.readers.table import Table
from backbus.errors import JobError

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

_SOUND = {SPLIT: ("split",), DIVIDEND: ("div", "distribution", "capitalgain"), ADJ_CLOSE: ("adjclos", "adjustedclos")}
"""What names of columns sound like, that nothing was taken for."""
_CALLED = {SPLIT: "splits", DIVIDEND: "dividends", ADJ_CLOSE: "the adjusted close", "volume": "the volume"}
_COLUMN = {SPLIT: "column of splits", DIVIDEND: "column of dividends", ADJ_CLOSE: "adjusted close"}
_NEEDS = {
    "adj_close": (ADJ_CLOSE,),
    "splits": (SPLIT,),
    "total_return": (DIVIDEND,),
    "events": (SPLIT,),
}
"""What each way to adjust prices cannot do without."""
_LISTED = 20
_USES = {"total_return": (SPLIT, DIVIDEND), "events": (SPLIT, DIVIDEND)}


def notes_of(tables: Sequence[Table], settings: DataSettings) -> list[str]:
    """A sentence for each kind of source that has columns which may have been meant for something."""
    kinds: dict[tuple[object, ...], list[Table]] = {}
    for table in tables:
        kinds.setdefault((tuple(table.headers.items()), table.left, table.ticks), []).append(table)
    return [note for alike in kinds.values() for note in _of_kind(alike, settings)]


def read_as(rows: Rows, settings: DataSettings) -> tuple[str, ...]:
    """How sources were read, a sentence for each kind of them, and one for all stamps."""
    kinds: dict[tuple[object, ...], list[Table]] = {}
    for table in rows.tables:
        kinds.setdefault((tuple(table.headers.items()), table.left), []).append(table)
    said = []
    for alike in list(kinds.values())[:_LISTED]:
        table = alike[0]
        where = table.name if len(alike) == 1 else f"{table.name} and {len(alike) - 1} more"
        taken = ", ".join(
            f"{'date' if role == STAMP else role.removeprefix('+')} from {header!r}"
            for role, header in table.headers.items()
        )
        left = f"; left: {', '.join(map(repr, table.left))}" if table.left else ""
        said.append(f"{where}: {taken}{left}")
    if len(kinds) > _LISTED:
        said.append(f"and {len(kinds) - _LISTED} more kinds of files")
    clock = settings.timezone or "UTC"
    if rows.how:
        stamps = f"stamps have a time, and are of {rows.how}"
    elif rows.dates:
        stamps = "stamps are dates of sessions"
    elif rows.ticks:
        stamps = f"stamps are instants, by {clock} where they have no zone"
    else:
        marks = "end" if settings.dates.marks == "end" else "beginning"
        stamps = f"stamps mark the {marks} of bars, by {clock} where they have no zone"
    return (*said, stamps)


def _of_kind(alike: Sequence[Table], settings: DataSettings) -> Iterator[str]:
    table = alike[0]
    where = table.name if len(alike) == 1 else f"{table.name} and {len(alike) - 1} more"
    left = ", ".join(map(repr, table.left))
    if "volume" not in table.numbers and "volume" not in settings.names and table.left and not table.ticks:
        yield (
            f"{where}: no column was taken for the volume (others there: {left}), which is zero;"
            ' data.names.volume names it, or "" says that there is none'
        )
    if any(map(no_volume, alike)):
        column = table.headers["volume"]
        yield f"{where}: {column!r} is -1 throughout, which is taken for no volume: zero"
    ticks = [name for name in table.left if plain(name).startswith("tickvol")]
    if ticks and "volume" in table.numbers and not any(np.any(each.numbers["volume"] > 0.0) for each in alike):
        taken = table.headers["volume"]
        yield (
            f"{where}: the volume {taken!r} is zero throughout, and there is {ticks[0]!r}; data.names.volume names it"
        )
    for role, sounds in _SOUND.items():
        if role in table.numbers or role in settings.names:
            continue
        like = [name for name in table.left if any(sound in plain(name) for sound in sounds)]
        if like and not any(plain(name).startswith(("un", "adjopen", "adjhigh", "adjlow", "adjvol")) for name in like):
            yield (
                f"{where}: no column was taken for {_CALLED[role]}, and there is {', '.join(map(repr, like))};"
                f' data.names.{role} names it, or "" says that there is none'
            )
    used = [role for role in _USES.get(settings.adjust, ()) if role in table.numbers]
    if used:
        taken = ", ".join(f"{_CALLED[role]} from {table.headers[role]!r}" for role in used)
        yield f"{where}: took {taken}"


def refuse_adjusting(
    adjust: str, there: Collection[str], file: str, found: Sequence[str], names: Mapping[str, str] | None = None
) -> None:
    """Raise ``JobError`` where a source does not have what its prices are to be adjusted by, and the job does not say
    that there is none. ``names`` are what the job calls columns, of a source that has names of its own."""
    missing = [role for role in _NEEDS.get(adjust, ()) if role not in there and (names or {}).get(role) != ""]
    if not missing:
        return
    role = missing[0]
    others = [f'"{other}"' for other, roles in _NEEDS.items() if all(one in there for one in roles)]
    choices = ", ".join([*others, '"none"'])
    ways = [f"use another data.adjust, one of {choices}"]
    if names is not None:
        if adjust in _USES:
            ways.insert(0, f'say by data.names.{role} = "" that there are none')
        ways.insert(0, f"name it by data.names.{role}")
    listed = ", ".join(found) or "none of its own"
    instead = ", or ".join(ways)
    raise JobError(
        f'{file} has no {_COLUMN[role]}, which "{adjust}" needs (found: {listed}); {instead}', field="data.adjust"
    )


def no_volume(table: Table) -> bool:
    """Whether a volume is -1 throughout, as Interactive Brokers writes of what has none."""
    column = table.numbers.get("volume")
    if column is None or not len(column) or column[0] != -1.0:
        return False
    return bool(np.all((column == -1.0) | np.isnan(column)))
