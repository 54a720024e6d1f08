"""What a watcher does with a chunk whose points kill: only the bad ones fail, and the way there leaves no trace."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from backbus.performance.metrics import FIGURES
from backbus.sweep.statistics import Observer, make_plan
from backbus.sweep.workers.chunk import KILLED, TOO_LONG, Chunk, Failure, failed_chunk, joined
from backbus.sweep.workers.watcher import MOST_TRIES, Death, Watcher
from backbus.sweep.workers.wire import pack_chunk

PLAN = make_plan(20, settings=None)
DIED = Failure(KILLED, "its process ended with status 3")
Blame = Callable[[range, int], tuple[int, int]]
"""From the points that are left and the bad one: the first point in hand, and how many are."""


def computed(points: range) -> Chunk:
    """A chunk whose every value depends on its own point alone."""
    numbers = np.array(points, dtype=np.float64)
    observer = Observer(PLAN, len(points))
    for place, number in enumerate(points):
        observer.observe(place, np.sin(np.arange(20.0) * (number + 1)) / 50.0)
    figures = np.repeat(numbers[:, None], len(FIGURES), axis=1)
    prints = np.repeat(numbers.astype(np.uint8)[:, None], 16, axis=1)
    return Chunk(figures, prints, {}, observer.rows, observer.maxima)


def expected(points: int, bad: set[int]) -> Chunk:
    """Every point on its own, the bad ones failed."""
    return joined([failed_chunk(DIED, PLAN) if n in bad else computed(range(n, n + 1)) for n in range(points)])


def watched(points: int, bad: set[int], blame: Blame, part: Callable[[], int], sure: bool = False) -> tuple[Chunk, int]:
    """A chunk's way through processes that die of bad points, and how many died."""
    watcher, deaths = Watcher(points, PLAN), 0
    while watcher.next is not None:
        given = watcher.give()
        done = given.start
        while done < given.stop:
            stop = min(done + part(), given.stop)
            killers = sorted(bad & set(range(done, stop)))
            if killers:
                first, count = blame(range(done, stop), killers[0])
                watcher.died(Death(DIED, sure and count == 1, first - given.start, count))
                deaths += 1
                break
            watcher.part(done - given.start, computed(range(done, stop)))
            done = stop
    return watcher.chunk(), deaths


def exactly(left: range, bad: int) -> tuple[int, int]:
    return bad, 1


def nobody_knows(left: range, bad: int) -> tuple[int, int]:
    return 0, 0


def all_of_them(left: range, bad: int) -> tuple[int, int]:
    return left.start, len(left)


@pytest.mark.parametrize("blame", [exactly, nobody_knows, all_of_them])
@pytest.mark.parametrize("part", [1, 4, 64])
@pytest.mark.parametrize("bad", [set(), {0}, {12}, {5, 6}, {0, 3, 11, 12}, set(range(13))])
def test_only_the_bad_points_fail_and_the_way_leaves_no_trace(bad: set[int], part: int, blame: Blame) -> None:
    chunk, _ = watched(13, bad, blame, lambda: part)
    assert set(chunk.failures) == bad
    assert pack_chunk(chunk) == pack_chunk(expected(13, bad))


def test_any_cut_and_any_blame_give_the_same_bytes() -> None:
    chance = random.Random(4)
    for _ in range(60):
        points = chance.randint(1, 40)
        bad = {n for n in range(points) if chance.random() < 0.15}
        blame = chance.choice([exactly, nobody_knows, all_of_them])
        chunk, _ = watched(points, bad, blame, lambda: chance.randint(1, 9))
        assert pack_chunk(chunk) == pack_chunk(expected(points, bad))


def test_a_point_that_is_known_costs_two_processes_and_one_beyond_doubt_a_single_one() -> None:
    assert watched(64, {40}, exactly, lambda: 64)[1] == MOST_TRIES
    assert watched(64, {40}, exactly, lambda: 64, sure=True)[1] == 1


def test_a_point_that_is_not_known_is_found_by_halving() -> None:
    assert watched(64, {40}, nobody_knows, lambda: 64)[1] == 6 + MOST_TRIES


def test_the_suspect_is_alone_in_the_next_process_and_the_others_follow() -> None:
    watcher = Watcher(8, PLAN)
    assert watcher.give() == range(8)
    watcher.part(0, computed(range(2)))
    watcher.died(Death(DIED, False, 5, 1))
    assert watcher.give() == range(5, 6)
    watcher.part(0, computed(range(5, 6)))
    assert watcher.give() == range(2, 5)
    watcher.part(0, computed(range(2, 5)))
    assert watcher.give() == range(6, 8)


def test_a_suspect_that_does_well_alone_does_not_fail() -> None:
    watcher = Watcher(2, PLAN)
    watcher.give()
    watcher.died(Death(DIED, False, 1, 1))
    while watcher.next is not None:
        watcher.part(0, computed(watcher.give()))
    assert pack_chunk(watcher.chunk()) == pack_chunk(expected(2, set()))


def test_what_is_recorded_is_how_it_ended_last() -> None:
    watcher = Watcher(1, PLAN)
    watcher.give()
    watcher.died(Death(DIED, False))
    watcher.give()
    watcher.died(Death(Failure(TOO_LONG, "took more than 1 s of processor time"), True, 0, 1))
    assert watcher.chunk().failures == {0: Failure(TOO_LONG, "took more than 1 s of processor time")}


def test_parts_that_were_not_asked_for_are_refused() -> None:
    watcher = Watcher(4, PLAN)
    watcher.give()
    for first, size in ((1, 1), (0, 5), (0, 0)):
        with pytest.raises(ValueError, match="not to be computed"):
            watcher.part(first, computed(range(size)))
    with pytest.raises(ValueError, match="4 of 4 points are not done"):
        watcher.chunk()
