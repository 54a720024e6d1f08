"""Strategies that come with backbus, by class name and by the same name in snake case."""

from __future__ import annotations

from backbus.strategy.base import Strategy
from backbus.strategy.builtins.sma_cross import SmaCross

BUILTINS: dict[str, type[Strategy]] = {
    "SmaCross": SmaCross,
    "sma_cross": SmaCross,
}
"""What a job's ``strategy.use`` may name without a file."""

__all__ = ["BUILTINS", "SmaCross"]
