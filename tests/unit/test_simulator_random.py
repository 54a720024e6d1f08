"""Random numbers: those that were published, each used once, and normal."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from backbus.simulator import maths, random
from tests.unit.simulated import near

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_words_that_its_authors_published(counter, key, expected):
    """The known answers of philox4x32-10 in Random123's kat_vectors."""

    def signed(low: int, high: int) -> int:
        value = low | high << 32
        return value - (value >> 63 << 64)

    words = np.empty((4, 1), dtype=np.uint32)
    random.look_up_words(signed(*key), counter[2], counter[3], signed(*counter[:2]), words)
    assert tuple(words[:, 0].tolist()) == expected


def test_no_number_is_used_twice():
    """Pairs of words, over purposes, assets, rows and places in a row: 2 ** 64 values, so none should meet another."""
    seen = []
    for stream in range(6):
        for asset in (0, 1, 2, 1 << 30):
            for count in (8, 2):
                words = random.Numbers(7).words(stream + 100 * count, asset, 0, 2000, count)
                pairs = words.astype(np.uint64).reshape(-1, 2, 2000)
                seen.append((pairs[:, 0] << np.uint64(32) | pairs[:, 1]).reshape(-1))
    values = np.concatenate(seen)
    assert len(np.unique(values)) == len(values)


def test_numbers_are_those_of_their_place_whatever_is_asked_for():
    whole = random.Numbers(3).normals(random.DIFFUSION, 5, 0, 1000, 6)
    for first, rows in ((0, 1), (17, 100), (999, 1)):
        assert random.Numbers(3).normals(random.DIFFUSION, 5, first, rows, 6).tobytes() == (
            np.ascontiguousarray(whole[:, first : first + rows]).tobytes()
        )
    even = random.Numbers(3).uniforms(random.JUMPS, 5, 0, 1000, 3)
    assert (random.Numbers(3).uniforms(random.JUMPS, 5, 400, 50, 3) == even[:, 400:450]).all()
    assert not np.isin(random.Numbers(4).normals(random.DIFFUSION, 5, 0, 1000, 6), whole).any()


def test_normals_are_the_quantiles_of_their_words():
    words = np.random.default_rng(1).integers(0, 2**32, 4000, dtype=np.uint32)
    words[:6] = (0, ONES, 2**31, 2**31 - 1, 104_000_000, 105_000_000)
    found, memory = np.empty(len(words)), [np.empty(len(words), dtype=kind) for kind in (np.int32, np.int32, float)]
    random.to_normals(words.view(np.int32), found, *memory)
    normal = NormalDist()
    for word, value in zip(words.view(np.int32).tolist(), found.tolist(), strict=True):
        assert value == pytest.approx(normal.inv_cdf((word + 0.5) / 2**32 + 0.5), abs=2e-8)


def test_normals_are_standard_and_apart():
    n = 400_000
    z = random.Numbers(11).normals(random.DIFFUSION, 0, 0, n // 4, 4)
    flat = z.reshape(-1)
    near(flat.mean(), 0.0, n**-0.5)
    near(flat.var(), 1.0, (2 / n) ** 0.5)
    near((flat**3).mean(), 0.0, (15 / n) ** 0.5)
    near((flat**4).mean(), 3.0, (96 / n) ** 0.5)
    for one, other in ((z[0], z[1]), (z[1], z[3]), (z[0, 1:], z[0, :-1])):
        near((one * other).mean(), 0.0, len(one) ** -0.5)
    other = random.Numbers(11).normals(random.DIFFUSION, 1, 0, n // 4, 4)
    near((z * other).mean(), 0.0, n**-0.5)
    u = random.Numbers(11).uniforms(random.JUMPS, 0, 0, n, 1)
    near(u.mean(), 0.5, (n * 12) ** -0.5)
    near(((u - 0.5) ** 2).mean(), 1 / 12, (n * 180) ** -0.5)


@pytest.mark.slow
def test_exponentials_and_logarithms_are_those_of_the_system_but_for_rounding():
    generator = np.random.default_rng(2)
    for x in (generator.uniform(-1, 1, 20_000), generator.uniform(-708, 709, 20_000), np.array([0.0, -0.0, 1e-300])):
        assert maths.exps(x) == pytest.approx(np.exp(x), rel=1e-15)
    with np.errstate(under="ignore"):
        positive = (np.exp(generator.uniform(-740, 709, 20_000)), np.ldexp(1.0, np.arange(-1074, 1024)))
    for x in positive:
        assert maths.logs(x) == pytest.approx(np.log(x), rel=1e-15, abs=1e-15)
    close = 1.0 + generator.uniform(-1e-3, 1e-3, 20_000)
    assert maths.logs(close) == pytest.approx(np.log(close), rel=2e-13)
    assert maths.exps(np.array([800.0, -800.0, np.inf, -np.inf])).tolist() == [np.inf, 0.0, np.inf, 0.0]
    assert np.isnan(maths.exp_of(np.nan)) and np.isnan(maths.log_of(-1.0))
    assert (maths.log_of(0.0), maths.log_of(np.inf), maths.log_of(1.0)) == (-np.inf, np.inf, 0.0)
