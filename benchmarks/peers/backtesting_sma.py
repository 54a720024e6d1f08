"""The cross in backtesting.py, its statistics included: it makes them in every run."""

import warnings

import pandas as pd
import serve
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

warnings.filterwarnings("ignore")
data = serve.bars()
frame = pd.DataFrame(
    {name.capitalize(): data[name] for name in ("open", "high", "low", "close", "volume")}, pd.to_datetime(data["end"])
)


class Cross(Strategy):
    def init(self):
        close = pd.Series(self.data.Close)
        self.fast = self.I(lambda: close.rolling(serve.FAST).mean())
        self.slow = self.I(lambda: close.rolling(serve.SLOW).mean())

    def next(self):
        if crossover(self.fast, self.slow):
            self.buy(size=int(serve.QUANTITY))
        elif crossover(self.slow, self.fast):
            self.position.close()


def run(how):
    def work():
        return Backtest(frame, Cross, cash=serve.CASH, commission=serve.FEE).run()

    def read(result):
        trades = len(result["_trades"])
        opened = len(result["_strategy"].trades)
        return {"orders": 2 * trades + opened, "equity": float(result["Equity Final [$]"])}

    return work, read


serve.serve(run)
