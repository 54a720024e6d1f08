"""A sweep of the cross in vectorbt: averages of all windows, one portfolio of many columns, three statistics of each.

Timed as it is fastest, all points at once filled at the close that decides; where that would take too much memory, some
columns at a time. ``check`` goes by sides rather than crossings, shifts them by a bar and fills at opens, as backbus
does; its Sharpe ratio is that of sessions, so that each point can be compared.
"""

import itertools

import numpy as np
import pandas as pd
import serve
import vectorbt as vbt

MOST_CELLS, CELLS = 6_000_000, 2_000_000
"""Bars × points that are taken at once; and of how many a part is where there are more."""

serve.one_core()
data = serve.bars()
index = pd.to_datetime(data["end"])
close, open_ = pd.Series(data["close"], index), pd.Series(data["open"], index)
daily = np.ptp(data["session"]) + 1 == len(close)
freq = "1D" if daily else "1min"
pairs = list(itertools.combinations(serve.WINDOWS, 2))
together = len(pairs) if len(pairs) * len(close) <= MOST_CELLS else max(1, CELLS // len(close))


def averages(begin):
    if together == len(pairs):
        return vbt.MA.run_combs(close, list(serve.WINDOWS), r=2, short_names=["fast", "slow"])
    fast, slow = zip(*pairs[begin : begin + together], strict=True)
    return [
        vbt.MA.run(close, list(each), short_name=name, run_unique=True, silence_warnings=True)
        for name, each in (("fast", fast), ("slow", slow))
    ]


def sharpe(portfolio):
    if daily:
        return portfolio.sharpe_ratio()
    ends = np.append(np.flatnonzero(np.diff(data["session"])), len(close) - 1)
    equity = portfolio.value().iloc[ends]
    before = equity.shift(1)
    before.iloc[0] = serve.CASH
    return (equity / before - 1.0).vbt.returns(freq="1D").sharpe_ratio()


def run(how):
    starts = [0] if how == "warm" else range(0, len(pairs), together)

    def work():
        found = []
        for begin in starts:
            fast, slow = averages(begin)
            price = close
            if how == "check":
                entries, exits = fast.ma_above(slow), fast.ma_below(slow)
                entries, exits, price = entries.vbt.signals.fshift(1), exits.vbt.signals.fshift(1), open_
            else:
                entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
            portfolio = vbt.Portfolio.from_signals(
                close,
                entries,
                exits,
                price=price,
                size=serve.QUANTITY,
                fees=serve.FEE,
                init_cash=serve.CASH,
                freq=freq,
            )
            ratio = sharpe(portfolio) if how == "check" else portfolio.sharpe_ratio()
            figures = [portfolio.total_return(), ratio, portfolio.max_drawdown()]
            if how == "check":
                figures.append(portfolio.orders.count())
            found.append(figures)
        return found

    def read(found):
        if how != "check":
            return {}
        columns = [np.concatenate(column).astype(float).tolist() for column in zip(*found, strict=True)]
        return dict(zip(("total_return", "sharpe", "max_drawdown", "orders"), columns, strict=True))

    return work, read


serve.serve(run, "warm")
