"""What a strategy lets figures show beside prices: the streams that its ``indicators(self, bars)`` gives, as arrays.

Bars of a whole panel go in, arrays by name come out. No run asks for them, and no result depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backbus.errors import StrategyError
from backbus.market.forward_adjusted import Adjusting
from backbus.market.panel import Floats, Panel
from backbus.strategy.bars import Bars
from backbus.strategy.base import Strategy
from backbus.strategy.context import Context
from backbus.strategy.run import Run
from backbus.strategy.streams import Stream

HOOK = "indicators"


@dataclass(frozen=True)
class Overlays:
    """What is drawn of a strategy; each [rows, assets], warm-up included, NaN where nothing is known."""

    over_prices: dict[str, Floats] = field(default_factory=dict)
    """Of the prices' own level; where corporate actions take effect in the run, as the market quoted prices."""
    below: dict[str, dict[str, Floats]] = field(default_factory=dict)
    """Of levels of their own, by the name of the panel that shows them."""


def overlays_of(strategy: Strategy, panel: Panel) -> Overlays:
    """The indicators of a strategy that names some; none of any other. Raises StrategyError for what cannot be drawn,
    and whatever its code raises."""
    strategy = strategy.fresh()
    hook = getattr(strategy, HOOK, None)
    if not callable(hook) or not len(panel):
        return Overlays()
    adjusting, block, factor = Adjusting(panel.layout), panel.block, None
    if adjusting.acts:
        adjusted = adjusting.take(block)
        block, factor = adjusted.block, adjusted.prices
    run = Run(panel.layout, strategy.reach() if strategy.style == "array" else 0)
    object.__setattr__(strategy, "_backbus_run", run)
    run.begin(block)
    said = hook(Bars(Context(run, block)))
    if not isinstance(said, Mapping):
        raise StrategyError(f"{HOOK} returns streams by name, not {type(said).__name__}")
    shape = block.close.shape
    over, below = {}, {}
    for name, value in said.items():
        if isinstance(value, Mapping):
            below[str(name)] = {str(one): _array(f"{name}, {one}", inner, shape) for one, inner in value.items()}
        else:
            array = _array(str(name), value, shape)
            over[str(name)] = array if factor is None else array / factor
    return Overlays(over, below)


def _array(name: str, value: Any, shape: tuple[int, ...]) -> Floats:
    """A stream, an array or a level as [rows, assets]."""
    array = np.asarray(value.values if isinstance(value, Stream) else value, dtype=np.float64)
    if array.ndim == 1 and len(array) == shape[0]:
        array = array[:, None]
    if array.ndim and array.shape not in (shape, (shape[0], 1)):
        raise StrategyError(f"{name} is of shape {array.shape}, and the bars are {shape}: rows, assets")
    return np.broadcast_to(array, shape)
