"""Which sessions each resample of a sweep draws: the stationary bootstrap, decided once and the same for every worker.

What flows in is the number of sessions, a seed and settings; what flows out are index pairs into prefix sums. Nothing
here looks at a return, so the same three give the same plan on every machine: Philox's raw integers, and comparisons
with a table that is made by multiplication alone.

D. N. Politis and J. P. Romano, The Stationary Bootstrap, Journal of the American Statistical Association 89 (1994).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backbus.jit.arrays import read_only
from backbus.market.panel import Floats, Ints

Indexes = NDArray[np.uint32]

BLOCKS = 16
"""Consecutive parts of the sessions whose halves are told apart: 12 870 splits, the number in Bailey et al. (2017)."""

UNROLLED = 4
"""Each resample's pieces are padded to a multiple of this, so that a loop over them can keep that many sums."""


@dataclass(frozen=True, slots=True)
class ResampleSettings:
    """What is chosen about a plan besides its length and seed."""

    resamples: int = 500
    """0 leaves out what needs them."""
    block_length: int | None = None
    """Mean length of a resample's blocks in sessions; None is ``max(1, round(sqrt(sessions)))``."""
    rate: float = 0.0
    """Return of cash per session: what Sharpe ratios are in excess of, and the benchmark where no series is given."""

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise ValueError(f"a plan has 0 resamples or more, not {self.resamples}")
        if self.block_length is not None and self.block_length < 1:
            raise ValueError(f"blocks have a mean length of at least 1 session, not {self.block_length}")
        if not math.isfinite(self.rate):
            raise ValueError(f"the rate per session is a finite number, not {self.rate}")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The resamples of a sweep. Arrays are read-only and shared by all of its points."""

    sessions: int
    seed: int
    settings: ResampleSettings
    block_length: int
    starts: Ints = field(repr=False)
    """[segments] first session of each circular segment."""
    lengths: Ints = field(repr=False)
    """[segments] its sessions; those of one resample add up to ``sessions``."""
    segments: Ints = field(repr=False)
    """[resamples + 1] where each resample's segments begin in ``starts`` and ``lengths``."""
    begins: Indexes = field(repr=False)
    """[pieces] the segments cut where they wrap around, as indexes into prefix sums: begin, and ..."""
    ends: Indexes = field(repr=False)
    """... end; padded with empty pieces."""
    pieces: Ints = field(repr=False)
    """[resamples + 1] where each resample's pieces begin."""
    bounds: Ints = field(repr=False)
    """[BLOCKS + 1] first session of each consecutive block, and the end."""
    benchmark: Floats = field(repr=False)
    """[sessions] what a point must beat: the series that was given, or the rate."""
    threshold: float
    """Hansen's √(2 log log sessions): a studentised mean below its negative is too poor to shape the null."""

    @property
    def resamples(self) -> int:
        """How many resamples there are."""
        return self.settings.resamples


def make_plan(
    sessions: int, seed: int = 0, settings: ResampleSettings | None = None, benchmark: Floats | None = None
) -> Plan:
    """The plan of a sweep over ``sessions`` returns; ``benchmark`` is a series of as many returns, or None for cash.

    ``ValueError`` where there is no session, the seed is negative, or the benchmark has another length or holes.
    """
    settings = settings or ResampleSettings()
    if sessions < 1:
        raise ValueError(f"a plan needs at least 1 session, not {sessions}")
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"the seed is a whole number from 0 to 2**64 - 1, not {seed}")
    if benchmark is None:
        benchmark = np.full(sessions, settings.rate)
    elif len(benchmark) != sessions or not np.isfinite(benchmark).all():
        raise ValueError(f"the benchmark has {len(benchmark)} returns for {sessions} sessions, or some are not finite")
    length = settings.block_length or max(1, round(math.sqrt(sessions)))
    starts, lengths, segments = _draw(sessions, seed, settings.resamples, length)
    begins, ends, pieces = _pieces(sessions, starts, lengths, segments)
    # Rounded: the last bits of a logarithm differ between machines, and every worker must leave out the same points.
    threshold = round(math.sqrt(2.0 * math.log(math.log(sessions))), 12) if sessions > 2 else 0.0
    return Plan(
        sessions=sessions,
        seed=seed,
        settings=settings,
        block_length=length,
        starts=read_only(starts),
        lengths=read_only(lengths),
        segments=read_only(segments),
        begins=read_only(begins),
        ends=read_only(ends),
        pieces=read_only(pieces),
        bounds=read_only(np.arange(BLOCKS + 1, dtype=np.int64) * sessions // BLOCKS),
        benchmark=read_only(np.asarray(benchmark, dtype=np.float64)),
        threshold=threshold,
    )


def _draw(sessions: int, seed: int, resamples: int, length: int) -> tuple[Ints, Ints, Ints]:
    """Starts and lengths of the segments of all resamples, one resample after the other."""
    survival = _survival(sessions, length)
    generator = np.random.Philox(key=seed)
    width = sessions // length + 1
    starts = np.empty((resamples, 0), dtype=np.int64)
    lengths = np.empty((resamples, 0), dtype=np.int64)
    while resamples and (not lengths.size or int(lengths.sum(axis=1).min()) < sessions):
        raw = generator.random_raw(2 * resamples * width).reshape(2, resamples, width)
        unit = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
        starts = np.hstack((starts, (unit[0] * sessions).astype(np.int64)))
        # survival[j] = P(length > j + 1), falling: as many of them exceed the draw as the segment has further sessions.
        further = len(survival) - np.searchsorted(survival[::-1], unit[1], side="right")
        lengths = np.hstack((lengths, 1 + further.astype(np.int64)))
    ends = np.cumsum(lengths, axis=1)
    before = ends - lengths
    used = before < sessions
    lengths = np.minimum(ends, sessions) - before
    counts = used.sum(axis=1)
    return starts[used], lengths[used], np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _survival(sessions: int, length: int) -> Floats:
    """[sessions] (1 - 1 / length)^1, ^2, …: multiplied up, because powers differ between machines."""
    stay = 1.0 - 1.0 / length
    return np.multiply.accumulate(np.full(sessions, stay))


def _pieces(sessions: int, starts: Ints, lengths: Ints, segments: Ints) -> tuple[Indexes, Indexes, Ints]:
    """Segments that wrap around become two, and each resample is padded to a multiple of ``UNROLLED`` pieces."""
    ends = starts + lengths
    wraps = ends > sessions
    resample = np.repeat(np.arange(len(segments) - 1), np.diff(segments))
    begin = np.concatenate((starts, np.zeros(int(wraps.sum()), dtype=np.int64)))
    end = np.concatenate((np.minimum(ends, sessions), ends[wraps] - sessions))
    owner = np.concatenate((resample, resample[wraps]))
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(segments) - 1)
    padded = -(-counts // UNROLLED) * UNROLLED
    offsets = np.concatenate(([0], np.cumsum(padded))).astype(np.int64)
    place = offsets[owner[order]] + np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    begins = np.zeros(int(offsets[-1]), dtype=np.uint32)
    finals = np.zeros(int(offsets[-1]), dtype=np.uint32)
    begins[place] = begin[order]
    finals[place] = end[order]
    return begins, finals, offsets
