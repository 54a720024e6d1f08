"""The cross in raptorbt: two averages, the bars in which they cross, one array runner with all of its metrics.

It invests a part of its equity, not a number of shares, so its orders are as many and not as large.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import raptorbt
import serve

data = serve.bars()
prices = [data[name] for name in ("open", "high", "low", "close", "volume")]
config = raptorbt.BacktestConfig(initial_capital=serve.CASH, fees=serve.FEE, slippage=0.0)
parts = np.full(len(data["close"]), 0.01)


def run(how):
    def work():
        fast, slow = (np.asarray(raptorbt.sma(data["close"], n)) for n in (serve.FAST, serve.SLOW))
        above = fast > slow
        before = np.concatenate(([False], above[:-1]))
        signals = above & ~before, before & ~above
        return raptorbt.run_single_backtest(data["end"], *prices, *signals, 1, 1.0, "A", config, parts)

    def read(result):
        metrics = result.metrics
        return {"orders": 2 * metrics.total_closed_trades + metrics.total_open_trades, "equity": metrics.end_value}

    return work, read


serve.serve(run)
