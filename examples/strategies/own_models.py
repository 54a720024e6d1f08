"""Costs, sizes and margins of one's own beside the strategy that they are for: a job names the functions."""

import math

from backbus import Strategy, param


class Breakout(Strategy):
    """Long above the highest close of the last bars, short below the lowest."""

    window: int = param(60, ge=2, le=500, description="bars whose extremes must be beaten")

    def signals(self, bars):
        close, before = bars.close, bars.close.shift(1)
        up, down = close > before.rolling_high(self.window), close < before.rolling_low(self.window)
        return self.enter_exit(up, down, down, up)


def spread_and_impact(order, market, parameters):
    """Half a spread that is wider on Mondays, and impact that grows with the root of the volume taken."""
    monday = market.time // 86_400.0 % 7.0 == 4.0  # 1970 began on a Thursday
    by = order.price * (parameters.spread * (2.0 if monday else 1.0) / 2.0)
    by += order.price * parameters.impact * market.deviation * math.sqrt(order.share)
    return order.price + by if order.quantity > 0.0 else max(order.price - by, 0.0)


def per_share_with_rebate(fill, market, parameters):
    """A fee per share, at least one per order; less for orders that waited in the book."""
    rate = parameters.rate * (0.5 if fill.resting > 0.0 else 1.0)
    so_far = max((fill.filled + abs(fill.quantity)) * rate, parameters.least)
    return max(so_far - fill.charged, 0.0)


def half_kelly(signal, market, parameters):
    """Half of Kelly's share of equity for an edge over the variance of the last returns; nothing until it is known."""
    if not signal.deviation > 0.0:
        return 0.0
    share = min(0.5 * parameters.edge / (signal.deviation * signal.deviation), parameters.most)
    return signal.signal * share * signal.equity / signal.worth


def by_size(position, market, parameters):
    """A quarter of a position's worth to open it, and more for what is large; three quarters of that to keep it."""
    large = max(position.value - parameters.large, 0.0)
    needed = 0.25 * position.value + 0.25 * large
    return needed, 0.75 * needed
