"""The look-ahead check: what a strategy says of a row must not depend on what comes after it.

A strategy and a panel come in; the first signal that another future, another cut into blocks or a second run changes
goes out. All runs go through one function, ``Speak``, so whoever can run a strategy that reads the book (the engine)
checks that as well. Pure: no files, no clock; what is tried depends on the panel, the effort and the seed alone.

Blocks of one row are the sharpest test of array-style code: such a block has no later row to look at, so any row whose
signal differs from that of the whole panel at once is a suspect. Other futures behind the suspects, behind other
signals and at rows in between then tell looking ahead from merely depending on the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace

import numpy as np

from backbus.errors import StrategyError
from backbus.market.panel import Panel, session_date
from backbus.market.ticks import PHASES
from backbus.strategy.base import Strategy
from backbus.strategy.finding import Checked, Difference, Finding, Kind, difference, hint_of
from backbus.strategy.futures import FUTURES, cut_rows, portion, shaken, truncated
from backbus.strategy.loading import forgetful
from backbus.strategy.runner import StrategyRunner
from backbus.trading.records import SIGNAL, Records

Speak = Callable[[Strategy, Panel, int], Records]
"""All signals of a strategy over a panel that is cut into blocks of so many rows; raises StrategyError."""

TRUNCATED = "cut off"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried."""

    rows: int
    """At most so many traded ones."""
    event_cells: int
    """Rows × assets of event-style strategies, which are Python per bar."""
    spread: int
    """Cuts evenly over the rows."""
    after: int
    """Cuts right after rows with signals."""
    futures: int
    """Altered futures at each cut, taken in turn."""
    blocks: tuple[int, ...]
    shaken: bool
    """Whether array-style strategies are tried on a market with many jumps as well."""


QUICK = Effort(rows=5_000, event_cells=2_500, spread=3, after=5, futures=2, blocks=(7, 64), shaken=False)
"""For each point of a sweep: without blocks of one row, which take most of the time."""
USUAL = Effort(rows=2_000, event_cells=4_000, spread=6, after=10, futures=2, blocks=(1, 2, 7, 64), shaken=True)
THOROUGH = Effort(
    rows=1_000_000, event_cells=4_000_000, spread=50, after=200, futures=5, blocks=(1, 2, 3, 7, 64, 1000), shaken=True
)
LEAST_ROWS = 250
"""Rows that are tried however many assets there are: a year of days."""
NEARBY = 8
"""Rows around a finding that are searched for an earlier one."""


class Voice:
    """What a strategy prints is heard in the first of its runs; the others are the same again, hundreds of times."""

    def __init__(self) -> None:
        self._heard = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One more run."""
        if not self._heard:
            self._heard = True
            yield
            return
        with redirect_stdout(_Nowhere()):
            yield


class _Nowhere:
    """Takes what is printed, and keeps nothing of it."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""


def speak(strategy: Strategy, panel: Panel, block: int) -> Records:
    """The signals of a strategy that reads no book."""
    runner = StrategyRunner(strategy, panel.layout)
    parts = [runner.on_block(rows) for rows in panel.blocks(block)]
    return np.concatenate(parts) if parts else np.empty(0, SIGNAL)


