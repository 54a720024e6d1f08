"""The fingerprint: defined by its bytes, blind to cuts and the ways to write a zero or a NaN."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backbus.performance.fingerprint import FILL_COLUMNS, FillsDigest, fingerprint
from backbus.performance.sessions import SessionCurve
from backbus.trading.records import FILL, Records


def some_fills(count: int) -> Records:
    rng = np.random.default_rng(7)
    fills = np.zeros(count, dtype=FILL)
    fills["tick"] = np.sort(rng.integers(0, 6000, count))
    fills["order"] = np.arange(count)
    fills["asset"] = rng.integers(0, 5, count)
    for name in ("quantity", "price", "fee"):
        fills[name] = rng.normal(size=count)
    return fills


FIRST, SECOND, MOST = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 2**64


def column_digest(words: list[int]) -> bytes:
    lanes = [FIRST, SECOND]
    for word in words:
        mixed = (lanes[0] ^ word) * FIRST % MOST
        lanes = [lanes[1], mixed ^ (mixed >> 32)]
    return b"".join(lane.to_bytes(8, "little") for lane in lanes)


def of_fills(fills: Records) -> bytes:
    mark = FillsDigest()
    mark.add(fills)
    return mark.digest()


def of_equity(*blocks: NDArray[np.float64]) -> bytes:
    curve = SessionCurve(100.0)
    for equity in blocks:
        curve.add(np.arange(len(equity)), equity, np.zeros(len(equity)))
    return curve.digest()


def test_it_is_what_its_definition_says() -> None:
    fills, equity = some_fills(5), np.array([100.0, 101.5, 99.25])
    columns = [np.ascontiguousarray(fills[name]) for name in FILL_COLUMNS]
    words = [(c if c.dtype.kind == "f" else c.astype(np.int64)).view(np.uint64).tolist() for c in columns]
    wanted = hashlib.blake2b(b"".join(map(column_digest, words)), digest_size=32).digest()
    assert of_fills(fills) == wanted
    assert of_equity(equity) == column_digest(equity.view(np.uint64).tolist())
    both = wanted + of_equity(equity)
    assert fingerprint(wanted, of_equity(equity)) == hashlib.blake2b(both, digest_size=16).hexdigest()


def test_the_bytes_of_a_known_run_stay_what_they_are() -> None:
    fills = np.array([(13, 7, 2, 0, 0, 10.0, 101.5, 101.0, 0.25, 1.0, 0.0)], dtype=FILL)
    value = fingerprint(of_fills(fills), of_equity(np.array([1000.0, 999.75])))
    assert value == "8d68528f39c433ec17c4d343b17aa96d"  # from struct, integers and hashlib alone


def test_nothing_at_all_has_a_fingerprint() -> None:
    assert len(fingerprint(FillsDigest().digest(), SessionCurve(1.0).digest())) == 32


def test_every_nan_and_every_zero_is_the_same() -> None:
    payload = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF8000000000000], dtype=np.uint64).view(np.float64)
    one = of_equity(np.concatenate((payload, [-0.0, 0.0])))
    assert one == of_equity(np.array([np.nan, np.nan, np.nan, 0.0, -0.0]))


def test_infinities_and_signs_are_told_apart() -> None:
    kinds = [np.inf, -np.inf, np.nan, 0.0, 1.0, -1.0, 5e-324, -5e-324]
    assert len({of_equity(np.array([kind])) for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("name", FILL_COLUMNS)
def test_it_sees_a_change_in_any_column_of_a_fill(name: str) -> None:
    fills = some_fills(3)
    changed = fills.copy()
    changed[name][1] += 1
    assert of_fills(fills) != of_fills(changed)


def test_what_a_fill_does_not_stand_for_is_left_out() -> None:
    fills = some_fills(3)
    changed = fills.copy()
    changed["rule"], changed["cap"], changed["reference"], changed["unit"], changed["left"] = 7, 1, 1.0, 3.0, 4.0
    assert of_fills(fills) == of_fills(changed)


def test_it_sees_the_last_bit_of_equity_and_the_order_of_rows() -> None:
    assert of_equity(np.array([1.0])) != of_equity(np.array([np.nextafter(1.0, 2.0)]))
    assert len({of_equity(np.array(rows)) for rows in itertools.permutations([1.0, 2.0, 3.0])}) == 6


values = st.lists(st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 100.0])), max_size=40)


@given(values=values, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_how_it_is_fed_changes_nothing(values: list[float], cuts: list[int]) -> None:
    equity, fills = np.array(values, dtype=np.float64), some_fills(len(values))
    edges = sorted({0, len(equity), *(cut for cut in cuts if cut < len(equity))})
    parts = FillsDigest()
    for a, b in itertools.pairwise(edges):
        parts.add(fills[a:b])
    assert parts.digest() == of_fills(fills)
    assert of_equity(*(equity[a:b] for a, b in itertools.pairwise(edges))) == of_equity(equity)
