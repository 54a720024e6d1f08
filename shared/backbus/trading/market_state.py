"""What is known of each asset's market, as its bars and its fills have made it.

Portfolio and market keep one each, alike: what costs will be is known to both from what was known before the bar that
fills. A share of the bar's own volume is known to the market alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.jit.decorators import part, step
from backbus.market.columns import PRICES
from backbus.market.panel import Floats
from backbus.trading.groups import BarArrays, MarketArrays, OrderLists, SingleOrders, verb
from backbus.trading.records import Records
from backbus.trading.rules import Fact, Rules
from backbus.trading.slippage import SlippageModel

_OPEN, _CLOSE = PRICES.index("open"), PRICES.index("close")
MARKET_STATE = np.dtype(
    [
        ("held", "<f8"),
        ("room", "<f8"),
        ("row", "<i8"),
        ("unit", "<f8"),
        ("rate", "<f8"),
        ("spread", "<f8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("across", "<f8"),
        ("deviation", "<f8"),
        ("mean_volume", "<f8"),
        ("bar_volume", "<f8"),
        ("month", "<i8"),
        ("month_size", "<f8"),
        ("month_value", "<f8"),
        ("bars", "<i8"),
        ("payoff", "<f8"),
        ("delisted", "<i8"),
        ("member", "<i8"),
        ("time", "<f8"),
        ("last", "<f8"),
        ("volume", "<f8"),
    ]
)
"""The position that the asset's fills have made; units that the volume of the bar of ``row`` still lets fill; what one
unit of price is worth in the account's currency (``unit``), and one unit of the asset's (``rate``); the spread last
seen; what is bid and asked at the open or close that the row is at (NaN where nobody quotes), and how far apart both
are at most within the bar; the deviation of returns and the mean volume of the bars looked back on; the bar's volume;
what was traded in a ``month``; ``bars`` seen; what each unit will be paid off with in the next row, because the asset
is delisted (NaN where it is not), and whether it has been; whether it is in the universe; and of a job with models of
the user's own, the end of the bar that has begun (seconds since 1970), and close and volume of the one before."""


def blank_state(instruments: Records) -> Records:
    """[assets] ``MARKET_STATE`` records before the first row."""
    state = np.zeros(len(instruments), dtype=MARKET_STATE)
    state["rate"] = np.where(instruments["rate_of"] >= 0, np.nan, 1.0)
    state["unit"] = instruments["multiplier"] * state["rate"]
    state["payoff"] = state["last"] = state["bid"] = state["ask"] = np.nan
    state["member"] = 1
    state["row"] = -1
    state["room"] = np.inf
    return state


def blank_window(rules: Rules) -> Floats:
    """[assets, 2 × (lookback_rows + 1)] before the first row, [assets, 0] where costs do not look back."""
    rows = int(rules.record["lookback_rows"][0])
    return np.zeros((len(rules.instruments), 2 * (rows + 1) if rows else 0))


def open_market(rules: Rules) -> MarketArrays:
    """What is known of a job's market before the first row."""
    return MarketArrays(rules.instruments, blank_state(rules.instruments), blank_window(rules))


@part
def observe(rules: Any, market: MarketArrays, close: Floats, volume: Floats, facts: Floats, at: int) -> None:
    """Take in a row at its close: spreads and delistings, rates of currencies, and returns and volumes of the last
    ``lookback_rows`` bars of each asset."""
    window = market.window
    size = window.shape[1] // 2
    for asset in range(market.state.shape[0]):
        pair = market.instruments[asset]["rate_of"]
        if pair >= 0 and close[at, pair] == close[at, pair]:
            rate = 1.0 / close[at, pair] if market.instruments[asset]["inverse"] != 0 else close[at, pair]
            market.state[asset]["rate"] = rate
            market.state[asset]["unit"] = market.instruments[asset]["multiplier"] * rate
    for asset in range(market.state.shape[0]):
        price = close[at, asset]
        if price != price:  # noqa: PLR0124  (a hole)
            continue
        state, model = market.state[asset], market.instruments[asset]["slippage_model"]
        own = model == SlippageModel.OWN
        if rules["own_models"] != 0:
            state["last"] = price
            state["volume"] = volume[at, asset] if volume[at, asset] > 0.0 else 0.0
        if model == SlippageModel.SPREAD_SEEN or own:
            if facts[at, Fact.SPREAD, asset] >= 0.0:
                state["spread"] = facts[at, Fact.SPREAD, asset]
        if rules["has_corporate_actions"] != 0:
            state["payoff"] = facts[at, Fact.DELISTING, asset]
        if rules["lookback_rows"] > 0 and (model == SlippageModel.SQUARE_ROOT or own):
            seen = state["bars"]
            window[asset, seen % size] = price
            window[asset, size + seen % size] = volume[at, asset] if volume[at, asset] > 0.0 else 0.0
            seen += 1
            state["bars"] = seen
            count = min(seen, size) - 1
            if count >= 2:
                mean = 0.0
                traded = 0.0
                for back in range(count):
                    mean += window[asset, (seen - 1 - back) % size] / window[asset, (seen - 2 - back) % size] - 1.0
                    traded += window[asset, size + (seen - 1 - back) % size]
                mean /= count
                squares = 0.0
                for back in range(count):
                    change = (
                        window[asset, (seen - 1 - back) % size] / window[asset, (seen - 2 - back) % size] - 1.0 - mean
                    )
                    squares += change * change
                state["deviation"] = np.sqrt(squares / (count - 1))
                state["mean_volume"] = traded / count


@step
def _stand(rules: Any, market: MarketArrays, facts: Floats, at: int, moment: int) -> None:
    """Let what is bid and asked be that of a row's open or close."""
    if rules["by_quotes"] != 0:
        for asset in range(market.state.shape[0]):
            market.state[asset]["bid"] = facts[at, Fact.BID + moment, asset]
            market.state[asset]["ask"] = facts[at, Fact.ASK + moment, asset]


def _no_quotes(orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, at: int) -> None:
    pass


def _quotes_of_open(orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int) -> None:
    _stand(rules, market, bars.facts, at, _OPEN)


def _quotes_of_close(orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int) -> None:
    _stand(rules, market, bars.facts, at, _CLOSE)


quote_open = verb(_no_quotes, _quotes_of_open)
"""``quote_open(orders, rules, market, bars, at)``: let what is bid and asked be that of a row's open."""
quote_close = verb(_no_quotes, _quotes_of_close)
"""``quote_close(orders, rules, market, bars, at)``: let what is bid and asked be that of a row's close."""


@step
def tell_time(rules: Any, market: MarketArrays, facts: Floats, at: int) -> None:
    """A bar begins whose end is known: where models of the user's ask for it."""
    if rules["own_models"] != 0:
        for asset in range(market.state.shape[0]):
            market.state[asset]["time"] = facts[at, Fact.TIME, asset]


def _nothing_observed(orders: SingleOrders, rules: Any, market: MarketArrays, bars: BarArrays, at: int) -> None:
    pass


def _observe_row(orders: OrderLists, rules: Any, market: MarketArrays, bars: BarArrays, at: int) -> None:
    if rules["costs_follow_market"] != 0:
        observe(rules, market, bars.close, bars.volume, bars.facts, at)


observe_close = verb(_nothing_observed, _observe_row)
"""``observe_close(orders, rules, market, bars, at)``: let what is known of the market take in a row's close, where
anything but plain market orders asks for it."""
