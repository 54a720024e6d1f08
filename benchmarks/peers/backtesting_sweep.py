"""A sweep of the cross by the ``optimize`` of backtesting.py: a run with all of its statistics for each point."""

import warnings

import pandas as pd
import serve
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

warnings.filterwarnings("ignore")
serve.one_core()
data = serve.bars()
frame = pd.DataFrame(
    {name.capitalize(): data[name] for name in ("open", "high", "low", "close", "volume")}, pd.to_datetime(data["end"])
)


class Cross(Strategy):
    fast, slow = serve.FAST, serve.SLOW

    def init(self):
        close = pd.Series(self.data.Close)
        self.short = self.I(lambda: close.rolling(self.fast).mean())
        self.long = self.I(lambda: close.rolling(self.slow).mean())

    def next(self):
        if crossover(self.short, self.long):
            self.buy(size=int(serve.QUANTITY))
        elif crossover(self.long, self.short):
            self.position.close()


def run(how):
    windows = list(serve.FEW_WINDOWS[:2] if how == "warm" else serve.FEW_WINDOWS)

    def work():
        return Backtest(frame, Cross, cash=serve.CASH, commission=serve.FEE).optimize(
            fast=windows,
            slow=windows,
            constraint=lambda point: point.fast < point.slow,
            maximize="Equity Final [$]",
            return_heatmap=True,
        )

    def read(result):
        _, equity = result
        points = equity.dropna().sort_index()
        return {"points": points.index.tolist(), "total_return": (points / serve.CASH - 1.0).tolist()}

    return work, read


serve.serve(run, "warm")
