"""The strategy handler: parameters, bars, indicators and holding rules in; SIGNAL out."""

from backbus.strategy.base import Strategy
from backbus.strategy.builtins import BUILTINS
from backbus.strategy.handler import StrategyHandler
from backbus.strategy.loading import bundle, load_strategy
from backbus.strategy.parameters import Parameter, make_strategy, param, parameters
from backbus.strategy.runner import PanelRunner, StrategyRunner

__all__ = [
    "BUILTINS",
    "PanelRunner",
    "Parameter",
    "Strategy",
    "StrategyHandler",
    "StrategyRunner",
    "bundle",
    "load_strategy",
    "make_strategy",
    "param",
    "parameters",
]
