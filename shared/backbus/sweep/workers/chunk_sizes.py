"""How many points a chunk has, so that it takes about a second wherever it is computed."""

from __future__ import annotations

CHUNK_S, LEAST_S = 1.0, 0.03
"""How long a chunk takes, and at the least one of the last ones, which are small so that all end at once."""
LEAST_POINT_S = 1e-6
FIRST_POINTS, MOST_POINTS = 16, 16_384
"""Points of a first chunk, and of the largest."""


class ChunkSizes:
    """Learns from each chunk how long a point takes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        """How many share what is left."""
        self.point_s = 0.0
        """Seconds that a point takes, as far as is known; 0 at first."""
        self._largest = FIRST_POINTS

    def took(self, points: int, seconds: float) -> None:
        """A chunk is done."""
        self.point_s = max(seconds / points, LEAST_POINT_S)

    def next(self, left: int) -> int:
        """Points of the next chunk: a second's, a few at first, and smaller ones at the end that all can share."""
        if self.point_s:
            self._largest = min(4 * self._largest, MOST_POINTS, max(1, round(CHUNK_S / self.point_s)))
        least = round(self._largest * LEAST_S / CHUNK_S)
        share = left if self.workers == 1 else -(-left // (2 * self.workers))
        return min(left, max(1, least, min(self._largest, share)))
