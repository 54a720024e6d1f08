"""A simulated market: blocks of rows in any cut, the same bytes for the same settings and history."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from backbus.errors import DataError, JobError
from backbus.job import simulator as m
from backbus.job.scenarios import Together
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Floats, Ints, Layout, Panel, session_date
from backbus.market.spacing import in_layout
from backbus.simulator import random
from backbus.simulator.bars import fill_bars, outline, reach, reach_of_leaps
from backbus.simulator.clock import Clock, OfHistory, clock_of, shape
from backbus.simulator.correlation import Mixing, mixing_of
from backbus.simulator.history import MOVES, Moves, moves_of
from backbus.simulator.maths import exp_all
from backbus.simulator.paths import Path, Scale, path_of, pick
from backbus.simulator.random import Numbers
from backbus.simulator.scenarios import Effect, Strip, effect_of
from backbus.simulator.scratch import Scratch

STRIP_CELLS, LEAST_ROWS = 1 << 15, 512
"""Moves, and at least rows, that are worked on at a time: they stay in the caches. How many changes no number."""


class Market:
    """What ``settings`` describe, over the job's ``history`` where they need it. Raises JobError.

    ``layout``, ``notes``, ``len`` and ``blocks`` are those of a panel, which it is for whoever reads it in order.
    """

    def __init__(self, settings: m.SimulatorSettings, history: Panel | None = None) -> None:
        if settings.needs_history and history is None:
            raise JobError("bootstrap, history and replay take bars from [data]; name its files", field="data.files")
        self.settings, self._history = settings, history
        follows = any(isinstance(asset.path, m.History) for asset in settings.assets)
        if follows:
            assert history is not None
            if settings.rows > len(history):
                raise JobError(
                    f"history has {len(history)} rows, so no more than that many can follow it", field="simulator.rows"
                )
            self._clock: Clock = OfHistory(settings, history)
        else:
            self._clock = clock_of(settings)
        interval, zone, calendar = settings.interval_ns, None, settings.calendar
        if follows and history is not None:
            kept = history.layout
            interval, zone, calendar = kept.interval_ns, kept.timezone, kept.calendar
        layout = Layout(settings.symbols, settings.rows, 0, interval, timezone=zone, calendar=calendar)
        self.layout = in_layout(layout, self._clock.year)
        self.notes = tuple(_notes(settings))
        self._walk()  # so that what is wrong with history is said now

    def __len__(self) -> int:
        return self.layout.rows

    def blocks(self, size: int) -> Iterator[Block]:
        """All rows in blocks of ``size``, from the first one on; the last block may be shorter."""
        walk = self._walk()
        for first in range(0, len(self), size):
            yield walk.block(first, min(first + size, len(self)))

    def like(self, *, seed: int) -> Market:
        """The same market but for its seed."""
        other = copy.copy(self)  # with the same clock, which takes longer to make than many a market
        other.settings = self.settings.model_copy(update={"seed": seed})
        return other

    def _walk(self) -> _Walking:
        return _Walking(self.settings, self._clock, self._history)


class _Bars:
    """One asset on its way."""

    def __init__(self, asset: m.Asset, path: Path | None, follows: _Follows | None, effects: list[Effect]) -> None:
        self.asset, self.path, self.follows, self.effects = asset, path, follows, effects
        self.place, self.last = np.zeros(1), np.ones(1)


class _Follows:
    """Rows of history that an asset takes its bars from."""

    def __init__(self, moves: Moves, rows: _Rows) -> None:
        self.moves, self.rows = moves, rows


class _Rows:
    """Which rows of history come next: all in order, or blocks of random length; looked up once for a strip."""

    def __init__(self, numbers: Numbers, number: int, count: int, block: float | None) -> None:
        self._numbers, self._number, self._count, self._block = numbers, number, count, block
        self._place = np.array([-1])
        self._strip: tuple[int, Ints] = (-1, np.empty(0, dtype=np.int64))

    def of(self, first_row: int, rows: int) -> Ints:
        if self._block is None:
            return np.arange(first_row, first_row + rows, dtype=np.int64)
        if self._strip[0] != first_row:
            found = np.empty(rows, dtype=np.int64)
            uniforms = self._numbers.uniforms(random.BLOCKS, self._number, first_row, rows, 2)
            pick(uniforms, 1.0 / self._block, self._count, self._place, found)
            self._strip = first_row, found
        return self._strip[1]


class _Walking:
    """The state of a market between two blocks."""

    def __init__(self, settings: m.SimulatorSettings, clock: Clock, history: Panel | None) -> None:
        self._settings, self._clock = settings, clock
        self._numbers, self._scratch = Numbers(settings.seed), Scratch()
        scale = Scale(self._numbers, settings.steps, clock.bars_per_year)
        assets = [(asset, name) for asset in settings.assets for name in asset.names()]
        self._mixing = mixing_of(settings.correlation, len(assets))
        self._others = [
            (scenario.row, scenario.stop, mixing_of(m.Correlation(every=scenario.value), len(assets)))
            for scenario in settings.scenarios
            if isinstance(scenario, Together)
        ]
        rows = _followed(settings, history, self._numbers)
        self._bars = [
            _Bars(asset, path_of(asset, scale, number), rows[number], _effects(settings, name, history))
            for number, (asset, name) in enumerate(assets)
        ]

    def block(self, first: int, stop: int) -> Block:
        """The next rows."""
        moments = self._clock.rows(first, stop)
        fields = {name: np.empty((stop - first, len(self._bars))) for name in FIELDS}
        length = max(LEAST_ROWS, STRIP_CELLS // (self._settings.steps * len(self._bars)))
        for begin, end, mixing in self._strips(first, stop, length):
            part = slice(begin - first, end - first)
            self._strip(begin, end, mixing, moments.session[part], begin - first, fields)
        self._look(fields["close"], int(moments.session[-1]))
        for array in fields.values():
            array.flags.writeable = False
        return Block(first, moments.end, moments.session, *(fields[name] for name in FIELDS))

    def _look(self, close: Floats, session: int) -> None:
        """Raise where a price has left the range of numbers: not above zero and finite any more."""
        if close.min() > 0.0 and close.max() < np.inf:
            return
        lost = (close <= 0.0) | np.isinf(close) | np.array([np.isnan(bars.place[0]) for bars in self._bars])
        if lost.any():
            raise DataError(
                f"its simulated price leaves the range of numbers before {session_date(session)}; take a smaller "
                "drift, volatility or jumps",
                symbol=self._settings.symbols[int(np.argmax(lost.any(axis=0)))],
            )

    def _strips(self, first: int, stop: int, length: int) -> Iterator[tuple[int, int, Mixing]]:
        """Rows with one correlation, no more than ``length`` at a time; of two that meet the later counts."""
        edges = sorted({edge for begin, end, _ in self._others for edge in (begin, end)})
        begin = first
        while begin < stop:
            end = min([begin + length, stop, *(edge for edge in edges if edge > begin)])
            mixing = self._mixing
            for since, until, other in self._others:
                if since <= begin < until:
                    mixing = other
            yield begin, end, mixing
            begin = end

    def _strip(
        self,
        begin: int,
        end: int,
        mixing: Mixing,
        session: Ints,
        at: int,
        fields: dict[str, Floats],
    ) -> None:
        settings, rows = self._settings, end - begin
        noises = mixing.noises(self._numbers, self._scratch, begin, rows, settings.steps)
        volume = volatility = None
        intraday = settings.intraday
        if intraday.volume != 1.0 or intraday.volatility != 1.0:
            position = self._clock.positions(begin, end)
            volume = shape(position, intraday.volume, squared=False)
            volatility = shape(position, intraday.volatility, squared=True)
        changes = self._scratch.floats("changes", 1 + settings.steps, rows)
        wander, up, down = (self._scratch.floats(name, settings.steps, rows) for name in ("wander", "up", "down"))
        logs, parts = self._scratch.floats("logs", 4, rows), self._scratch.floats("parts", 4, rows)
        moved = self._scratch.floats("moved", rows)
        activity = self._scratch.floats("activity", rows)
        for number, bars in enumerate(self._bars):
            activity.fill(bars.asset.volume)
            size = 0.0
            wander.fill(0.0)
            if bars.follows is not None:
                chosen = bars.follows.rows.of(begin, rows)
                changes[:MOVES] = bars.follows.moves.changes[:, chosen]
                changes[MOVES:] = 0.0
                activity *= bars.follows.moves.volume[chosen]
            elif bars.path is not None:
                changes[0] = 0.0
                bars.path.move(noises[number], begin, changes, wander)
                size = bars.path.size
                if volatility is not None:
                    wander *= volatility
                    changes[1:] = bars.path.mean + (changes[1:] - bars.path.mean) * volatility
                if volume is not None:
                    activity *= volume
            absent = None
            if bars.effects:
                strip = Strip(begin, session, changes, wander, activity, np.zeros(rows, dtype=np.bool_))
                for effect in bars.effects:
                    effect.apply(strip)
                absent = strip.absent
            leaps = bars.path is not None and bars.path.leaps
            words = self._numbers.words(random.WAYS, number, begin, rows, settings.steps)
            (reach_of_leaps if leaps else reach)(changes, wander, words, up, down)
            gaps = outline(changes, up, down, bars.place, logs, moved)
            lines = 4 if gaps else 3
            exp_all(logs[:lines].reshape(-1), parts[:lines].reshape(-1))
            expected = settings.steps * size
            columns = (fields[name] for name in FIELDS)
            fill_bars(parts, moved, activity, gaps, bars.asset.price, bars.last, expected, number, at, *columns)
            if absent is not None and absent.any():
                for name in FIELDS:
                    fields[name][at : at + rows, number][absent] = np.nan


def _effects(settings: m.SimulatorSettings, name: str, history: Panel | None) -> list[Effect]:
    found = []
    for number, scenario in enumerate(settings.scenarios):
        if scenario.symbols is None or name in scenario.symbols:
            effect = effect_of(scenario, number, history)
            if effect is not None:
                found.append(effect)
    return found


def _followed(settings: m.SimulatorSettings, history: Panel | None, numbers: Numbers) -> list[_Follows | None]:
    """What each asset follows. Those that follow history in the same way share its rows, and only rows in which all
    of them traded are taken."""
    assets = [asset for asset in settings.assets for _ in asset.names()]
    paths = [asset.path for asset in assets if isinstance(asset.path, m.Bootstrap)]
    together = tuple(dict.fromkeys(path.of for path in paths))
    lengths = list(dict.fromkeys(path.block for path in paths))
    rows: dict[float, _Rows] = {}
    found: list[_Follows | None] = []
    for asset in assets:
        path = asset.path
        field = f"simulator.assets.{settings.assets.index(asset)}.path.of"
        if isinstance(path, m.Bootstrap):
            assert history is not None
            moves = moves_of(history, path.of, together, field)
            count = len(moves.volume)
            shared = rows.setdefault(path.block, _Rows(numbers, lengths.index(path.block), count, path.block))
            found.append(_Follows(moves, shared))
        elif isinstance(path, m.History):
            assert history is not None
            moves = moves_of(history, path.of, (), field)
            if len(moves.volume) < settings.rows:
                raise JobError(f"history has {len(moves.volume)} bars of {path.of}", field="simulator.rows")
            found.append(_Follows(moves, _Rows(numbers, 0, len(moves.volume), None)))
        else:
            found.append(None)
    return found


def _notes(settings: m.SimulatorSettings) -> Iterator[str]:
    for asset in settings.assets:
        path = asset.path
        if isinstance(path, m.Heston) and not path.feller:
            left, right = 2.0 * path.reversion * path.mean, path.volatility_of_variance**2
            yield (
                f"{asset.symbol}: Feller's condition does not hold (2 × reversion × mean variance is {left:.4g}, below "
                f"volatility_of_variance² = {right:.4g}), so its variance reaches zero; full truncation keeps it there"
            )
