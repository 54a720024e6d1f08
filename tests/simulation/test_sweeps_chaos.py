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

from backbus.services.orchestrator.sweeps import events as ev
from backbus.services.orchestrator.sweeps import rules
from backbus.services.orchestrator.sweeps import state as st

SEEDS = int(os.environ.get("BACKBUS_SEEDS", "60"))
CHAOS_STEPS, HEALTHY_STEPS = 1500, 6000
STEP_S = 0.05
POINT_S = 0.02
HARMS = ("kill", "freeze", "thaw", "hang", "go on", "repeat", "fault", "pause", "restart", "join", "submit", "")


def computed(lease: ev.GivenLease, seconds: float) -> ev.ChunkComputed:
    """What a worker says of a chunk."""
    best = ev.BestPoint(float(-abs(lease.first - 40)), lease.first)
    return ev.ChunkComputed(lease.instance, lease.job, lease.first, lease.stop, seconds, 0, best, b"")


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
    workers: dict[str, tuple[ev.GivenLease, float] | None] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    hung: set[str] = field(default_factory=set)
    late: list[ev.SweepEvent] = field(default_factory=list)
    born: int = 0

    def __post_init__(self) -> None:
        self.state = st.SweepsState(dead_s=2.0, lease_s=3.0)

    def tell(self, event: ev.SweepEvent) -> None:
        for action in rules.decide(self.state, event, self.now):
            match action:
                case ev.GiveLease(lease):
                    if lease.instance in self.workers:
                        work_s = POINT_S * (lease.stop - lease.first)
                        self.workers[lease.instance] = (lease, self.now + work_s)
                case ev.BeginSweep(job):
                    self.begun[job] += 1
                case ev.SizeSweep(job, points):
                    assert self.counted[job] == 0
                    self.counted[job] = points
                case ev.RecordPoints(job, first, stop):
                    assert self.known[job] == first
                    self.known[job] = stop
                case ev.RecordChunk(job, first, stop):
                    points = range(first, stop)
                    assert not any(point in self.recorded[job] for point in points)
                    self.recorded[job].update(points)
                    self.ranges[job].append((first, stop))
                case ev.CommitSweep(job) | ev.FailSweep(job) | ev.DropSweep(job):
                    self.outcome[job] += 1
        st.validate(self.state)

    def submit(self) -> None:
        job = f"sweep-{len(self.jobs)}"
        self.jobs[job] = self.dice.randint(1, 400)
        self.recorded[job], self.ranges[job] = Counter(), []
        self.generation[job], self.known[job] = self.dice.choice((0, 0, 50)), 0
        self.counted[job] = self.jobs[job] * self.dice.choice((0, 1))
        self.hand_in(job, self.dice.choice((0, 0, 1)))

    def hand_in(self, job: str, priority: int) -> None:
        known = self.known[job] if self.generation[job] else None
        self.tell(ev.SweepSubmitted(job, self.counted[job], priority, 10_000, tuple(sorted(self.ranges[job])), known))

    def join(self) -> None:
        self.born += 1
        self.workers[f"worker-{self.born}"] = None
        self.tell(ev.WorkerJoined(f"worker-{self.born}"))

    def restart(self) -> None:
        """A new orchestrator knows what is recorded, and nothing else."""
        self.state = st.SweepsState(dead_s=2.0, lease_s=3.0)
        for job in self.jobs:
            if not self.outcome[job]:
                self.hand_in(job, 0)

    def work(self) -> None:
        for instance, work in list(self.workers.items()):
            if instance in self.frozen:
                continue
            # Some do not look after their work, although they beat.
            moves = 0 if instance in self.hung else round(self.now / STEP_S)
            self.tell(
                ev.WorkerHeartbeat(instance, moves) if instance in self.state.workers else ev.WorkerJoined(instance)
            )
            lost = work is not None and not rules.holds(self.state, instance, work[0].job, work[0].number)
            if lost and self.dice.random() < 0.5:  # its beat tells it, but perhaps its work is done before
                self.workers[instance] = None
                continue
            if work is None:
                self.tell(ev.LeaseWanted(instance))
            elif work[1] <= self.now and instance not in self.hung:
                lease = work[0]
                self.workers[instance] = None
                done = self.done(lease)
                self.late.append(done)
                self.tell(done)

    def done(self, lease: ev.GivenLease) -> ev.SweepEvent:
        match lease.kind:
            case "points":
                return computed(lease, POINT_S * (lease.stop - lease.first))
            case "count":
                return ev.PointsCounted(lease.instance, lease.job, self.jobs[lease.job])
            case "ask":
                stop = min(lease.stop + self.generation[lease.job], self.jobs[lease.job])
                return ev.PointsProposed(lease.instance, lease.job, lease.first, stop, b"")
            case "finish":
                return ev.SweepReported(lease.instance, lease.job, {}, {})

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
                    self.tell(ev.LeaseFaulted(instance, work[0].number, False, "no disk"))
            case "pause" if self.jobs:
                job = dice.choice(sorted(self.jobs))
                self.tell(dice.choice((ev.SweepPaused(job), ev.SweepResumed(job))))
            case "restart" if dice.random() < 0.2:
                self.restart()
            case "join" if len(names) < 8:
                self.join()
            case "submit" if len(self.jobs) < 6:
                self.submit()

    def step(self) -> None:
        self.now += STEP_S
        self.work()
        self.tell(ev.SweepsClock())


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
        world.tell(ev.SweepResumed(job))
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
        world.tell(ev.SweepSubmitted(job, 10**6, priority, 10))
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
    state = st.SweepsState(dead_s=1000.0, lease_s=1.0)
    rules.decide(state, ev.WorkerJoined("slow"), 0.0)
    rules.decide(state, ev.LeaseWanted("slow"), 0.0)
    begin, given = rules.decide(state, ev.SweepSubmitted("job", 4, 0, 10), 0.0)
    assert begin == ev.BeginSweep("job") and isinstance(given, ev.GiveLease)
    rules.decide(state, ev.WorkerHeartbeat("slow", 5), 0.8)
    rules.decide(state, ev.SweepsClock(), 1.5)
    assert rules.holds(state, "slow", "job", given.lease.number)
    rules.decide(state, ev.WorkerHeartbeat("slow", 5), 1.7)
    rules.decide(state, ev.SweepsClock(), 1.9)
    assert not rules.holds(state, "slow", "job", given.lease.number)
    rules.decide(state, ev.WorkerJoined("quick"), 2.0)
    (again,) = rules.decide(state, ev.LeaseWanted("quick"), 2.0)
    assert isinstance(again, ev.GiveLease)
    while isinstance(again, ev.GiveLease) and again.lease.kind == "points":
        recorded = rules.decide(state, computed(again.lease, 0.1), 20.0)
        assert [type(each) for each in recorded] == [ev.RecordChunk]
        (again,) = rules.decide(state, ev.LeaseWanted("quick"), 20.0)
    assert rules.decide(state, computed(given.lease, 9.0), 21.0) == []