def check(
    strategy: Strategy,
    panel: Panel,
    *,
    effort: Effort = USUAL,
    speak: Speak = speak,
    seed: int = 1,
    voice: Voice | None = None,
) -> Checked:
    """Try a strategy with its parameters on a panel; raises StrategyError where it cannot even run on it.

    What it prints is heard once, or not at all where ``voice`` was heard before.
    """
    rows = effort.rows
    if strategy.style == "event":
        rows = min(rows, max(LEAST_ROWS, effort.event_cells // panel.layout.assets))
    part, first = portion(panel, rows)
    trial = _Trial(strategy, part, effort, speak, seed, first, voice or Voice())
    finding = trial.finding()
    if finding is None and effort.shaken and strategy.style == "array" and len(trial.truth):
        finding = trial.on_shaken_prices()
    return Checked(
        strategy=repr(strategy),
        rows=len(part),
        of_rows=len(panel),
        assets=panel.layout.assets,
        signals=len(trial.truth),
        cuts=len(trial.cuts),
        truncated=trial.count_truncated,
        altered=trial.count_altered,
        futures=tuple(FUTURES),
        blocks=effort.blocks,
        repeats=2,
        raised=trial.raised,
        finding=finding,
    )


class _Trial:
    """The runs of one strategy on one panel and its other futures, and what they showed."""

    def __init__(
        self,
        strategy: Strategy,
        panel: Panel,
        effort: Effort,
        speak: Speak,
        seed: int,
        first: int,
        voice: Voice,
        *,
        jumps: bool = False,
    ) -> None:
        self._voice = voice
        self._strategy, self._panel, self._effort, self._speak = strategy, panel, effort, speak
        self._seed, self._first, self._jumps = seed, first, jumps
        self.truth = np.empty(0, SIGNAL)
        self.cuts: list[int] = []
        self.count_truncated = self.count_altered = self.raised = 0

    def _said(self, panel: Panel, block: int) -> Records:
        """Of one run, out of modules that remember no other."""
        with self._voice.turn():
            self._strategy = forgetful(self._strategy)
            return self._speak(self._strategy, panel, block)

    def finding(self) -> Finding | None:
        """Run it every way; None where all agree."""
        self.truth = self._whole()
        if not self._jumps:
            again = difference(self.truth, self._whole(), len(self._panel))
            if again is not None:
                return self._finding("repeat", again, "the same rows a second time")
        suspects, broken = self._other_blocks()
        behind = {one.row + 1 for one, _ in suspects if one.row + 1 < len(self._panel)}
        rows = self.truth["tick"] // PHASES
        self.cuts = sorted({*cut_rows(self._panel, rows, self._effort.spread, self._effort.after), *behind})
        for turn, cut in enumerate(self.cuts):
            found = self._look_ahead(cut, len(FUTURES) if cut in behind else self._effort.futures, turn)
            if found is not None:
                return found
        if suspects:
            one, size = min(suspects, key=lambda suspect: suspect[0].place)
            return self._confirmed("blocks", one, self._panel, size, _rows_of(size))
        if broken is not None:
            raise broken
        return None

    def on_shaken_prices(self) -> Finding | None:
        """The same on prices with many jumps, at the smallest block size; its runs are counted here."""
        few = replace(self._effort, blocks=self._effort.blocks[:1], spread=2, after=3)
        panel = shaken(self._panel, self._seed)
        trial = _Trial(self._strategy, panel, few, self._speak, self._seed, self._first, self._voice, jumps=True)
        try:
            found = trial.finding()
        except StrategyError:
            self.raised += 1
            return None
        self.cuts = [*self.cuts, *trial.cuts]
        self.count_truncated += trial.count_truncated
        self.count_altered += trial.count_altered
        self.raised += trial.raised
        return found

    def _whole(self, panel: Panel | None = None) -> Records:
        panel = self._panel if panel is None else panel
        return self._said(panel, max(1, len(panel)))

    def _other_blocks(self) -> tuple[list[tuple[Difference, int]], StrategyError | None]:
        """Where each block size differs from the whole, and the error where one of them cannot be run at all."""
        suspects: list[tuple[Difference, int]] = []
        broken: StrategyError | None = None
        for size in self._effort.blocks:
            try:
                records = self._said(self._panel, size)
            except StrategyError as error:
                told = f"it can be run on all rows at once, but not in {_rows_of(size)}: {error}"
                broken = broken or StrategyError(told, traceback=error.traceback)
                continue
            one = difference(self.truth, records, len(self._panel))
            if one is not None:
                suspects.append((one, size))
        return suspects, broken

    def _look_ahead(self, cut: int, futures: int, turn: int) -> Finding | None:
        """The first signal before ``cut`` that some other future of the rows from there on changes."""
        names = [TRUNCATED, *(list(FUTURES)[(turn * futures + place) % len(FUTURES)] for place in range(futures))]
        seen = [one for name in names if (one := self._changed(name, cut))]
        if not seen:
            return None
        seen = self._everything(cut) or seen
        row = min(found[0].row for found in seen)
        for earlier in range(max(self._panel.layout.warmup + 1, row - NEARBY), min(cut, row + NEARBY)):
            before = [found for found in self._everything(earlier) if found[0].row < row]
            if before:
                cut, seen = earlier, before
                break
        # Where several show the same place, an altered future says more than a missing one.
        first, name = min(seen, key=lambda found: (found[0].place, found[1] == TRUNCATED))
        by_count = all(name == TRUNCATED for _, name in seen)
        panel, change = self._with(name, cut), f"rows from {self._first + cut} on {name}"
        ahead = None if by_count else self._ahead(first, cut, name)
        return self._confirmed("look-ahead", first, panel, len(panel), change, ahead=ahead, by_count=by_count)

    def _everything(self, cut: int) -> list[tuple[Difference, str]]:
        return [one for name in (TRUNCATED, *FUTURES) if (one := self._changed(name, cut))]

    def _changed(self, name: str, cut: int) -> tuple[Difference, str] | None:
        """The first signal before ``cut`` that this future changes, and the future's name."""
        if name == TRUNCATED:
            self.count_truncated += 1
        else:
            self.count_altered += 1
        try:
            one = difference(self.truth, self._whole(self._with(name, cut)), cut)
        except StrategyError:
            self.raised += 1
            return None
        return None if one is None else (one, name)

    def _with(self, name: str, cut: int) -> Panel:
        return truncated(self._panel, cut) if name == TRUNCATED else FUTURES[name](self._panel, cut, self._seed)

    def _ahead(self, one: Difference, cut: int, name: str) -> int:
        """How many rows after its own the signal looks: the last cut that still changes it, by doubling and halving."""

        def changes(at: int) -> bool:
            try:
                other = self._whole(self._with(name, at))
            except StrategyError:
                return False
            return not np.array_equal(_at(self.truth, one), _at(other, one))

        last, step = len(self._panel) - 1, 1
        near = max(cut, one.row + 1)
        while near + step <= last and changes(near + step):
            near, step = near + step, 2 * step
        while step > 1:
            step //= 2
            if near + step <= last and changes(near + step):
                near += step
        return near - one.row

    def _confirmed(
        self,
        kind: Kind,
        one: Difference,
        panel: Panel,
        size: int,
        change: str,
        *,
        ahead: int | None = None,
        by_count: bool = False,
    ) -> Finding:
        """The finding, after both runs were made again: what does not even repeat itself proves nothing else."""
        again = difference(self.truth, self._whole(), len(self._panel))
        if again is not None:
            return self._finding("repeat", again, "the same rows once more")
        other = self._said(panel, size)
        if difference(self.truth, other, one.row + 1) != one:
            return self._finding("repeat", one, f"{change}, and not so when that was run once more")
        return self._finding(kind, one, change, ahead=ahead, by_count=by_count)

    def _finding(
        self,
        kind: Kind,
        one: Difference,
        change: str,
        *,
        ahead: int | None = None,
        by_count: bool = False,
    ) -> Finding:
        block = self._panel.block
        rest = len(self._panel) - 1 - one.row
        return Finding(
            kind=kind,
            row=self._first + one.row,
            time=int(block.end[one.row]),
            session=session_date(block.session[one.row]),
            asset=one.asset,
            symbol=self._panel.symbols[one.asset],
            expected=one.expected,
            found=one.found,
            change=change,
            ahead=ahead,
            shaken=self._jumps,
            hint=hint_of(kind, ahead, rest, by_count),
        )


def _at(records: Records, one: Difference) -> Records:
    here: Records = records[(records["tick"] // PHASES == one.row) & (records["asset"] == one.asset)]
    return here


def _rows_of(size: int) -> str:
    return "blocks of one row" if size == 1 else f"blocks of {size} rows"
