"""Records that a member works out before their writer says them: both must be the same bytes, or the attempt ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.errors import Mispredicted
from backbus.market.panel import Layout
from backbus.market.ticks import PHASE_NAMES, PHASES
from backbus.streams.record_queue import RecordQueue
from backbus.streams.topology import STREAMS, Kind
from backbus.trading.records import Records


class Foretold:
    """One stream of records: what ``role`` worked out of it, and what its writer said."""

    def __init__(self, kind: Kind, role: str, layout: Layout) -> None:
        stream = STREAMS[kind]
        assert stream.record is not None and stream.writer is not None
        self._kind, self._role, self._writer, self._layout = kind, role, stream.writer, layout
        self._worked_out, self._heard = RecordQueue(stream.record), RecordQueue(stream.record)
        self._compared = 0

    def expect(self, records: Records) -> None:
        """Take in what was worked out next."""
        if len(records):
            self._worked_out.add(records)

    def hear(self, records: Records) -> None:
        """Take in what the writer said next."""
        self._heard.add(records)

    def compare(self, until: int) -> None:
        """Look at the records below the tick ``until``, of which both sides have all. Raises ``Mispredicted``."""
        ours, theirs = (_below(queue, until) for queue in (self._worked_out, self._heard))
        if len(ours) != len(theirs) or ours.tobytes() != theirs.tobytes():
            self._look_closely(ours, theirs)
        self._worked_out.drop(len(ours))
        self._heard.drop(len(theirs))
        self._compared += len(ours)

    def _look_closely(self, ours: Records, theirs: Records) -> None:
        """Raise where they differ in more than in how a NaN or a zero is written."""
        same = min(len(ours), len(theirs))
        plain = [canonical(records[:same]).view(f"V{records.dtype.itemsize}") for records in (ours, theirs)]
        different = np.flatnonzero(plain[0] != plain[1])
        if not len(different) and len(ours) == len(theirs):
            return
        at = int(different[0]) if len(different) else same
        one, other = (records[at] if at < len(records) else None for records in (theirs, ours))
        fields = [
            name for name in self._heard.pending.dtype.names or ()
            if one is None or other is None or str(one[name]) != str(other[name])
        ]  # fmt: skip
        raise Mispredicted(
            f"record {self._compared + at} of {self._kind} differs, {self._place(other if one is None else one)}: "
            f"{self._writer} said {_words(one, fields)}, {self._role} had worked out {_words(other, fields)}"
        )

    def _place(self, record: Any) -> str:
        row, phase = divmod(int(record["tick"]), PHASES)
        asset = int(record["asset"])
        named = self._layout.symbols[asset] if 0 <= asset < self._layout.assets else f"asset {asset}"
        return f"row {row} ({PHASE_NAMES[phase]}), {named}"


def canonical(records: Records) -> NDArray[Any]:
    """A copy in which every NaN and every zero has the same bytes: which NaN a sum gives is the processor's to say."""
    found = records.copy()
    for name in found.dtype.names or ():
        column = found[name]
        if column.dtype.kind == "f":
            column[np.isnan(column)] = np.nan
            column[column == 0.0] = 0.0
    return found


def _below(queue: RecordQueue, until: int) -> Records:
    pending = queue.pending
    if not len(pending) or pending["tick"][-1] < until:
        return pending
    return pending[: int(np.searchsorted(pending["tick"], until))]


def _words(record: Any, fields: list[str]) -> str:
    if record is None:
        return "nothing there"
    return ", ".join(f"{name} {record[name]}" for name in fields)
