"""Columns of numbers, times and words as a page holds them: deflated bytes as base64, which its script makes numbers
again.

Whole numbers are differences from one to the next, zigzag (0, −1, 1, −2 … are 0, 1, 2, 3 …), as planes of bytes: all
lowest bytes first. Decimals are whole numbers over a power of ten. What is neither is float64, in planes too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.market.panel import Floats, Ints
from backbus.together import encodable

Told = dict[str, Any]
"""How a column is to be read, as JSON."""
LEVEL = 6
"""zlib's: 9 took three times as long for 1 % less."""
MOST = 2.0**51
"""Whole numbers beyond are no exact numbers of a script once they are zigzag."""
BACKLOG = 1 << 28
"""Bytes that may wait to be deflated."""
DECIMALS = 8
_WIDE = 31
"""Bits of the lower half of a number that is too large for a script."""


class Packing:
    """Columns of one page. Equal ones are held once."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}
        self._blobs: dict[str, Future[bytes]] = {}
        self._uses: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(2)
        self._waiting: deque[tuple[Future[bytes], int]] = deque()

    def __enter__(self) -> Packing:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def blobs(self) -> Iterator[tuple[str, str]]:
        """Names and base64 of all columns."""
        for name, found in self._blobs.items():
            yield name, base64.b64encode(found.result()).decode()

    def size(self, told: Told) -> int:
        """Bytes that a column takes before base64."""
        names = [told[key] for key in ("id", "none") if isinstance(told.get(key), str)]
        return sum(len(self._blobs[name].result()) for name in names) + sum(
            self.size(one) for one in told.values() if isinstance(one, dict)
        )

    def drop(self, told: Told) -> None:
        """Take back a column, or those of a level, that is not to be held after all."""
        for one in told.values():
            if isinstance(one, dict):
                self.drop(one)
        for name in (told[key] for key in ("id", "none") if key in told):
            self._uses[name] -= 1
            if not self._uses[name]:
                del self._blobs[name]
        self._known = {key: name for key, name in self._known.items() if name in self._blobs}

    def _put(self, key: bytes | memoryview, make: Callable[[], bytes]) -> str:
        """The name of some bytes; ``key`` says what they are made of."""
        digest = hashlib.blake2b(key, digest_size=16).digest()
        if digest not in self._known:
            name = self._known[digest] = f"c-{digest.hex()[:12]}"
            self._blobs[name] = self._pool.submit(lambda: zlib.compress(make(), LEVEL))
            self._wait_for_room(self._blobs[name], memoryview(key).nbytes)
        self._uses[self._known[digest]] += 1
        return self._known[digest]

    def _wait_for_room(self, found: Future[bytes], size: int) -> None:
        """Wait while what is not deflated yet takes much memory."""
        self._waiting.append((found, size))
        while self._waiting and (self._waiting[0][0].done() or sum(size for _, size in self._waiting) > BACKLOG):
            self._waiting.popleft()[0].result()

    # --- kinds of columns ------------------------------------------------------------------------------------------

    def whole(self, values: Ints, *, steps: bool = True, none: NDArray[np.bool_] | None = None, **more: Any) -> Told:
        """Whole numbers below ``MOST``; ``steps`` asks for their differences."""
        if none is not None and not none.any():
            none = None
        values = np.ascontiguousarray(values, np.int64)
        if none is not None:
            values = filled(values, none)
        apart = _steps(values, steps)
        width = _width(apart)
        told = {"as": "whole", "n": len(values), "id": self._put(apart.data, lambda: _planes(apart, width))}
        told |= {"w": width, "steps": int(steps), **more}
        if none is not None:
            bits = np.packbits(none, bitorder="little").tobytes()
            told["none"] = self._put(b"bits" + bits, lambda: bits)
        return told

    def exact(self, values: Floats) -> Told:
        """Numbers as they are, NaN for none."""
        values = np.ascontiguousarray(values, np.float64) + 0.0
        found = _as_decimals(values)
        if found is not None:
            numbers, power = found
            return self.whole(numbers, none=np.isnan(values), over=power)
        key = values.tobytes()
        planes = np.ascontiguousarray(values.view(np.uint8).reshape(-1, 8).T)
        return {"as": "float", "n": len(values), "id": self._put(b"float" + key, planes.tobytes)}

    def counts(self, values: Ints, none: NDArray[np.bool_] | None = None) -> Told:
        """Whole numbers of any size: those beyond ``MOST`` as two halves."""
        if not len(values) or max(abs(int(values.max())), abs(int(values.min()))) < MOST:
            return self.whole(values, none=none)
        low = self.whole(values & ((1 << _WIDE) - 1), steps=False)
        return {"as": "wide", "n": len(values), "high": self.whole(values >> _WIDE, none=none), "low": low}

    def times(self, values: NDArray[Any], none: NDArray[np.bool_] | None = None) -> Told:
        """Instants as UTC milliseconds, to the microsecond: a script's numbers of today's instants end there."""
        nanoseconds = values.astype("M8[ns]").astype(np.int64)
        if none is None:
            none = np.isnat(values)
        some = nanoseconds[~none]
        for unit in (86_400_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1_000):
            if not (some % unit).any():
                break
        return self.whole(nanoseconds // unit, none=none, times=unit / 1e6)

    def words(self, codes: Ints, words: list[str], none: NDArray[np.bool_] | None = None) -> Told:
        """Words by their place in a list."""
        return {**self.whole(codes, steps=False, none=none), "as": "words", "words": words}

    def texts(self, texts: list[Any]) -> Told:
        """Texts, most of them different."""
        plain = encodable(json.dumps(texts, ensure_ascii=False)).encode()
        return {"as": "texts", "n": len(texts), "id": self._put(b"texts" + plain, lambda: plain)}


def filled(values: Ints, none: NDArray[np.bool_]) -> Ints:
    """Whole numbers, each that is none as the last one before it."""
    last = np.maximum.accumulate(np.where(none, -1, np.arange(len(values))))
    return np.where(last < 0, 0, values[np.maximum(last, 0)])


def _steps(values: Ints, steps: bool) -> NDArray[np.uint64]:
    apart = np.diff(values, prepend=0) if steps else values
    return ((apart << 1) ^ (apart >> 63)).view(np.uint64)


def _width(values: NDArray[np.uint64]) -> int:
    """Bytes of the greatest."""
    return max(1, (int(values.max()).bit_length() + 7) // 8) if len(values) else 1


def _planes(values: NDArray[np.uint64], width: int) -> bytes:
    return np.ascontiguousarray(values.view(np.uint8).reshape(-1, 8)[:, :width].T).tobytes()


def _as_decimals(values: Floats) -> tuple[Ints, float] | None:
    """Whole numbers and the power of ten over which they are the values, to the last bit; None where there is none."""
    there = values[~np.isnan(values)]
    if not len(there):
        return np.zeros(len(values), np.int64), 1.0
    if not np.isfinite(there).all() or float(np.abs(there).max()) >= MOST:
        return None
    some = there[:: max(1, len(there) // 64)]
    for places in range(DECIMALS + 1):
        power = 10.0**places
        if np.array_equal(np.rint(some * power) / power, some):
            numbers = np.rint(there * power)
            if float(np.abs(numbers).max()) < MOST and np.array_equal(numbers / power, there):
                whole = np.zeros(len(values), np.int64)
                whole[~np.isnan(values)] = numbers.astype(np.int64)
                return whole, power
    return None


def quantum(values: Floats) -> float | None:
    """Over which number values are held as whole ones where a figure draws them: exactly, or so that a step of the size
    that is usual is cut into 50; None where none is.

    It is 1, 2 or 5 times a power of ten; below 1 it cuts away places before the point. Rounding keeps order, so what is
    least stays least."""
    exact = _as_decimals(values)
    if exact is not None:
        return exact[1]
    there = values[np.isfinite(values)]
    apart = np.abs(np.diff(there))
    apart = apart[apart > 0.0]
    if not len(apart):
        return None
    step = min(float(np.median(apart)) / 50.0, (float(there.max()) - float(there.min())) / 20_000.0)
    power = 10.0 ** np.ceil(-np.log10(step))
    power = next(power / cut for cut in (5.0, 2.0, 1.0) if cut / power <= step)
    return float(power) if float(np.abs(there).max()) * power < MOST else None
