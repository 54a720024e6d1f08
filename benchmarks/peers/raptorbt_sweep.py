"""A sweep of the cross in raptorbt on one thread: an average of each window, the crossings of each pair, and all pairs
as one batch with all metrics of each.

It invests a part of its equity, not a number of shares: as many orders, not as large.
"""

import itertools
import os

os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np
import raptorbt
import serve

MOST_CELLS = 20_000_000
"""Bars × points of one batch."""

serve.one_core()
data = serve.bars()
rows = len(data["close"])
prices = [data[name] for name in ("open", "high", "low", "close", "volume")]
config = raptorbt.BacktestConfig(initial_capital=serve.CASH, fees=serve.FEE, slippage=0.0)
GRIDS = {
    "plain": list(itertools.combinations(serve.WINDOWS, 2)),
    "sparse": list(itertools.product(*serve.SPARSE)),
}
together = max(1, MOST_CELLS // rows)
parts = np.full(rows, 0.01)


def item(name, fast, slow):
    above = fast > slow
    before = np.concatenate(([False], above[:-1]))
    return raptorbt.BatchSingleItem(name, above & ~before, before & ~above, config=config, position_sizes=parts)


def run(how):
    chosen = GRIDS["plain"][:together] if how == "warm" else GRIDS[how]

    def work():
        averages = {n: np.asarray(raptorbt.sma(data["close"], n)) for n in {n for pair in chosen for n in pair}}
        found = []
        for begin in range(0, len(chosen), together):
            items = [item(f"{f} {s}", averages[f], averages[s]) for f, s in chosen[begin : begin + together]]
            results = raptorbt.batch_single_backtest(data["end"], *prices, items, config)
            found += [result.metrics for _, result in results]
        return found

    def read(found):
        trades = [each.total_closed_trades for each in found]
        return {"trades": trades, "pace": len(found) * rows}

    return work, read


serve.serve(run, "warm")
