"""Leases amid kills, silences, late and repeated results, pauses and restarts, thousands of random steps.

Whatever happens, each point is recorded once and no worker holds two leases. Once workers are healthy for long enough,
every sweep has one outcome.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from backbus.services.orchestrator import sweep_events as ev
from backbus.services.orchestrator import sweeps as s

SEEDS = int(os.environ.get("BACKBUS_SEEDS", "60"))
CHAOS_STEPS, HEALTHY_STEPS = 1500, 6000
STEP_S = 0.05
POINT_S = 0.02
HARMS = ("kill", "freeze", "thaw", "hang", "go on", "repeat", "fault", "pause", "restart", "join", "submit", "")


def computed(lease: ev.Lease, seconds: float) -> ev.Computed:
    """What a worker says of a chunk."""
    best = ev.Best(float(-abs(lease.first - 40)), lease.first)
    return ev.Computed(lease.instance, lease.job, lease.first, lease.stop, seconds, 0, best, b"")


@dataclass
class World:
    """Workers, a store and a scheduler; ``step`` lets a little time pass."""

    dice: random.Random
    now: float = 100.0
    jobs: dict[str, int] = field(default_factory=dict)
    recorded: dict[str, Counter[int]] = field(default_factory=dict)
    ranges: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    generation: dict[str, int] = field(default_factory=dict)
    """Points asked for at a time; 0: all are known."""
    known: dict[str, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)
    """Points as the store has them; 0 before they are counted."""
    begun: Counter[str] = field(default_factory=Counter)
    outcome: Counter[str] = field(default_factory=Counter)
    workers: dict[str, tuple[ev.Lease, float] | None] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    hung: set[str] = field(default_factory=set)
    late: list[ev.Happening] = field(default_factory=list)
    born: int = 0

    def __post_init__(self) -> None:
        self.state = s.State(dead_s=2.0, lease_s=3.0)

    def tell(self, event: ev.Happening) -> None:
        for action in s.decide(self.state, event, self.now):
            match action:
                case ev.Give(lease):
                    if lease.instance in self.workers:
                        work_s = POINT_S * (lease.stop - lease.first)
                        self.workers[lease.instance] = (lease, self.now + work_s)
                case ev.Begin(job):
                    self.begun[job] += 1
                case ev.Size(job, points):
                    assert self.counted[job] == 0
                    self.counted[job] = points
                case ev.Extend(job, first, stop):
                    assert self.known[job] == first
                    self.known[job] = stop
                case ev.Record(job, first, stop):
                    self.recorded[job].update(range(first, stop))
                    self.ranges[job].append((first, stop))
                case ev.Commit(job) | ev.Fail(job) | ev.Drop(job):
                    self.outcome[job] += 1
        self.check()

    def check(self) -> None:
        held = [lease.instance for sweep in self.state.sweeps.values() for lease in sweep.leased.values()]
        assert sorted(held) == sorted(self.state.held)
        assert not set(held) & set(self.state.idle)
        for counts in self.recorded.values():
            assert not counts or max(counts.values()) == 1

    def submit(self) -> None:
        job = f"sweep-{len(self.jobs)}"
        self.jobs[job] = self.dice.randint(1, 400)
        self.recorded[job], self.ranges[job] = Counter(), []
        self.generation[job], self.known[job] = self.dice.choice((0, 0, 50)), 0
        self.counted[job] = self.jobs[job] * self.dice.choice((0, 1))
        self.hand_in(job, self.dice.choice((0, 0, 1)))

    def hand_in(self, job: str, priority: int) -> None:
        known = self.known[job] if self.generation[job] else None
        self.tell(ev.Submitted(job, self.counted[job], priority, 10_000, tuple(sorted(self.ranges[job])), known))

    def join(self) -> None:
        self.born += 1
        self.workers[f"worker-{self.born}"] = None
        self.tell(ev.Joined(f"worker-{self.born}"))

    def restart(self) -> None:
        """A new orchestrator knows what is recorded, and nothing else."""
        self.state = s.State(dead_s=2.0, lease_s=3.0)
        for job in self.jobs:
            if not self.outcome[job]:
                self.hand_in(job, 0)

    def work(self) -> None:
        for instance, work in list(self.workers.items()):
            if instance in self.frozen:
                continue
            # Some do not look after their work, although they beat.
            moves = 0 if instance in self.hung else round(self.now / STEP_S)
            self.tell(ev.Beaten(instance, moves) if instance in self.state.workers else ev.Joined(instance))
            lost = work is not None and not s.holds(self.state, instance, work[0].job, work[0].number)
            if lost and self.dice.random() < 0.5:  # its beat tells it, but perhaps its work is done before
                self.workers[instance] = None
                continue
            if work is None:
                self.tell(ev.Wanted(instance))
            elif work[1] <= self.now and instance not in self.hung:
                lease = work[0]
                self.workers[instance] = None
                done = self.done(lease)
                self.late.append(done)
                self.tell(done)

    def done(self, lease: ev.Lease) -> ev.Happening:
        match lease.kind:
            case "points":
                return computed(lease, POINT_S * (lease.stop - lease.first))
            case "count":
                return ev.Counted(lease.instance, lease.job, self.jobs[lease.job])
            case "ask":
                stop = min(lease.stop + self.generation[lease.job], self.jobs[lease.job])
                return ev.Asked(lease.instance, lease.job, lease.first, stop, b"")
            case "finish":
                return ev.Finished(lease.instance, lease.job, {}, {})

    def harm(self) -> None:
        dice, names = self.dice, sorted(self.workers)
        match dice.choice(
            ("kill", "freeze", "thaw", "hang", "go on", "repeat", "fault", "pause", "restart", "join", "submit", "")
        ):
            case "kill" if names:
                gone = dice.choice(names)
                del self.workers[gone]
                self.frozen.discard(gone)
            case "freeze" if names:
                self.frozen.add(dice.choice(names))
            case "thaw" if self.frozen:
                self.frozen.discard(dice.choice(sorted(self.frozen)))
            case "hang" if names:
                self.hung.add(dice.choice(names))
            case "go on" if self.hung:
                self.hung.discard(dice.choice(sorted(self.hung)))
            case "repeat" if self.late:
                self.tell(dice.choice(self.late[-50:]))
            case "fault" if names:
                instance = dice.choice(names)
                work = self.workers[instance]
                if work is not None:
                    self.workers[instance] = None
                    self.tell(ev.Faulted(instance, work[0].number, False, "no disk"))
            case "pause" if self.jobs:
                job = dice.choice(sorted(self.jobs))
                self.tell(dice.choice((ev.Paused(job), ev.Resumed(job))))
            case "restart" if dice.random() < 0.2:
                self.restart()
            case "join" if len(names) < 8:
                self.join()
            case "submit" if len(self.jobs) < 6:
                self.submit()

    def step(self) -> None:
        self.now += STEP_S
        self.work()
        self.tell(ev.Clock())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_point_is_recorded_once_and_every_sweep_ends_once(seed: int) -> None:
    world = World(random.Random(seed))
    world.submit()
    for _ in range(CHAOS_STEPS):
        world.step()
        if world.dice.random() < 0.2:
            world.harm()
    world.frozen.clear()
    world.hung.clear()
    world.join()
    for job in world.jobs:
        world.tell(ev.Resumed(job))
    for _ in range(HEALTHY_STEPS):
        if len(+world.outcome) == len(world.jobs):
            break
        world.step()
    assert world.outcome == Counter(list(world.jobs))
    for job, points in world.jobs.items():
        assert world.recorded[job] == Counter(range(points))
    assert not world.state.held


def share(priorities: dict[str, int], steps: int) -> dict[str, int]:
    """Points recorded of large sweeps by three workers."""
    world = World(random.Random(1))
    for job, priority in priorities.items():
        world.jobs[job], world.recorded[job], world.ranges[job] = 10**6, Counter(), []
        world.tell(ev.Submitted(job, 10**6, priority, 10))
    for _ in range(3):
        world.join()
    for _ in range(steps):
        world.step()
    return {job: sum(world.recorded[job].values()) for job in priorities}


def test_sweeps_of_one_priority_get_equal_shares() -> None:
    counts = share({"a": 0, "b": 0}, 1200)
    assert min(counts.values()) > 0.9 * max(counts.values())


def test_a_higher_priority_goes_first() -> None:
    counts = share({"a": 0, "b": 1}, 200)
    assert counts["a"] == 0
    assert counts["b"] > 0


def test_a_lease_that_runs_out_is_given_to_another_and_the_late_result_is_dropped() -> None:
    state = s.State(dead_s=1000.0, lease_s=1.0)
    s.decide(state, ev.Joined("slow"), 0.0)
    s.decide(state, ev.Wanted("slow"), 0.0)
    begin, given = s.decide(state, ev.Submitted("job", 4, 0, 10), 0.0)
    assert begin == ev.Begin("job") and isinstance(given, ev.Give)
    s.decide(state, ev.Beaten("slow", 5), 0.8)
    s.decide(state, ev.Clock(), 1.5)
    assert s.holds(state, "slow", "job", given.lease.number)
    s.decide(state, ev.Beaten("slow", 5), 1.7)
    s.decide(state, ev.Clock(), 1.9)
    assert not s.holds(state, "slow", "job", given.lease.number)
    s.decide(state, ev.Joined("quick"), 2.0)
    (again,) = s.decide(state, ev.Wanted("quick"), 2.0)
    assert isinstance(again, ev.Give)
    while isinstance(again, ev.Give) and again.lease.kind == "points":
        recorded = s.decide(state, computed(again.lease, 0.1), 20.0)
        assert [type(each) for each in recorded] == [ev.Record]
        (again,) = s.decide(state, ev.Wanted("quick"), 20.0)
    assert s.decide(state, computed(given.lease, 9.0), 21.0) == []


def test_a_lease_that_was_not_heard_is_told_again() -> None:
    state = s.State(dead_s=10.0, lease_s=10.0)
    s.decide(state, ev.Submitted("job", 4, 0, 10), 0.0)
    s.decide(state, ev.Joined("worker"), 0.0)
    assert s.decide(state, ev.Wanted("worker"), 0.0)[1:] == s.decide(state, ev.Wanted("worker"), 1.0)


def test_leases_that_all_end_in_faults_fail_the_sweep_with_their_reasons() -> None:
    state = s.State(dead_s=10.0, lease_s=10.0)
    s.decide(state, ev.Submitted("job", 4, 0, 2), 0.0)
    s.decide(state, ev.Joined("worker"), 0.0)
    for now in (0.0, 100.0):
        given = s.decide(state, ev.Wanted("worker"), now)[-1]
        assert isinstance(given, ev.Give)
        actions = s.decide(state, ev.Faulted("worker", given.lease.number, False, "no disk"), now)
        assert s.decide(state, ev.Wanted("worker"), now) == []
    assert actions == [ev.Fail("job", "2 leases in a row ended in a fault: no disk")]
    assert not state.sweeps


def test_a_worker_stays_with_the_sweep_that_it_is_prepared_for_until_another_is_far_behind() -> None:
    state = s.State(dead_s=1e9, lease_s=1e9)
    s.decide(state, ev.Joined("worker"), 0.0)
    for job in ("a", "b"):
        s.decide(state, ev.Submitted(job, 10**6, 0, 10), 0.0)
    order = []
    for _ in range(60):
        given = s.decide(state, ev.Wanted("worker", tuple(order[-1:])), 0.0)[-1]
        assert isinstance(given, ev.Give)
        order.append(given.lease.job)
        s.decide(state, computed(given.lease, 1.0), 0.0)
    switches = sum(one != two for one, two in pairwise(order))
    assert 1 <= switches <= 8
    assert 20 <= order.count("a") <= 40
