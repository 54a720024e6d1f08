"""Two timeframes in array style: weeks tell the trend, days the moment. Needs ``data.timeframes = ["1w"]``."""

from backbus import Strategy, param


class WeeklyTrend(Strategy):
    """Long in a dip of the daily close while the last complete weeks rise, until the close is above its mean again."""

    weeks: int = param(20, ge=2, le=200, description="complete weeks of the mean that the last one must exceed")
    dip: float = param(-1.0, lt=0, description="z-score of the daily close at which a dip begins")
    days: int = param(10, ge=2, le=200, description="days of the z-score")

    def signals(self, bars):
        weekly = bars.every("1w")
        rising = (weekly.close > weekly.sma(self.weeks)).on(bars)
        z = bars.zscore(self.days)
        return self.enter_exit(rising & (z < self.dip), (z > 0.0) | ~rising)
