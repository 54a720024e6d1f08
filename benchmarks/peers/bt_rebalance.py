"""The monthly rebalance in bt: weights by day, rebalanced where there are any."""

import bt
import pandas as pd
import serve

data = serve.cells()
index = pd.to_datetime(data["end"])
close = pd.DataFrame(data["close"], index, [f"S{asset}" for asset in range(data["close"].shape[1])])


def run(how):
    def work():
        weights = pd.DataFrame(serve.weights(close.to_numpy()), index, close.columns).dropna()
        algos = [bt.algos.WeighTarget(weights), bt.algos.Rebalance()]
        strategy = bt.Strategy("top", algos)
        test = bt.Backtest(strategy, close, initial_capital=serve.CASH, integer_positions=False, progress_bar=False)
        return bt.run(test, progress_bar=False)

    def read(result):
        return {"orders": 0, "equity": float(serve.CASH * result.prices.iloc[-1, 0] / result.prices.iloc[0, 0])}

    return work, read


serve.serve(run)
