"""What ``signals`` returns: a strategy's wishes for a block, checked for shape and turned into records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus import renamed
from backbus.errors import StrategyError
from backbus.jit.arrays import read_only
from backbus.market.panel import Block, Floats
from backbus.market.ticks import PHASES
from backbus.strategy.order_terms import said_of
from backbus.strategy.run import Run
from backbus.strategy.saying import edges
from backbus.strategy.saying.unwritten import Signals, Unwritten, write_side, written
from backbus.strategy.streams import Above, Stream, check_bars
from backbus.trading.records import Records, read_only_copy


def _block(run: Run) -> Block:
    if run.block is None:
        raise StrategyError("signals can only be made inside signals(self, bars)")
    return run.block


def _of_the_run(wanted: Any) -> None:
    if isinstance(wanted, Stream):
        check_bars(wanted, None)


def _fit(name: str, wanted: Any, block: Block) -> np.ndarray[Any, Any]:
    """``wanted`` as a [rows, assets] array: one column may stand for a single asset, a number for all."""
    _of_the_run(wanted)
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


def _truth(name: str, wanted: Any, block: Block) -> edges.Bools:
    values = _fit(name, wanted, block)
    if values.dtype != np.bool_:
        values = (values != 0) & ~np.isnan(values)
    return read_only(values)


def _numbers(name: str, wanted: Any, block: Block) -> Floats:
    return read_only(_fit(name, wanted, block).astype(np.float64, copy=False))


def _been(run: Run, members: edges.Bools) -> edges.Bools:
    """[rows, assets] which assets are in the universe, or have been."""
    before = run.slot(("been",), lambda: np.zeros(members.shape[1], dtype=np.bool_))
    found: edges.Bools = np.logical_or.accumulate(np.concatenate((before[None], members)), axis=0)[1:]
    before[:] = found[-1]
    return found


def _among_members(run: Run, long: Any, short: Any, members: edges.Bools, block: Block) -> Records:
    """Edges of sides that are wanted: an asset must be in the universe to enter one. Where who leaves is closed, its
    side ends there, so that it may enter again when it comes back; otherwise it stays as long as it is wanted."""
    sides = (side for wanted in (long, short) for side in _of_members(run, wanted, ~wanted, members))
    state = run.slot(("hold", "members"), lambda: np.zeros(block.close.shape[1]))
    out = run.room(block.close.size)
    count = edges.latched(*sides, read_only(block.close), state, out, block.first_row, run.layout.warmup)
    return read_only_copy(out[:count])


def _of_members(run: Run, enter: Any, leave: Any, members: edges.Bools) -> tuple[edges.Bools, edges.Bools]:
    closes = run.layout.universe == "close"
    return read_only(enter & members), read_only(leave | ~members if closes else leave)


def hold_side(run: Run, condition: Any, side: float) -> Signals:
    """Edges of one side."""
    block = _block(run)
    _of_the_run(condition)
    members = run.members(block)
    if members is not None:
        wanted = _truth("hold_long" if side > 0 else "hold_short", condition, block)
        never = np.zeros(wanted.shape, dtype=np.bool_)
        long, short = (wanted, never) if side > 0 else (never, wanted)
        return _among_members(run, long, short, members, block)
    how, places = edges.TRUE, (0, 0)
    arrays: tuple[NDArray[Any], ...]
    if isinstance(condition, Above) and condition.above.shape == block.close.shape:
        how = edges.ABOVE_OR_EQUAL if condition.or_equal else edges.ABOVE
        arrays, places = (condition.above, condition.below), condition.places
    else:
        arrays = (_truth("hold_long" if side > 0 else "hold_short", condition, block),)
        if run.unwritten:
            arrays = (_sealed(condition, arrays[0]),)
    warmup = run.layout.warmup
    if run.unwritten:
        return Unwritten(how, arrays, side, block, warmup, places if all(places) else None)
    held = run.slot(("hold", side), lambda: np.zeros(block.close.shape[1], np.bool_))
    size = block.close.size
    out = run.room(size)
    count = write_side(how, arrays, side, block, warmup, held, out, run.scratch(size))
    return read_only_copy(out[:count])


def _sealed(wanted: Any, values: NDArray[Any]) -> NDArray[Any]:
    """Values that stay as they are until somebody writes signals of them: what a strategy made without us is copied,
    since it may use its memory again."""
    return values if isinstance(wanted, Stream) else read_only(values.copy())


def _too_strong(row: int) -> StrategyError:
    return StrategyError(f"row {row}: a strength above 1; directions lie between -1 and 1")


def hold_direction(run: Run, direction: Any) -> Signals:
    """Edges of both sides, with strengths."""
    block = _block(run)
    wanted = _numbers("hold", direction, block)
    members = run.members(block)
    if members is not None:
        records = _among_members(run, wanted > 0.0, wanted < 0.0, members, block).copy()
        entered = np.flatnonzero(records["value"] != 0.0)
        rows = records["tick"][entered] // PHASES - block.first_row
        records["value"][entered] = wanted[rows, records["asset"][entered]]
        too_much = np.abs(records["value"]) > 1.0
        if too_much.any():
            raise _too_strong(int(records["tick"][np.argmax(too_much)]) // PHASES)
        return read_only_copy(records)
    if run.unwritten and not (np.abs(wanted) > 1.0).any():
        arrays = (_sealed(direction, wanted),)
        return Unwritten(edges.DIRECTIONS, arrays, 0.0, block, run.layout.warmup)
    state = run.slot(("hold",), lambda: np.zeros(block.close.shape[1]))
    out = run.room(wanted.size)
    count = edges.directions(wanted, read_only(block.close), state, out, block.first_row, run.layout.warmup)
    if count < 0:
        raise _too_strong(block.first_row - 1 - count)
    return read_only_copy(out[:count])


def enter_exit(run: Run, enter: Any, leave: Any, enter_short: Any, leave_short: Any) -> Signals:
    """Edges of latched sides; None is never."""
    block = _block(run)
    name = "enter_exit"
    long = _truth(name, enter, block), _truth(name, leave, block)
    short = (
        _truth(name, False if enter_short is None else enter_short, block),
        _truth(name, False if leave_short is None else leave_short, block),
    )
    members = run.members(block)
    if members is not None:
        long, short = (_of_members(run, *side, members) for side in (long, short))
    elif run.unwritten:
        said = (enter, leave, enter_short, leave_short)
        arrays = tuple(_sealed(wanted, values) for wanted, values in zip(said, (*long, *short), strict=True))
        return Unwritten(edges.LATCHED, arrays, 0.0, block, run.layout.warmup)
    state = run.slot((name,), lambda: np.zeros(block.close.shape[1]))
    out = run.room(long[0].size)
    close = read_only(block.close)
    count = edges.latched(*long, *short, close, state, out, block.first_row, run.layout.warmup)
    return read_only_copy(out[:count])


def target_weights(run: Run, wanted: Any) -> Signals:
    """Every weight that is given."""
    block = _block(run)
    values = _numbers("target_weights", wanted, block)
    members = run.members(block)
    if members is not None:
        said = _been(run, members) if run.layout.universe == "keep" else members
        values = read_only(np.where(said, values, np.nan))
    elif run.unwritten and not np.isinf(values).any():
        arrays = (_sealed(wanted, values),)
        return Unwritten(edges.WEIGHTS, arrays, 0.0, block, run.layout.warmup)
    out = run.room(values.size)
    count = edges.weights(values, read_only(block.close), out, block.first_row, run.layout.warmup)
    if count < 0:
        raise StrategyError(f"row {block.first_row - 1 - count}: a target weight is infinite")
    return read_only_copy(out[:count])


EXITS = (
    "take_profit_fraction",
    "stop_loss_fraction",
    "trailing_loss_fraction",
    "trailing_from_fraction",
    "trailing_then_fraction",
)


def with_exits(signals: Signals, exits: Mapping[str, float]) -> Records:
    """Signals with the terms of exits before each that wants a position. Raises StrategyError for what is no exit."""
    if not exits:
        return signals  # type: ignore[return-value]  # to a strategy's own code they are the records
    records = written(signals)
    for name in exits:
        if name not in EXITS and name not in renamed.TERMS:
            raise StrategyError(f"a holding rule has no {name!r}; its exits are {', '.join(EXITS)}")
    said = said_of(exits, buys=None, close=math.nan)
    wants = records["value"] != 0.0
    out: Records = np.repeat(records, np.where(wants, 1 + len(said), 1))
    first = np.flatnonzero(wants) + len(said) * np.arange(np.count_nonzero(wants))
    for place, (kind, value) in enumerate(said):
        out["kind"][first + place] = kind
        out["value"][first + place] = value
    return read_only_copy(out)
