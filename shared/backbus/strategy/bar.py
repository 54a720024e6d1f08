"""One bar as an event-style strategy sees it, and the bars of the same asset before it."""

from __future__ import annotations

import numpy as np

from backbus.errors import StrategyError
from backbus.market.panel import FIELDS, Block, Floats, session_date
from backbus.strategy.raw import unknown_column


class History:
    """The last ``depth`` bars of each asset, and those of the block that is being worked on."""

    __slots__ = ("_names", "_windows", "depth", "ends")

    def __init__(self, assets: int, depth: int, columns: tuple[str, ...] = ()) -> None:
        self.depth = depth
        self._names = (*FIELDS, *columns)
        self._windows = [np.empty((len(self._names), 0))] * assets
        self.ends = [0] * assets
        """For each asset, how many bars of its window have been worked on: what lies behind is the future."""

    def extend(self, block: Block) -> None:
        """Append a block's bars, holes left out; all bars before must have been worked on."""
        if not self.depth:
            return
        columns = np.stack([block.column(name) for name in self._names])
        present = ~np.isnan(block.close)
        for asset, before in enumerate(self._windows):
            kept = before[:, max(0, before.shape[1] - self.depth) :]
            own = columns[:, present[:, asset], asset]
            window = np.concatenate((kept, own), axis=1)
            window.flags.writeable = False
            self._windows[asset] = window
            self.ends[asset] = kept.shape[1]

    def last(self, asset: int, field: str, n: int) -> Floats:
        """The last ``n`` values of a field, the bar that is being worked on included; fewer while there are fewer."""
        if not 0 < n <= self.depth:
            raise StrategyError(
                f"{n} bars of history were asked for; the class allows {self.depth}. "
                f"Declare it: lookback: ClassVar[int] = {max(n, 1)}"
            )
        if field not in self._names:
            raise StrategyError(f"a bar has no field {field!r}; it has {', '.join(self._names)}")
        end = self.ends[asset]
        return self._windows[asset][self._names.index(field), max(0, end - n) : end]


class Bar:
    """A bar of one asset. The same object is used for each bar: keep its values, not the object."""

    __slots__ = (
        "_history",
        "asset",
        "close",
        "columns",
        "high",
        "low",
        "open",
        "row",
        "session",
        "symbol",
        "time",
        "trading",
        "volume",
    )

    def __init__(self, history: History) -> None:
        self._history = history
        self.row = 0
        self.time = 0
        """UTC instant at which the bar ends, nanoseconds since 1970."""
        self.session = 0
        """Trading session, days since 1970."""
        self.trading = False
        """False in warm-up rows, where signals are dropped."""
        self.asset = 0
        self.symbol = ""
        self.open = self.high = self.low = self.close = self.volume = 0.0
        self.columns: dict[str, float] = {}

    def __getitem__(self, name: str) -> float:
        """Another column of the data, one of ``data.columns``; NaN where nothing is known."""
        try:
            return self.columns[name]
        except KeyError:
            raise unknown_column(name, tuple(self.columns)) from None

    @property
    def date(self) -> str:
        """The session as an ISO date."""
        return session_date(self.session)

    def history(self, field: str, n: int) -> Floats:
        """The asset's last ``n`` values of ``field``, oldest first, this bar's last; fewer while there are fewer.

        Read-only. ``n`` is at most the class's ``lookback``.
        """
        return self._history.last(self.asset, field, n)

    def closes(self, n: int) -> Floats:
        """``history("close", n)``."""
        return self._history.last(self.asset, "close", n)

    def __repr__(self) -> str:
        return (
            f"Bar({self.symbol} row {self.row}, {self.date}: open {self.open}, high {self.high}, low {self.low}, "
            f"close {self.close}, volume {self.volume})"
        )
