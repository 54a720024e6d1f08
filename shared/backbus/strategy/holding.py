"""What ``signals`` returns: a strategy's wishes for a block, checked for shape and turned into records."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus.errors import StrategyError
from backbus.market.panel import Block, Floats
from backbus.market.records import SIGNAL, Records, frozen
from backbus.strategy.kernels import holding as kernels
from backbus.strategy.run import Run
from backbus.strategy.streams import Stream


def _block(run: Run) -> Block:
    if run.block is None:
        raise StrategyError("signals can only be made inside signals(self, bars)")
    return run.block


def _fit(name: str, wanted: Any, block: Block) -> np.ndarray[Any, Any]:
    """``wanted`` as a [rows, assets] array: one column may stand for a single asset, a number for all."""
    values = wanted.values if isinstance(wanted, Stream) else np.asarray(wanted)
    rows, assets = block.close.shape
    if values.dtype.kind not in "biuf":
        raise StrategyError(f"{name} takes numbers or truth values, not {values.dtype}")
    if values.shape == (rows,) and assets == 1:
        values = values.reshape(rows, 1)
    elif values.ndim == 0:
        values = np.full((rows, assets), values)
    if values.shape != (rows, assets):
        raise StrategyError(f"{name} takes one value per row and asset, [{rows}, {assets}]; this is {values.shape}")
    return values


def _sealed(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Contiguous and read-only, as kernels are compiled for; prices and comparisons of a sweep's points are already."""
    flags = values.flags
    if flags.writeable or not flags.c_contiguous:
        values = np.ascontiguousarray(values).view()
        values.flags.writeable = False
    return values


def _truth(name: str, wanted: Any, block: Block) -> kernels.Bools:
    values = _fit(name, wanted, block)
    if values.dtype != np.bool_:
        values = (values != 0) & ~np.isnan(values)
    return _sealed(values)


def _numbers(name: str, wanted: Any, block: Block) -> Floats:
    return _sealed(_fit(name, wanted, block).astype(np.float64, copy=False))


def hold_side(run: Run, condition: Any, side: float) -> Records:
    """Edges of one side."""
    block = _block(run)
    wanted = _truth("hold_long" if side > 0 else "hold_short", condition, block)
    held = run.slot(("hold", side), lambda: np.zeros(block.close.shape[1], np.bool_))
    out = np.empty(wanted.size, SIGNAL)
    close = _sealed(block.close).reshape(-1)
    count = kernels.one_side(wanted.reshape(-1), close, side, held, out, block.first_row, run.layout.warmup)
    return frozen(out[:count])


def hold_direction(run: Run, direction: Any) -> Records:
    """Edges of both sides, with strengths."""
    block = _block(run)
    wanted = _numbers("hold", direction, block)
    state = run.slot(("hold",), lambda: np.zeros(block.close.shape[1]))
    out = np.empty(wanted.size, SIGNAL)
    count = kernels.directions(wanted, _sealed(block.close), state, out, block.first_row, run.layout.warmup)
    if count < 0:
        raise StrategyError(f"row {block.first_row - 1 - count}: a strength above 1; directions lie between -1 and 1")
    return frozen(out[:count])


def enter_exit(run: Run, enter: Any, leave: Any, enter_short: Any, leave_short: Any) -> Records:
    """Edges of latched sides; None is never."""
    block = _block(run)
    name = "enter_exit"
    long = _truth(name, enter, block), _truth(name, leave, block)
    short = (
        _truth(name, False if enter_short is None else enter_short, block),
        _truth(name, False if leave_short is None else leave_short, block),
    )
    state = run.slot((name,), lambda: np.zeros(block.close.shape[1]))
    out = np.empty(long[0].size, SIGNAL)
    close = _sealed(block.close)
    count = kernels.latched(*long, *short, close, state, out, block.first_row, run.layout.warmup)
    return frozen(out[:count])


def target_weights(run: Run, wanted: Any) -> Records:
    """Every weight that is given."""
    block = _block(run)
    values = _numbers("target_weights", wanted, block)
    out = np.empty(values.size, SIGNAL)
    count = kernels.weights(values, _sealed(block.close), out, block.first_row, run.layout.warmup)
    if count < 0:
        raise StrategyError(f"row {block.first_row - 1 - count}: a target weight is infinite")
    return frozen(out[:count])