def test_a_lease_that_was_not_heard_is_told_again() -> None:
    state = st.SweepsState(dead_s=10.0, lease_s=10.0)
    rules.decide(state, ev.SweepSubmitted("job", 4, 0, 10), 0.0)
    rules.decide(state, ev.WorkerJoined("worker"), 0.0)
    assert rules.decide(state, ev.LeaseWanted("worker"), 0.0)[1:] == rules.decide(state, ev.LeaseWanted("worker"), 1.0)


def test_leases_that_all_end_in_faults_fail_the_sweep_with_their_reasons() -> None:
    state = st.SweepsState(dead_s=10.0, lease_s=10.0)
    rules.decide(state, ev.SweepSubmitted("job", 4, 0, 2), 0.0)
    rules.decide(state, ev.WorkerJoined("worker"), 0.0)
    for now in (0.0, 100.0):
        given = rules.decide(state, ev.LeaseWanted("worker"), now)[-1]
        assert isinstance(given, ev.GiveLease)
        actions = rules.decide(state, ev.LeaseFaulted("worker", given.lease.number, False, "no disk"), now)
        assert rules.decide(state, ev.LeaseWanted("worker"), now) == []
    events = (
        "100.0 s before: submitted",
        "100.0 s before: worker is given lease 1: points 0 to 4",
        "100.0 s before: worker ends lease 1 with a fault",
        "0.0 s before: worker is given lease 2: points 0 to 4",
        "0.0 s before: worker ends lease 2 with a fault",
    )
    assert actions == [ev.FailSweep("job", "2 leases in a row ended in a fault: no disk", events=events)]
    assert not state.sweeps


def test_a_worker_stays_with_the_sweep_that_it_is_prepared_for_until_another_is_far_behind() -> None:
    state = st.SweepsState(dead_s=1e9, lease_s=1e9)
    rules.decide(state, ev.WorkerJoined("worker"), 0.0)
    for job in ("a", "b"):
        rules.decide(state, ev.SweepSubmitted(job, 10**6, 0, 10), 0.0)
    order = []
    for _ in range(60):
        given = rules.decide(state, ev.LeaseWanted("worker", tuple(order[-1:])), 0.0)[-1]
        assert isinstance(given, ev.GiveLease)
        order.append(given.lease.job)
        rules.decide(state, computed(given.lease, 1.0), 0.0)
    switches = sum(one != two for one, two in pairwise(order))
    assert 1 <= switches <= 8
    assert 20 <= order.count("a") <= 40
