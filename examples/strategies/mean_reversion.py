"""Array style: buy what has fallen far below its mean, sell when it is back. Whole blocks at once."""

from thresholds import ENTER, EXIT

from backbus import Strategy, param


class MeanReversion(Strategy):
    """Long from a close far below its mean until one above it."""

    window: int = param(20, ge=2, description="bars of the mean and the deviation")
    enter: float = param(ENTER, lt=0, description="enter below this many standard deviations")

    def signals(self, bars):
        score = bars.zscore(self.window)
        return self.enter_exit(score < self.enter, score > EXIT)
