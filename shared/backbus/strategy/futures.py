"""Other futures for the same past: what the look-ahead check puts behind a row, and the market that it makes up.

Panels in, panels out. Pure: all chance comes from Philox's raw integers, keyed by a seed and a place, and all
arithmetic is exact, so every machine tries the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backbus.jit.arrays import read_only
from backbus.market.columns import FIELDS, MEMBER, OWN_SESSION
from backbus.market.panel import Block, Floats, Ints, Layout, Panel
from backbus.market.timeframes import DAY_NS

SYNTHETIC_ROWS, SYNTHETIC_ASSETS = 800, 12
PER_SESSION, QUARTER_NS = 26, 15 * 60 * 1_000_000_000
"""Bars of a made-up session of six and a half hours, and their length."""
"""Enough for the longest built-in (momentum of 252 bars) to speak, and for its ten best to be a choice."""

Future = Callable[[Panel, int, int], Panel]
"""The panel with its rows from ``cut`` on altered; the last argument is a seed."""


def truncated(panel: Panel, cut: int) -> Panel:
    """The rows before ``cut`` alone, as if the data ended there."""
    layout = replace(panel.layout, rows=cut, warmup=min(panel.layout.warmup, cut))
    return Panel(layout, panel.block.rows(0, cut))


def portion(panel: Panel, rows: int) -> tuple[Panel, int]:
    """At most ``rows`` traded rows and as many before them, renumbered from 0; and the first one's number before."""
    warmup = panel.layout.warmup
    first, stop = max(0, warmup - rows), min(len(panel), warmup + rows)
    if stop - first == len(panel):
        return panel, 0
    layout = replace(panel.layout, rows=stop - first, warmup=warmup - first)
    return Panel(layout, replace(panel.block.rows(first, stop), first_row=0)), first


