"""A market in which a table says who may be traded when: its rows as they are, and beside them the column ``member``.

Who is in it is a fact of a row's session alone. What is wrong between table and market is told here: members that have
no prices, assets that never were members, days on which nobody is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbus.data.readers.headers import plain
from backbus.data.readers.members import Members, Spell
from backbus.errors import JobError
from backbus.jit.arrays import read_only
from backbus.market.columns import DELISTING, MEMBER
from backbus.market.panel import Block, Floats, Ints, Layout, Panel, session_date
from backbus.market.timeframes import DAY_NS

if TYPE_CHECKING:
    from backbus.data.panels.align import Aligned
    from backbus.data.panels.panel_file import MappedSource

FIELD = "data.universe"
_NAMED = 8
_IGNORED = str.maketrans("", "", "/^=$")


def inside(spells: Sequence[Spell], session: Ints) -> NDArray[np.bool_]:
    """[rows] whether an asset with these spells is in the universe on each session."""
    if not spells:
        return np.zeros(len(session), dtype=np.bool_)
    first, last = (
        np.array(days, dtype=np.int64) for days in zip(*((one.first, one.last) for one in spells), strict=True)
    )
    place = np.searchsorted(first, session, side="right") - 1
    return np.asarray((place >= 0) & (session <= last[np.maximum(place, 0)]))


class Chosen:
    """A market with its universe, as a ``Source``."""

    def __init__(
        self, source: MappedSource | Aligned, members: Members, layout: Layout, notes: tuple[str, ...]
    ) -> None:
        self._source = source
        self.layout, self.notes = layout, notes
        self._spells = [members.spells.get(symbol, ()) for symbol in layout.symbols]
        self.session: Ints | None = getattr(source, "session", None)
        """[rows] the session of each, where that is known beforehand."""

    def __len__(self) -> int:
        return len(self._source)

    def blocks(self, size: int) -> Iterator[Block]:
        """The source's blocks."""
        for block in self._source.blocks(size):
            yield _with_members(block, self._spells)

    def release(self, row: int) -> None:
        """Let go of the memory of the rows before ``row``."""
        self._source.release(row)


def with_universe(source: Panel | MappedSource | Aligned, members: Members, leaving: str) -> Panel | Chosen:
    """The market with the column ``member``, and what is to be said of it. Raises ``JobError`` where no member has
    prices."""
    layout = source.layout
    if layout.universe is not None or MEMBER in layout.columns:
        raise JobError(f"must be left out: the data has a column {MEMBER!r} of its own", field=FIELD)
    told = (*layout.read, members.told())
    changed = replace(layout, columns=(*layout.columns, MEMBER), universe=leaving, read=told)
    session = _sessions(source)
    spells = [members.spells.get(symbol, ()) for symbol in layout.symbols]
    notes = (
        *source.notes,
        *_notes(members, layout.symbols, session[layout.warmup :]),
        *_unsold(source, spells, session),
    )
    if isinstance(source, Panel):
        return Panel(changed, _with_members(source.block, spells), notes)
    return Chosen(source, members, changed, notes)


def _with_members(block: Block, spells: Sequence[Sequence[Spell]]) -> Block:
    known: Floats = np.stack([inside(each, block.session) for each in spells], axis=1).astype(np.float64)
    return replace(block, extra={**block.extra, MEMBER: read_only(known)})


def _sessions(source: Any) -> Ints:
    """[rows] the session of each row; of an aligned market the day of its end, which tells as much."""
    if isinstance(source, Panel):
        return source.block.session
    session: Ints | None = getattr(source, "session", None)
    return np.asarray((source.ends - 1) // DAY_NS) if session is None else session


def _named(names: Collection[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more


def _alike(symbol: str) -> str:
    return plain(symbol).translate(_IGNORED)


def _notes(members: Members, symbols: Sequence[str], session: Ints) -> Iterator[str]:
    """What is to be said of a universe, over the sessions that are traded."""
    begin, stop = int(session.min()), int(session.max())
    there = {
        name
        for name, spells in members.spells.items()
        if any(spell.first <= stop and spell.last >= begin for spell in spells)
    }
    missing = there - set(symbols)
    if not there - missing:
        what = f"none of its members ({_named(missing)}) is an asset of the data ({_named(symbols)})"
        what = what if missing else f"nobody is in it from {session_date(begin)} to {session_date(stop)}"
        raise JobError(f"{what}: nothing could be traded", field=FIELD)
    if missing:
        similar = {_alike(symbol): symbol for symbol in symbols if symbol not in members.spells}
        other = next((name for name in sorted(missing) if _alike(name) in similar), None)
        hint = f"; is {other} what the data calls {similar[_alike(other)]}?" if other is not None else ""
        yield (
            f"{members.name}: {len(missing)} of {len(there)} members have no prices here ({_named(missing)}): where"
            f" these are the ones that have gone, what is left was chosen with hindsight{hint}"
        )
    never = [symbol for symbol in symbols if symbol not in there]
    if never:
        yield f"{members.name}: never a member in these rows, so never traded: {_named(never)}"
    days = np.unique(session)
    anybody = np.zeros(len(days), dtype=np.bool_)
    for name in there - missing:
        anybody |= inside(members.spells[name], days)
    if not anybody.all():
        nobody = days[~anybody]
        yield (
            f"{members.name}: nobody with prices is in it on {len(nobody)} of {len(days)} sessions, first on"
            f" {session_date(int(nobody[0]))} and last on {session_date(int(nobody[-1]))}: nothing is traded there"
        )


def _unsold(source: Panel | MappedSource | Aligned, spells: Sequence[Sequence[Spell]], session: Ints) -> Iterator[str]:
    """Members that leave and have no bar after it, at which what is held of them could be sold."""
    layout, last = source.layout, int(session[-1])
    if not layout.daily or DELISTING in layout.columns:
        return
    leavers = [at for at, each in enumerate(spells) if each and each[-1].last < last]
    if not leavers:
        return
    left = {at: int(np.searchsorted(session, spells[at][-1].last, side="right")) for at in leavers}
    for block in source.blocks(max(1, (1 << 20) // layout.assets)):
        for at in list(left):
            if not np.isnan(block.close[max(left[at] - block.first_row, 0) :, at]).all():
                del left[at]
    if left:
        names = _named([layout.symbols[at] for at in left])
        yield (
            f"{len(left)} members have no bar after the day on which they leave ({names}): a position in one stays, at"
            ' its last close, unless the column delisting says what it is paid off with (data.adjust = "events")'
        )
