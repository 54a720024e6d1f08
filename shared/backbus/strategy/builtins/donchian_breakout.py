"""Following a price out of its channel."""

from __future__ import annotations

from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.parameters import param
from backbus.strategy.streams import Stream
from backbus.trading.records import Records


class DonchianBreakout(Strategy):
    """Long when a close is above the highest high of the ``entry`` bars before it, until one is below the lowest low
    of the ``exit`` bars before it; with ``short``, the mirror image as well.
    """

    entry: int = param(20, ge=1, description="bars of the channel that an entry breaks")
    exit: int = param(10, ge=1, description="bars of the channel that an exit breaks")
    short: bool = param(False, description="also go short on a close below the lowest low of the entry channel")

    def signals(self, bars: Bars) -> Records:
        """Entries and exits, latched."""
        enter = bars.close > bars.rolling_high(self.entry).shift(1)
        leave = bars.close < bars.rolling_low(self.exit).shift(1)
        if not self.short:
            return self.enter_exit(enter, leave)
        enter_short = bars.close < bars.rolling_low(self.entry).shift(1)
        leave_short = bars.close > bars.rolling_high(self.exit).shift(1)
        return self.enter_exit(enter, leave, enter_short, leave_short)

    def indicators(self, bars: Bars) -> dict[str, Stream]:
        """The bands that it compares closes with."""
        highs = (self.entry, self.exit) if self.short else (self.entry,)
        lows = (self.exit, self.entry) if self.short else (self.exit,)
        bands = {f"highest of {n} before": bars.rolling_high(n).shift(1) for n in highs}
        return {**bands, **{f"lowest of {n} before": bars.rolling_low(n).shift(1) for n in lows}}
