"""The cross in vectorbt: two averages, their crossings, a portfolio of them; ``statistics`` adds its own table.

Timed as it is fastest, filled at the close that decides. ``check`` shifts the signals by a bar and fills at opens, as
backbus does, so that orders and final equity can be compared to the last cent.
"""

import numpy as np
import pandas as pd
import serve
import vectorbt as vbt

data = serve.bars()
index = pd.to_datetime(data["end"])
close, open_ = pd.Series(data["close"], index), pd.Series(data["open"], index)


def run(how):
    def work():
        fast, slow = vbt.MA.run(close, serve.FAST), vbt.MA.run(close, serve.SLOW)
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        price = close
        if how == "check":
            entries, exits, price = entries.vbt.signals.fshift(1), exits.vbt.signals.fshift(1), open_
        portfolio = vbt.Portfolio.from_signals(
            close,
            entries,
            exits,
            price=price,
            size=serve.QUANTITY,
            fees=serve.FEE,
            init_cash=serve.CASH,
            freq="1min",
        )
        total = portfolio.total_return()
        if how == "statistics":
            portfolio.stats()
        return portfolio, total

    def read(result):
        portfolio, total = result
        return {"orders": int(portfolio.orders.count()), "equity": float(serve.CASH * (1.0 + np.float64(total)))}

    return work, read


serve.serve(run)
