"""From what a strategy wants on every bar to the signals that say so: edges only, holes skipped, flat before trading.

Each loop goes row by row, so that signals come out in (row, asset) order, writes ``SIGNAL`` records and returns how
many. Rows before ``warmup`` neither speak nor move the state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.jit.addresses import numbers_at, truths_at
from backbus.jit.decorators import loop, step
from backbus.jit.python import plain
from backbus.market.panel import Floats, Ints
from backbus.market.ticks import CLOSE_SIGNAL, PHASES
from backbus.trading.codes import SignalKind
from backbus.trading.records import Records

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


@step
def write_edge(record: Any, row: int, asset: int, value: float) -> None:
    """A wish for a side and its strength, 0 for flat."""
    record["tick"] = PHASES * row + CLOSE_SIGNAL
    record["asset"] = asset
    record["kind"] = SignalKind.DIRECTION
    record["value"] = value


TRUE, ABOVE, ABOVE_OR_EQUAL, LATCHED, DIRECTIONS, WEIGHTS, WRITTEN = range(7)
"""What signals follow from: one side, wanted where a truth value says so, or where one number is above another; a
latched side; sides with strengths; weights; or records, which are there."""


@step
def _wanted(how: int, truth: Bools, above: Floats, below: Floats, cell: int) -> bool:
    if how == TRUE:
        return bool(truth[cell])
    return bool(above[cell] > below[cell] if how == ABOVE else above[cell] >= below[cell])


@step
def _whole(close: Floats) -> bool:
    """Whether there is no hole."""
    found = 0
    for row in range(close.shape[0]):
        found += 1 if close[row] == close[row] else 0
    return bool(found == close.shape[0])


@step
def _byte_of(bit: np.uint64) -> int:
    """Which byte of a word the lowest bit of it is set in, and no other bit."""
    by_four = 4 if bit >= np.uint64(1 << 32) else 0
    bit = bit >> np.uint64(8 * by_four)
    by_two = 2 if bit >= np.uint64(1 << 16) else 0
    bit = bit >> np.uint64(8 * by_two)
    return by_four + by_two + (1 if bit > np.uint64(1) else 0)


@step
def _edges_of(flags: Bytes, words: Words, rows: int, side: float, now: bool, out: Records, row: int) -> int:
    """Edges of one asset without holes from what is wanted in each of its bars: eight answers are looked at at once,
    since most are the answer before."""
    for at in range(rows, 8 * (rows // 8 + 1)):
        flags[at] = flags[rows - 1] if rows > 0 else 0
    carry = np.uint64(1 if now else 0)
    count = 0
    for eight in range((rows + 7) // 8):
        word = words[eight]
        changed = word ^ ((word << np.uint64(8)) | carry)
        carry = word >> np.uint64(56)
        while changed != np.uint64(0):
            lowest = changed & (~changed + np.uint64(1))
            now = not now
            write_edge(out[count], row + 8 * eight + _byte_of(lowest), 0, side if now else 0.0)
            count += 1
            changed = changed ^ lowest
    return count


@step
def _changes(
    how: int, above: Floats, below: Floats, flags: Bytes, words: Words, side: float, now: bool, out: Records, row: int
) -> int:
    """Edges of one asset without holes: bars are compared one beside the other."""
    rows = above.shape[0]
    if how == ABOVE:
        for at in range(rows):
            flags[at] = above[at] > below[at]
    else:
        for at in range(rows):
            flags[at] = above[at] >= below[at]
    return _edges_of(flags, words, rows, side, now, out, row)


@step
def _changes_of_truth(truth: Bools, flags: Bytes, words: Words, side: float, now: bool, out: Records, row: int) -> int:
    rows = truth.shape[0]
    for at in range(rows):
        flags[at] = truth[at]
    return _edges_of(flags, words, rows, side, now, out, row)


@loop
def one_side(  # noqa: PLR0913  (a loop's door)
    how: int,
    truth: Bools,
    above: Floats,
    below: Floats,
    close: Floats,
    side: float,
    held: Bools,
    out: Records,
    first_row: int,
    warmup: int,
    flags: Bytes,
    words: Words,
) -> int:
    """``side`` while it is wanted, flat otherwise. What ``how`` does not ask for is empty; all are flat views but
    held: [assets]. Comparing here spares most strategies an array of truth values. ``flags`` is scratch of 16 bytes
    more than there are bars, and ``words`` the same bytes by eights."""
    count, assets = 0, held.shape[0]
    first = max(0, warmup - first_row)
    if assets == 1:
        # One asset is the case of long histories: nearly all bars want what is held.
        now = held[0]
        if _whole(close):
            if how == TRUE:
                count = _changes_of_truth(truth[first:], flags, words, side, now, out, first_row + first)
            else:
                count = _changes(how, above[first:], below[first:], flags, words, side, now, out, first_row + first)
            if count > 0:
                held[0] = out[count - 1]["value"] != 0.0
            return count
        for row in range(first, close.shape[0]):
            if _wanted(how, truth, above, below, row) != now and close[row] == close[row]:
                now = not now
                write_edge(out[count], first_row + row, 0, side if now else 0.0)
                count += 1
        held[0] = now
        return count
    cell = first * assets
    while cell < close.shape[0]:
        for asset in range(assets):
            if _wanted(how, truth, above, below, cell) != held[asset] and close[cell] == close[cell]:
                held[asset] = not held[asset]
                write_edge(out[count], first_row + cell // assets, asset, side if held[asset] else 0.0)
                count += 1
            cell += 1
    return count


@loop
def directions(wanted: Floats, close: Floats, state: Floats, out: Records, first_row: int, warmup: int) -> int:
    """The side and strength in ``wanted`` (NaN: flat); state: [assets] the side held.

    Only a change of side is an edge. A strength above 1 ends the loop: the answer is then −1 − the row in the block.
    """
    count = 0
    for r in range(max(0, warmup - first_row), close.shape[0]):
        for a in range(close.shape[1]):
            value = wanted[r, a]
            side = 1.0 if value > 0.0 else (-1.0 if value < 0.0 else 0.0)
            if side != state[a] and close[r, a] == close[r, a]:
                if value > 1.0 or value < -1.0:
                    return -1 - r
                state[a] = side
                write_edge(out[count], first_row + r, a, value if side != 0.0 else 0.0)
                count += 1
    return count


@loop
def latched(
    enter: Bools,
    leave: Bools,
    enter_short: Bools,
    leave_short: Bools,
    close: Floats,
    state: Floats,
    out: Records,
    first_row: int,
    warmup: int,
) -> int:
    """A side from its entry to its exit; state: [assets] the side held.

    An exit beats an entry of its own side in the same row; an entry of the opposite side reverses; both entries at
    once say nothing.
    """
    count = 0
    for r in range(max(0, warmup - first_row), close.shape[0]):
        for a in range(close.shape[1]):
            if close[r, a] != close[r, a]:
                continue
            held = state[a]
            target = held
            if (held > 0.0 and leave[r, a]) or (held < 0.0 and leave_short[r, a]):
                target = 0.0
            up = enter[r, a] and not leave[r, a]
            down = enter_short[r, a] and not leave_short[r, a]
            if up and not down:
                target = 1.0
            elif down and not up:
                target = -1.0
            if target != held:
                state[a] = target
                write_edge(out[count], first_row + r, a, target)
                count += 1
    return count


@loop
def weights(wanted: Floats, close: Floats, out: Records, first_row: int, warmup: int) -> int:
    """Every weight that is not NaN, where the asset has a bar. An infinite one ends the loop: −1 − its row."""
    count = 0
    for r in range(max(0, warmup - first_row), close.shape[0]):
        for a in range(close.shape[1]):
            value = wanted[r, a]
            if not np.isnan(value) and close[r, a] == close[r, a]:
                if np.isinf(value):
                    return -1 - r
                out[count]["tick"] = PHASES * (first_row + r) + CLOSE_SIGNAL
                out[count]["asset"] = a
                out[count]["kind"] = SignalKind.WEIGHT
                out[count]["value"] = value + 0.0
                count += 1
    return count


_latched, _directions, _weights = step(plain(latched)), step(plain(directions)), step(plain(weights))


@step
def write_unwritten(
    how: int, places: Ints, side: float, close: Floats, first_row: int, out: Records, state: Floats, flags: Bytes,
    words: Words,
) -> int:  # fmt: skip
    """Write what one asset without holes follows from, whose arrays over the whole panel lie at ``places`` [4]: rows
    from ``first_row`` on, whose closes are ``close`` [rows, 1]. ``out`` has room for a record in each; the rest is
    scratch. Returns how many."""
    rows = first_row + close.shape[0]
    if how == TRUE:
        truth = truths_at(places[0], (rows,))
        return _changes_of_truth(truth[first_row:], flags, words, side, False, out, first_row)
    if how == LATCHED:
        state[0] = 0.0
        return _latched(
            truths_at(places[0], (rows, 1))[first_row:], truths_at(places[1], (rows, 1))[first_row:],
            truths_at(places[2], (rows, 1))[first_row:], truths_at(places[3], (rows, 1))[first_row:], close, state,
            out, first_row, first_row,
        )  # fmt: skip
    if how == DIRECTIONS:
        state[0] = 0.0
        return _directions(numbers_at(places[0], (rows, 1))[first_row:], close, state, out, first_row, first_row)
    if how == WEIGHTS:
        return _weights(numbers_at(places[0], (rows, 1))[first_row:], close, out, first_row, first_row)
    above, below = numbers_at(places[0], (rows,)), numbers_at(places[1], (rows,))
    return _changes(how, above[first_row:], below[first_row:], flags, words, side, False, out, first_row)
