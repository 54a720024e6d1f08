"""Two timeframes in event style: at each month's last close, hold what has risen. Needs ``data.timeframes``: 1mo."""

from typing import ClassVar

from backbus import Strategy, param


class MonthlyMomentum(Strategy):
    """Long in each asset whose close is above the one of some months ago; looks once a month."""

    lookback: ClassVar[int] = 61
    months: int = param(6, ge=1, le=60, description="complete months over which the close must have risen")

    def on_bar(self, bar):
        monthly = bar.every("1mo")
        if not monthly.just_closed:
            return
        closes = monthly.closes(self.months + 1)
        if len(closes) > self.months and closes[-1] > closes[0]:
            self.go_long()
        else:
            self.go_flat()
