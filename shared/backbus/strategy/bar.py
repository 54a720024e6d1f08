"""One bar as an event-style strategy sees it, and the bars of the same asset before it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import numpy as np

from backbus.errors import StrategyError
from backbus.market.columns import EVENTS, FIELDS
from backbus.market.forward_adjusted import Adjusted
from backbus.market.panel import Block, Floats, session_date
from backbus.market.resampling import Resampler
from backbus.strategy.raw import unknown_column, unknown_timeframe


class BarHistory:
    """The last ``depth`` bars of each asset, and those of the block that is being worked on."""

    __slots__ = ("_factors", "_names", "_windows", "depth", "ends", "now")

    def __init__(self, assets: int, depth: int, columns: tuple[str, ...] = ()) -> None:
        self.depth = depth
        self._names = (*FIELDS, *columns)
        factors = 2 * any(name in columns for name in EVENTS)
        self._windows = [np.empty((len(self._names) + factors, 0))] * assets
        self.ends = [0] * assets
        """For each asset, how many bars of its window have been worked on: what lies behind is the future."""
        self.now: tuple[Floats, Floats] | None = None
        """[assets] what prices and volumes of the current row are adjusted by, where there are actions."""
        self._factors = any(name in columns for name in EVENTS)

    def extend(self, block: Block, adjusted: Adjusted | None = None) -> None:
        """Append a block's bars, holes left out; all bars before must have been worked on.

        ``adjusted`` says what they are adjusted by; where there are actions and it is left out, they already are."""
        if not self.depth:
            return
        columns = np.stack([block.column(name) for name in self._names])
        if self._factors:
            one = np.ones(block.close.shape)
            factors = (one, one) if adjusted is None else (adjusted.prices, adjusted.volumes)
            columns = np.concatenate((columns, np.stack(factors)))
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
            has = ", ".join(self._names)
            raise StrategyError(f"a bar has no field {field!r}; it has {has}, and what the job's data.columns names")
        end = self.ends[asset]
        window = self._windows[asset][:, max(0, end - n) : end]
        values: Floats = window[self._names.index(field)]
        if self.now is not None and field in FIELDS:
            volume = int(field == "volume")
            values = values * (window[-2 + volume] / self.now[volume][asset])
            values.flags.writeable = False
        return values


class Longer:
    """The last bar of a longer timeframe that is complete, of the asset of the bar that was asked for it.

    Prices are NaN before the first. The same object is used for each bar: keep its values, not the object.
    """

    __slots__ = ("_history", "_resampler", "_rows", "asset", "made", "new", "timeframe")

    def __init__(self, timeframe: str, assets: int, depth: int, columns: tuple[str, ...]) -> None:
        self.timeframe = timeframe
        self.asset = 0
        self.made = [0] * assets
        """For each asset, how many have been completed."""
        self.new = [False] * assets
        """For each asset, whether this row completed one."""
        self._history = BarHistory(assets, max(depth, 1), columns)
        self._resampler = Resampler(assets, columns)
        self._rows: list[tuple[int, list[bool]]] = []

    def extend(self, block: Block) -> None:
        """Take in the rows that come next."""
        key = block.frames[self.timeframe]
        made, rows = self._resampler.take(block, key, block.end >= key)
        if len(made):
            self._history.extend(made)
            present = (~np.isnan(made.close)).tolist()
            self._rows = list(zip((rows + block.first_row).tolist(), present, strict=True))[::-1]

    def turn(self, row: int) -> None:
        """Let the bars be known that ``row`` completed."""
        if any(self.new):
            self.new = [False] * len(self.new)
        while self._rows and self._rows[-1][0] == row:
            for asset, there in enumerate(self._rows.pop()[1]):
                if there:
                    self._history.ends[asset] += 1
                    self.made[asset] += 1
                    self.new[asset] = True

    @property
    def bars(self) -> BarHistory:
        """Those that are complete."""
        return self._history

    @property
    def count(self) -> int:
        """How many bars of the asset are complete."""
        return self.made[self.asset]

    @property
    def just_closed(self) -> bool:
        """Whether this row completed one."""
        return self.new[self.asset]

    @property
    def open(self) -> float:
        """Price of the first trade."""
        return self["open"]

    @property
    def high(self) -> float:
        """Highest price."""
        return self["high"]

    @property
    def low(self) -> float:
        """Lowest price."""
        return self["low"]

    @property
    def close(self) -> float:
        """Price of the last trade."""
        return self["close"]

    @property
    def volume(self) -> float:
        """Units traded."""
        return self["volume"]

    def __getitem__(self, name: str) -> float:
        """A field, or another column of the data: the last value in the bar that was known."""
        last = self._history.last(self.asset, name, 1)
        return float(last[0]) if len(last) else math.nan

    def history(self, field: str, n: int) -> Floats:
        """The asset's last ``n`` values of ``field``, oldest first, of bars that are complete; fewer while there are
        fewer. Read-only. ``n`` is at most the class's ``lookback``."""
        return self._history.last(self.asset, field, n)

    def closes(self, n: int) -> Floats:
        """``history("close", n)``."""
        return self._history.last(self.asset, "close", n)


class Bar:
    """A bar of one asset. The same object is used for each bar: keep its values, not the object."""

    __slots__ = (
        "_history",
        "_longer",
        "asset",
        "close",
        "columns",
        "high",
        "low",
        "member",
        "open",
        "row",
        "session",
        "symbol",
        "time",
        "trading",
        "volume",
    )

    def __init__(self, history: BarHistory, longer: Sequence[Longer] = ()) -> None:
        self._history = history
        self._longer = {each.timeframe: each for each in longer}
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
        self.member = True
        """Whether the asset is in the job's universe; true where the job has none."""

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

    @property
    def datetime(self) -> dt.datetime:
        """When the bar ends, in UTC, to the microsecond; in another zone: ``bar.datetime.astimezone(zone)``."""
        return dt.datetime.fromtimestamp(self.time // 1_000_000_000, dt.UTC).replace(
            microsecond=self.time % 1_000_000_000 // 1000
        )

    def history(self, field: str, n: int) -> Floats:
        """The asset's last ``n`` values of ``field``, oldest first, this bar's last; fewer while there are fewer.

        Read-only. ``n`` is at most the class's ``lookback``.
        """
        return self._history.last(self.asset, field, n)

    def closes(self, n: int) -> Floats:
        """``history("close", n)``."""
        return self._history.last(self.asset, "close", n)

    def every(self, timeframe: str) -> Longer:
        """The asset's last complete bar of a longer timeframe, one of the job's ``data.timeframes``."""
        longer = self._longer.get(timeframe)
        if longer is None:
            raise unknown_timeframe(timeframe, tuple(self._longer))
        longer.asset = self.asset
        return longer

    def __repr__(self) -> str:
        return (
            f"Bar({self.symbol} row {self.row}, {self.date}: open {self.open}, high {self.high}, low {self.low}, "
            f"close {self.close}, volume {self.volume})"
        )
