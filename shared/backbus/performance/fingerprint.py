"""The identity of a run's outcome: digests of its fills and of its equity, and the fingerprint made of both.

Fills and equity flow in as they come, in any cut; the same records give the same value. Numbers are hashed in canonical
little-endian bytes: one NaN, no negative zero. Nothing of the clock, the machine or the path taken goes in.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats
from backbus.market.records import Records

FILL_COLUMNS = ("tick", "order", "asset", "quantity", "price", "fee")
"""The columns of a fill that its digest covers, in this order."""

_MOST_PENDING = 64


class Pending(Protocol):
    """What ``Submit`` returns: a wait for work that was handed out, such as a ``concurrent.futures.Future``."""

    def result(self) -> Any:
        """Wait until the work is done; raises what it raised."""
        ...


Submit = Callable[[Callable[[], None]], Pending]
"""Hands work to one other thread that does it in the order given, such as a ``ThreadPoolExecutor(1).submit``."""


def canonical(column: NDArray[Any]) -> NDArray[Any]:
    """A column as contiguous little-endian values with one NaN and no -0.0; the array itself where it is so already.

    Equity is nearly always positive throughout, which one fast reduction proves: then nothing is copied.
    """
    column = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    if column.dtype.kind != "f" or not len(column) or column.min() > 0.0:
        return column
    clean = column + 0.0  # turns -0.0 into +0.0 and nothing else
    clean[np.isnan(clean)] = np.nan
    return clean


class Fingerprint:
    """Running digests of a run's fills and equity.

    With ``submit`` the equity is hashed by another thread while the caller goes on (hashing lets go of the GIL):
    arrays that were added must then stay as they are until ``value`` returns.
    """

    __slots__ = ("_columns", "_equity", "_pending", "_submit")

    def __init__(self, submit: Submit | None = None) -> None:
        self._columns = [hashlib.blake2b(digest_size=32) for _ in FILL_COLUMNS]
        self._equity = hashlib.blake2b(digest_size=32)
        self._submit = submit
        self._pending: deque[Pending] = deque()

    def add_fills(self, fills: Records) -> None:
        """Take in the next fills of the stream, [fills] ``FILL`` records."""
        if len(fills):
            for name, digest in zip(FILL_COLUMNS, self._columns, strict=True):
                digest.update(canonical(fills[name]).data)

    def add_equity(self, equity: Floats) -> None:
        """Take in the equity of the next traded rows, [rows] in cash units."""
        if not len(equity):
            return
        if self._submit is None:
            self._equity.update(canonical(equity).data)
            return
        while len(self._pending) >= _MOST_PENDING:
            self._pending.popleft().result()
        self._pending.append(self._submit(lambda: self._equity.update(canonical(equity).data)))

    def fills_digest(self) -> str:
        """Hex BLAKE2b-256 over the digests of the fills' columns."""
        return self._fills().hex()

    def equity_digest(self) -> str:
        """Hex BLAKE2b-256 of the equity column."""
        self._wait()
        return self._equity.hexdigest()

    def value(self) -> str:
        """The fingerprint: hex BLAKE2b-128 over both digests. More may be added after it."""
        self._wait()
        return hashlib.blake2b(self._fills() + self._equity.digest(), digest_size=16).hexdigest()

    def _fills(self) -> bytes:
        return hashlib.blake2b(b"".join(digest.digest() for digest in self._columns), digest_size=32).digest()

    def _wait(self) -> None:
        while self._pending:
            self._pending.popleft().result()
