"""Random numbers that are looked up, not drawn: Philox4x32-10, a function of seed, stream, asset and place.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A number depends on nothing
that was drawn before it, so neither blocks nor the order of work change one, and none is used twice.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backbus.jit.decorators import loop, step
from backbus.market.panel import Floats
from backbus.simulator.maths import log
from backbus.simulator.scratch import Scratch, Words

SignedWords = NDArray[np.int32]

DIFFUSION, SECOND, JUMPS, JUMP_SIZES, REGIMES, BLOCKS, WAYS, WORDS, WHERE, FAR, FOUND = range(11)
"""What a number is for: each purpose has a stream of its own. The last four are for nothing but memory."""

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ELEVEN = np.uint64(11)
_ROUNDS = 10

# Peter Acklam's rational approximation of the normal quantile; relative error below 1.15e-9.
_A0, _A1, _A2 = -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02
_A3, _A4, _A5 = 1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00
_B0, _B1, _B2 = -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02
_B3, _B4 = 6.680131188771972e01, -1.328068155288572e01
_C0, _C1, _C2 = -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e00
_C3, _C4, _C5 = -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00
_D0, _D1, _D2, _D3 = 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00
_CENTRAL = 0.5 - 0.02425
"""How far from one half the approximation by a plain ratio of polynomials holds: 95 % of all numbers."""
_CENTRAL_WORD = math.floor(_CENTRAL * 2**32 - 0.5)
_SPACING, _SPACING_53 = 2.0**-32, 2.0**-53


@step
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four words of 32 bits from a counter of four and a key of two."""
    for _ in range(_ROUNDS):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@step
def central(q: float) -> float:
    """The normal quantile at 0.5 + q, for |q| up to ``_CENTRAL``."""
    r = q * q
    above = (((((_A0 * r + _A1) * r + _A2) * r + _A3) * r + _A4) * r + _A5) * q
    return above / (((((_B0 * r + _B1) * r + _B2) * r + _B3) * r + _B4) * r + 1.0)


@step
def tail(q: float) -> float:
    """The normal quantile at 0.5 + q, for the others."""
    r = math.sqrt(-2.0 * log(0.5 - abs(q)))
    above = ((((_C0 * r + _C1) * r + _C2) * r + _C3) * r + _C4) * r + _C5
    found = above / ((((_D0 * r + _D1) * r + _D2) * r + _D3) * r + 1.0)
    return -found if q > 0.0 else found


@loop
def look_up_words(seed: int, stream: int, asset: int, first_row: int, out: Words) -> None:
    """The words of rows from ``first_row`` on into ``out`` [4 × groups, rows]: each row has so many groups of four."""
    k0, k1 = np.uint64(seed) & _LOW, np.uint64(seed) >> _HALF
    c2, c3 = np.uint64(stream), np.uint64(asset)
    groups = out.shape[0] // 4
    for group in range(groups):
        for row in range(out.shape[1]):
            number = np.uint64((first_row + row) * groups + group)
            a, b, c, d = philox(number & _LOW, number >> _HALF, c2, c3, k0, k1)
            out[4 * group, row] = a
            out[4 * group + 1, row] = b
            out[4 * group + 2, row] = c
            out[4 * group + 3, row] = d


@loop
def to_normals(words: SignedWords, out: Floats, where: SignedWords, far: SignedWords, found: Floats) -> None:
    """A standard normal from each word [words]: its quantile at (word + ½) / 2³², never beyond 6.3 deviations.

    Words are taken as signed, so that half of them are below the middle. Those in the tails, one in twenty, are
    gathered before they are worked on, so that four go at once; ``where``, ``far`` and ``found`` are memory for them.
    """
    for index in range(len(out)):
        out[index] = central((float(words[index]) + 0.5) * _SPACING)
    count = 0
    for index in range(len(out)):
        where[count] = index
        count += words[index] > _CENTRAL_WORD or words[index] < -1 - _CENTRAL_WORD
    for number in range(count):
        far[number] = words[where[number]]
    for number in range(count):
        found[number] = tail((float(far[number]) + 0.5) * _SPACING)
    for number in range(count):
        out[where[number]] = found[number]


@loop
def to_uniforms(words: Words, out: Floats) -> None:
    """A number in (0, 1) of 53 bits into ``out`` [numbers, rows] from two words each, [2 × numbers, rows]."""
    for number in range(out.shape[0]):
        for row in range(out.shape[1]):
            whole = (np.uint64(words[2 * number, row]) << _HALF) | np.uint64(words[2 * number + 1, row])
            out[number, row] = (float(whole >> _ELEVEN) + 0.5) * _SPACING_53


class Numbers:
    """The numbers of a seed. What is given out lies in memory that the next question of its kind uses again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._scratch = Scratch()

    def normals(
        self, stream: int, asset: int, first_row: int, rows: int, count: int, out: Floats | None = None
    ) -> Floats:
        """``count`` standard normals for each row of a stream, [count, rows], into ``out`` where it is given."""
        words = self.words(stream, asset, first_row, rows, count)
        if out is None:
            out = self._scratch.floats(stream, count, rows)
        scratch, size = self._scratch, count * rows
        where, far = (scratch.words(name, size).view(np.int32) for name in (WHERE, FAR))
        to_normals(words[:count].reshape(-1).view(np.int32), out.reshape(-1), where, far, scratch.floats(FOUND, size))
        return out

    def uniforms(self, stream: int, asset: int, first_row: int, rows: int, count: int) -> Floats:
        """``count`` numbers in (0, 1) for each row of a stream, [count, rows]."""
        out = self._scratch.floats(stream, count, rows)
        to_uniforms(self.words(stream, asset, first_row, rows, 2 * count), out)
        return out

    def words(self, stream: int, asset: int, first_row: int, rows: int, count: int) -> Words:
        """At least ``count`` words for each row of a stream, [lines, rows]."""
        lines = 4 * -(-count // 4)
        words = self._scratch.words(WORDS, lines, rows)
        look_up_words(self._seed, stream, asset, first_row, words)
        return words
