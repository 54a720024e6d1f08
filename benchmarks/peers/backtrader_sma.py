"""The cross in backtrader, without its observers: their cost is its own choice, not the strategy's."""

import backtrader as bt
import pandas as pd
import serve

data = serve.bars()
frame = pd.DataFrame({name: data[name] for name in ("open", "high", "low", "close", "volume")})
frame.index = pd.to_datetime(data["end"])


class Cross(bt.Strategy):
    def __init__(self):
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=serve.FAST), bt.ind.SMA(period=serve.SLOW))
        self.count = 0

    def notify_order(self, order):
        self.count += order.status == order.Completed

    def next(self):
        if self.cross[0] > 0:
            self.buy(size=serve.QUANTITY)
        elif self.cross[0] < 0 and self.position:
            self.close()


def run(how):
    def work():
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.setcash(serve.CASH)
        cerebro.broker.setcommission(commission=serve.FEE)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes))
        cerebro.addstrategy(Cross)
        return cerebro, cerebro.run()

    def read(result):
        cerebro, strategies = result
        return {"orders": int(strategies[0].count), "equity": float(cerebro.broker.getvalue())}

    return work, read


serve.serve(run)
