"""Strategies that come with backbus, by class name and by the same name in snake case."""

from __future__ import annotations

import re

from backbus.strategy.base import Strategy
from backbus.strategy.builtins.buy_and_hold import BuyAndHold
from backbus.strategy.builtins.cross_sectional_momentum import CrossSectionalMomentum
from backbus.strategy.builtins.donchian_breakout import DonchianBreakout
from backbus.strategy.builtins.rsi_reversion import RsiReversion
from backbus.strategy.builtins.sma_cross import SmaCross

CLASSES: tuple[type[Strategy], ...] = (BuyAndHold, CrossSectionalMomentum, DonchianBreakout, RsiReversion, SmaCross)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


BUILTINS: dict[str, type[Strategy]] = {
    name: strategy for strategy in CLASSES for name in (strategy.__name__, _snake(strategy.__name__))
}
"""What a job's ``strategy.use`` may name without a file."""

__all__ = [
    "BUILTINS",
    "CLASSES",
    "BuyAndHold",
    "CrossSectionalMomentum",
    "DonchianBreakout",
    "RsiReversion",
    "SmaCross",
]
