"""The fingerprint: defined by its bytes, blind to cuts and the ways to write a zero or a NaN."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backbus.market.records import FILL, Records
from backbus.performance.fingerprint import FILL_COLUMNS, Fingerprint


def some_fills(count: int) -> Records:
    rng = np.random.default_rng(7)
    fills = np.zeros(count, dtype=FILL)
    fills["tick"] = np.sort(rng.integers(0, 6000, count))
    fills["order"] = np.arange(count)
    fills["asset"] = rng.integers(0, 5, count)
    for name in ("quantity", "price", "fee"):
        fills[name] = rng.normal(size=count)
    return fills


def test_it_is_what_its_definition_says() -> None:
    fills, equity = some_fills(5), np.array([100.0, 101.5])

    def digest(data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=32).digest()

    of_fills = digest(b"".join(digest(np.ascontiguousarray(fills[name]).tobytes()) for name in FILL_COLUMNS))
    first, second = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
    a, b, most = first, second, 2**64
    for word in equity.view(np.uint64).tolist():
        a = (a ^ word) * first % most
        a ^= a >> 32
        b = (b + word) * second % most
        b ^= b >> 29
    of_equity = a.to_bytes(8, "little") + b.to_bytes(8, "little")
    mark = Fingerprint()
    mark.add_fills(fills)
    mark.add_equity(equity)
    assert mark.fills_digest() == of_fills.hex()
    assert mark.equity_digest() == of_equity.hex()
    assert mark.value() == hashlib.blake2b(of_fills + of_equity, digest_size=16).hexdigest()


def test_the_bytes_of_a_known_run_stay_what_they_are() -> None:
    mark = Fingerprint()
    fills = np.array([(13, 7, 2, 0, 10.0, 101.5, 101.0, 0.25)], dtype=FILL)
    mark.add_fills(fills)
    mark.add_equity(np.array([1000.0, 999.75]))
    assert mark.value() == "8c4e37eed8e2862950067cdda1d79fa7"  # from struct and hashlib alone


def test_nothing_at_all_has_a_fingerprint() -> None:
    assert Fingerprint().value() == Fingerprint().value()
    assert len(Fingerprint().value()) == 32


def test_every_nan_and_every_zero_is_the_same() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF8000000000000], dtype=np.uint64).view(np.float64)
    marks = [Fingerprint() for _ in range(2)]
    marks[0].add_equity(np.concatenate((payload, [-0.0, 0.0])))
    marks[1].add_equity(np.array([np.nan, np.nan, np.nan, 0.0, -0.0]))
    assert marks[0].value() == marks[1].value()


@pytest.mark.parametrize("name", FILL_COLUMNS)
def test_it_sees_a_change_in_any_column_of_a_fill(name: str) -> None:
    fills = some_fills(3)
    before, after = Fingerprint(), Fingerprint()
    before.add_fills(fills)
    changed = fills.copy()
    changed[name][1] += 1
    after.add_fills(changed)
    assert before.value() != after.value()


def test_it_sees_the_last_bit_of_equity() -> None:
    before, after = Fingerprint(), Fingerprint()
    before.add_equity(np.array([1.0]))
    after.add_equity(np.array([np.nextafter(1.0, 2.0)]))
    assert before.value() != after.value()


values = st.lists(st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 100.0])), max_size=40)


@given(values=values, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_how_it_is_fed_changes_nothing(values: list[float], cuts: list[int]) -> None:
    equity, fills = np.array(values, dtype=np.float64), some_fills(len(values))
    whole, parts = Fingerprint(), Fingerprint()
    whole.add_equity(equity)
    whole.add_fills(fills)
    edges = sorted({0, len(equity), *(cut for cut in cuts if cut < len(equity))})
    for a, b in itertools.pairwise(edges):
        parts.add_fills(fills[a:b])
        parts.add_equity(equity[a:b])
    assert parts.value() == whole.value()