def _uniform(seed: int, place: int, shape: tuple[int, ...]) -> Floats:
    """Numbers in [0, 1): the upper 53 bits of Philox's integers."""
    raw = np.random.Philox(key=[seed, place]).random_raw(int(np.prod(shape)))
    numbers: Floats = (raw >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53
    return numbers


def _with_fields(panel: Panel, change: Callable[[str, Floats], Floats]) -> Panel:
    block, columns = panel.block, {}
    for name, values in block.cells().items():
        if name == OWN_SESSION and panel.layout.calendars:  # of calendars there is one future
            columns[name] = values
            continue
        columns[name] = read_only(np.asarray(change(name, values), dtype=np.float64))
    fields = {name: columns.pop(name) for name in FIELDS}
    return Panel(panel.layout, Block.of(block.first_row, block.end, block.session, fields, columns, block.frames))


def _from(cut: int, change: Callable[[str, Floats], Floats]) -> Callable[[str, Floats], Floats]:
    return lambda name, column: np.concatenate((column[:cut], change(name, column[cut:])))


def _moved(members: Floats, factor: float) -> Floats:
    """Another future of a universe: who is in it leaves, or all get in."""
    return 1.0 - members if factor < 1.0 else np.ones(members.shape)


def _scaled(panel: Panel, cut: int, factor: float) -> Panel:
    chosen = panel.layout.universe is not None

    def change(name: str, rest: Floats) -> Floats:
        if chosen and name == MEMBER:
            return _moved(rest, factor)
        return rest / factor if name == "volume" else rest * factor

    return _with_fields(panel, _from(cut, change))


def halved(panel: Panel, cut: int, seed: int) -> Panel:
    """Prices fall by half at ``cut`` and stay there; twice the volume."""
    return _scaled(panel, cut, 0.5)


def doubled(panel: Panel, cut: int, seed: int) -> Panel:
    """Prices double at ``cut`` and stay there; half the volume."""
    return _scaled(panel, cut, 2.0)


def reversed_(panel: Panel, cut: int, seed: int) -> Panel:
    """The last bars come first."""
    return _with_fields(panel, _from(cut, lambda name, rest: rest[::-1]))


def shuffled(panel: Panel, cut: int, seed: int) -> Panel:
    """The same rows in a random order."""
    order = np.argsort(_uniform(seed, cut, (len(panel) - cut,)), kind="stable")
    return _with_fields(panel, _from(cut, lambda name, rest: rest[order]))


def holed(panel: Panel, cut: int, seed: int) -> Panel:
    """Every other bar, by chance, is missing."""
    missing = _uniform(seed, cut, (len(panel) - cut, panel.layout.assets)) < 0.5
    chosen = panel.layout.universe is not None

    def change(name: str, rest: Floats) -> Floats:
        return np.where(missing, 0.0 if chosen and name == MEMBER else np.nan, rest)

    return _with_fields(panel, _from(cut, change))


FUTURES: dict[str, Future] = {
    "halved": halved,
    "doubled": doubled,
    "reversed": reversed_,
    "shuffled": shuffled,
    "full of holes": holed,
}
"""Altered futures by the word that says what was done to the rows. Halved and doubled turn any comparison around."""


def shaken(panel: Panel, seed: int) -> Panel:
    """The whole panel with jumps to half and to double, one in fifty bars: a market that tests what rarely happens."""
    shape = (len(panel), panel.layout.assets)
    chance = _uniform(seed, 0, shape)
    steps = np.where(chance < 0.01, 0.5, np.where(chance < 0.02, 2.0, 1.0))
    level = np.clip(np.cumprod(steps, axis=0), 2.0**-12, 2.0**12)
    kept = ("volume", MEMBER) if panel.layout.universe is not None else ("volume",)
    return _with_fields(panel, lambda name, column: column if name in kept else column * level)


def cut_rows(panel: Panel, spoken: Ints, spread: int, after: int) -> list[int]:
    """Rows to cut at: ``spread`` evenly over the traded rows, and right after ``after`` of the rows with a signal."""
    first, last = panel.layout.warmup + 1, len(panel) - 1
    if last < first:
        return []
    even = np.linspace(first, last, min(spread, last - first + 1) + 2)[1:-1].astype(np.int64)
    rows = np.unique(spoken)
    chosen = (
        rows[np.unique(np.linspace(0, len(rows) - 1, min(after, len(rows))).astype(np.int64))] if len(rows) else rows
    )
    cuts = np.unique(np.concatenate((even, chosen + 1)))
    return [int(cut) for cut in cuts if first <= cut <= last]


def synthetic_panel(
    rows: int = SYNTHETIC_ROWS, assets: int = SYNTHETIC_ASSETS, *, seed: int = 1, per_session: int = 1
) -> Panel:
    """Daily bars of a random walk with jumps and holes, or several of a quarter of an hour in a session; one asset
    lists late, one is delisted early."""
    columns: dict[str, list[Floats]] = {name: [] for name in FIELDS}
    for asset in range(assets):
        draw = _uniform(seed, asset + 1, (8, rows))
        drift = 0.04 * (draw[0] + draw[1] + draw[2] - 1.5)
        jump = np.where(draw[3] < 0.005, 0.8, np.where(draw[3] < 0.01, 1.25, 1.0))
        close = np.cumprod((1.0 + drift) * jump) * 100.0
        open_ = close * (1.0 + 0.01 * (draw[4] - 0.5))
        missing = draw[7] < 0.02
        missing[: rows // 4 if asset == 1 else 0] = True
        missing[rows - rows // 4 if asset == 2 else rows :] = True
        made = {
            "open": open_,
            "high": np.maximum(open_, close) * (1.0 + 0.01 * draw[5]),
            "low": np.minimum(open_, close) * (1.0 - 0.01 * draw[6]),
            "close": close,
            "volume": 1000.0 * (1.0 + draw[5] + draw[6]),
        }
        for name, column in made.items():
            columns[name].append(np.where(missing, np.nan, column))
    number = np.arange(rows, dtype=np.int64)
    days, interval = number // per_session + 11_000, DAY_NS if per_session == 1 else QUARTER_NS
    ends = (days + 1) * DAY_NS - (per_session - 1 - number % per_session) * interval
    fields = [read_only(np.stack(columns[name], axis=1)) for name in FIELDS]
    layout = Layout(tuple(f"S{asset}" for asset in range(assets)), rows, 0, interval)
    return Panel(layout, Block(0, read_only(ends), read_only(days), *fields))
