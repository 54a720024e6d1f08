"""Combinatorially symmetric cross-validation: every split, as written down plainly, and what noise and skill give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from backbus.market.panel import Floats
from backbus.sweep.statistics import Plan, ResampleSettings, make_plan
from backbus.sweep.statistics.overfitting import SPLITS, Overfitting, overfitting, split_blocks
from tests.unit.statistics_sweep import observed, some_returns


def plain(sessions: int) -> Plan:
    return make_plan(sessions, settings=ResampleSettings(resamples=1))


def plain_overfitting(plan: Plan, returns: Floats) -> tuple[float, float]:
    """Probability of overfitting and of loss by concatenating the sessions of each half."""
    blocks = [np.arange(first, last) for first, last in zip(plan.bounds[:-1], plan.bounds[1:], strict=True)]
    below = loss = 0.0
    for inside in itertools.combinations(range(16), 8):
        halves = [
            np.concatenate([blocks[each] for each in range(16) if (each in inside) == half]) for half in (True, False)
        ]
        here, there = (returns[:, half].mean(axis=1) / returns[:, half].std(axis=1, ddof=1) for half in halves)
        best = int(np.argmax(here))
        surplus = int(np.sum(there < there[best])) - int(np.sum(there > there[best]))
        below += 1.0 if surplus < 0 else 0.5 if surplus == 0 else 0.0
        loss += there[best] < 0.0
    return below / 12_870, loss / 12_870


def test_every_half_of_sixteen_blocks_is_a_split_once_and_its_complement_mirrors_it() -> None:
    splits = split_blocks()
    assert splits.shape == (SPLITS, 16)
    assert {tuple(np.flatnonzero(split)) for split in splits} == set(itertools.combinations(range(16), 8))
    assert (splits[::-1] == ~splits).all()


@pytest.mark.slow
@pytest.mark.parametrize("sessions", (64, 75))
def test_all_splits_give_what_they_give_when_written_down_plainly(sessions: int) -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, (5, sessions))
    returns[0] += 0.0015
    plan = plain(sessions)
    failed = np.full((1, sessions), np.nan)
    rows, _ = observed(plan, np.concatenate((returns[:2], failed, returns[2:])))
    found = overfitting(plan, rows)
    assert isinstance(found, Overfitting)
    assert (found.probability, found.loss_probability) == pytest.approx(plain_overfitting(plan, returns), abs=1e-12)


def test_noise_is_overfitted_half_of_the_time() -> None:
    plan = plain(160)
    generator = np.random.default_rng(2)
    found = [overfitting(plan, observed(plan, generator.normal(0.0, 0.01, (12, 160)))[0]) for _ in range(60)]
    probabilities = [each.probability for each in found if isinstance(each, Overfitting)]
    assert len(probabilities) == 60
    assert np.mean(probabilities) == pytest.approx(0.5, abs=0.07)
    assert np.std(probabilities) > 0.05


def test_skill_is_not_overfitted_and_does_not_lose() -> None:
    plan = plain(320)
    returns = np.random.default_rng(2).normal(0.0, 0.01, (20, 320))
    returns[7] += 0.005
    found = overfitting(plan, observed(plan, returns)[0])
    assert isinstance(found, Overfitting)
    assert found.probability < 0.01
    assert found.loss_probability < 0.01


def test_equal_points_are_neither_above_nor_below_each_other() -> None:
    plan = plain(64)
    found = overfitting(plan, observed(plan, np.tile(some_returns(5, 64)[0], (6, 1)))[0])
    assert isinstance(found, Overfitting)
    assert found.probability == 0.5


def test_points_that_never_trade_are_as_good_as_cash() -> None:
    """In a half that loses with everything else, the point without trades is the best, and out of sample not last."""
    plan = plain(64)
    returns = np.random.default_rng(4).normal(-0.02, 0.001, (4, 64))
    returns[2] = 0.0
    found = overfitting(plan, observed(plan, returns)[0])
    assert found == Overfitting(probability=0.0, loss_probability=0.0, splits=SPLITS)


def test_ranking_needs_two_points_and_sixteen_sessions() -> None:
    assert overfitting(plain(64), observed(plain(64), some_returns(6, 64)[:1])[0]) == (
        "ranking needs at least two points"
    )
    assert overfitting(plain(15), observed(plain(15), some_returns(6, 15))[0]) == "16 blocks need at least 16 sessions"
