"""What the look-ahead check finds: where two runs of a strategy do not say the same, in figures and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from backbus.market.ticks import PHASES
from backbus.trading.codes import SIGNAL_KINDS, SignalKind
from backbus.trading.records import Records

Kind = Literal["look-ahead", "blocks", "repeat"]


@dataclass(frozen=True, slots=True)
class SaidSignal:
    """One signal, without its place."""

    kind: str
    value: float

    def __str__(self) -> str:
        if self.kind != SIGNAL_KINDS[SignalKind.DIRECTION]:
            return f"weight {self.value:g}"
        side = "long" if self.value > 0 else "short" if self.value < 0 else "flat"
        return side if abs(self.value) in (0.0, 1.0) else f"{side} {abs(self.value):g}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The first signal that differs: its place, what was said there in the two runs, and what the runs differ in."""

    kind: Kind
    row: int
    """In the numbering of the panel that was given."""
    time: int
    """UTC instant at which the row ends, nanoseconds since 1970."""
    session: str
    asset: int
    symbol: str
    expected: SaidSignal | None
    """Over the whole panel at once, with the true future; None: nothing."""
    found: SaidSignal | None
    """In the other run."""
    change: str
    """What the other run had, such as "rows from 812 on halved" or "blocks of 7 rows"."""
    ahead: int | None
    """Looking ahead: how many rows after its own still matter, as far as was tried."""
    shaken: bool
    """Whether it showed only after prices had been shaken by jumps."""
    hint: str

    def __str__(self) -> str:
        what = {"look-ahead": "look-ahead", "blocks": "depends on how the rows are cut", "repeat": "not repeatable"}
        where = f"row {self.row} ({instant(self.time)}), {self.symbol}"
        prices = ", on prices shaken by jumps" if self.shaken else ""
        return (
            f"{what[self.kind]} at {where}{prices}: {said(self.expected)}, but {said(self.found)} with {self.change}. "
            f"{self.hint}"
        )


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """A model of the user's own that was tried."""

    kind: str
    name: str
    compiled: bool
    calls: int
    """That the job made of it; each was made again."""
    cost_us: float | None
    """Microseconds of a call; None where it is compiled."""
    finding: str | None
    """What is wrong with it."""
    note: str | None
    """How its compiled answers differ from those of plain Python, where they do."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was tried, and what was found."""

    strategy: str
    rows: int
    """Rows that were tried, warm-up included."""
    of_rows: int
    assets: int
    signals: int
    """How many the strategy gave over these rows; with none, nothing could differ."""
    cuts: int
    truncated: int
    altered: int
    futures: tuple[str, ...]
    blocks: tuple[int, ...]
    repeats: int
    raised: int
    """Runs on other futures that the strategy ended by an exception, which prove nothing."""
    finding: Finding | None
    synthetic: bool = False
    """Whether the prices were made up for the check."""
    models: tuple[CheckedModel, ...] = ()
    """The user's own models, where the job has any."""
    intraday: int = 0
    """Rows within sessions that were tried: all of them where the data's are, else those made up beside the days."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.finding is None and not any(model.finding for model in self.models)

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        found = None
        if self.finding is not None:
            found = {**asdict(self.finding), "time": instant(self.finding.time)}
        return {**asdict(self), "clean": self.clean, "finding": found}


def instant(time: int) -> str:
    """A UTC instant as ISO text, to the second."""
    return f"{np.datetime64(time, 'ns').astype('datetime64[s]')}Z"


def said(signal: SaidSignal | None) -> str:
    """A signal or its absence in words."""
    return "nothing" if signal is None else str(signal)


@dataclass(frozen=True, slots=True)
class Difference:
    """A (row, asset) at which two runs do not say the same."""

    row: int
    asset: int
    expected: SaidSignal | None
    found: SaidSignal | None

    @property
    def place(self) -> tuple[int, int]:
        """What the earliest is chosen by."""
        return self.row, self.asset


def _signal(records: Records, index: int) -> SaidSignal:
    return SaidSignal(SIGNAL_KINDS[int(records["kind"][index])], float(records["value"][index]))


def difference(expected: Records, found: Records, rows: int) -> Difference | None:
    """The first place before row ``rows`` at which two runs do not say the same. Records are in (row, asset) order."""
    expected = expected[expected["tick"] < PHASES * rows]
    found = found[found["tick"] < PHASES * rows]
    common = min(len(expected), len(found))
    unequal = np.flatnonzero(expected[:common] != found[:common])
    at = int(unequal[0]) if len(unequal) else common
    places = [
        (int(records["tick"][at]), int(records["asset"][at])) for records in (expected, found) if at < len(records)
    ]
    if not places:
        return None
    tick, asset = min(places)

    def there(records: Records) -> SaidSignal | None:
        here = at < len(records) and (int(records["tick"][at]), int(records["asset"][at])) == (tick, asset)
        return _signal(records, at) if here else None

    return Difference(tick // PHASES, asset, there(expected), there(found))


def hint_of(kind: Kind, ahead: int | None, rest: int, by_count: bool) -> str:
    """What to look for in the strategy's code."""
    if kind == "repeat":
        return (
            "Look for random numbers, the clock, and anything kept in globals or in the class: "
            "what is remembered belongs into self._name."
        )
    if kind == "blocks":
        return (
            "Look for what is computed from the block alone: its first or last value, its length, a difference or a "
            "rolling value that starts anew in each block. Use streams, or lookback and bars.raw."
        )
    if by_count:
        return "No price matters, only how many rows follow: look for len(bars), the number of rows, a last row."
    if ahead == 1:
        return "It looks one row ahead: look for [1:], [t + 1], roll(-1), shift(-1), a gradient, the next open."
    if ahead is not None and ahead >= max(2, rest // 2):
        return (
            "It looks far ahead: look for a mean, an extreme, a sort, a fit or a fill over all rows of the block, "
            "or for its last value."
        )
    return f"It looks {ahead} rows ahead: look for a centred window, a negative shift, a fill backwards."
