"""Reads further columns of bars that were made of trades. Needs ``data.columns``: vwap, ``data.timeframes``: 1h."""

from backbus import Strategy, param


class VwapPull(Strategy):
    """Long while the close is above the mean price of its bar and of the last complete hour, which is rising."""

    bars: int = param(5, ge=2, le=200, description="bars over which the distance to the mean price is averaged")

    def signals(self, bars):
        hourly = bars.every("1h")
        above = (bars.close - bars["vwap"]).sma(self.bars)
        rising = (hourly.close > hourly.close.shift(1)).on(bars)
        return self.hold_long((above > 0.0) & rising)
