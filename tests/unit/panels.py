"""Panels of daily bars from plain columns, and a run's tables from their pieces: what every test of a run begins and
ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from backbus.market.panel import Block, Floats, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.performance.tables import Columns, Piece

SYMBOLS = "ABCDEFGH"


def panel_of(
    *columns: Floats, warmup: int = 0, per_session: int = 1, extra: Mapping[str, Floats] | None = None
) -> Panel:
    """A panel from open, high, low, close and volume [rows, assets], and from ``extra`` columns; ``per_session`` rows a
    session, daily where it is 1."""
    further = dict(extra or {})
    for column in (*columns, *further.values()):
        column.flags.writeable = False
    rows, assets = columns[0].shape
    number, step = np.arange(rows, dtype=np.int64), DAY_NS // per_session
    layout = Layout(tuple(SYMBOLS[:assets]), rows, warmup, step, tuple(further))
    return Panel(layout, Block(0, (number + 1) * step, number // per_session, *columns, extra=further))


def tables_of(pieces: Iterable[Piece]) -> dict[str, Columns]:
    """A run's tables by name, each put together from its pieces."""
    parts: dict[str, list[Columns]] = {}
    for name, columns in pieces:
        parts.setdefault(name, []).append(columns)
    return {name: {key: np.concatenate([one[key] for one in some]) for key in some[0]} for name, some in parts.items()}
