"""The orchestrator's decisions amid joins, deaths, faults, stalls, lies and repetitions, thousands of random steps.

Whatever happens, an instance has one run at a time and a job one outcome. Once members are healthy for long enough,
every accepted job has ended.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from backbus.services.orchestrator.runs import events as ev
from backbus.services.orchestrator.runs import rules
from backbus.services.orchestrator.runs import state as st
from backbus.transport.control import StreamEnd

SEEDS = int(os.environ.get("BACKBUS_SEEDS", "200"))
BATCH = 100
STEP_S = 0.25
CHAOS_STEPS, HEALTHY_STEPS = 160, 1200


@dataclass
class Process:
    """A member as the world knows it: what it has been told, and whether it does anything about it."""

    instance: str
    role: str
    hangs: bool = False
    run: str = ""
    attempt: int = 0
    started: bool = False
    rows: int = 0
    ended: bool = False


@dataclass
class Fate:
    """What has become of a job."""

    max_attempts: int
    attempts: int = 0
    restarts: int = 0
    """Orchestrators that died while it had not ended: these attempts are not held against it."""
    predict: bool = True
    mispredicted: bool = False
    """Whether a predicted attempt ended in vain: from then on all are careful, and that one is not counted."""
    running: bool = False
    outcome: str = ""


@dataclass
class World:
    """Processes, jobs and a scheduler; ``step`` lets a little time pass."""

    dice: random.Random
    now: float = 100.0
    processes: dict[str, Process] = field(default_factory=dict)
    jobs: dict[str, Fate] = field(default_factory=dict)
    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    said: list[ev.RunEvent] = field(default_factory=list)
    born: int = 0

    def __post_init__(self) -> None:
        self.new_orchestrator()
        for role in (st.BROKER, *st.ROLES, *st.ROLES):
            self.be_born(role)

    # What happens.

    def new_orchestrator(self) -> None:
        self.state = st.RunsState(dead_s=2.0, backoff_s=0.5)
        self.held.clear()
        for process in self.processes.values():
            self.forget(process)
        for run, fate in self.jobs.items():
            if not fate.outcome:
                fate.restarts += fate.running
                fate.running = False
                self.tell(self.submission(run, fate))

    def be_born(self, role: str) -> None:
        self.born += 1
        instance = f"{role}-{self.born}"
        self.processes[instance] = Process(instance, role)
        self.tell(ev.MemberJoined(instance, role, "host", self.born))

    def submit(self) -> None:
        run = f"job-{len(self.jobs)}"
        self.jobs[run] = Fate(self.dice.randint(1, 6), predict=self.dice.random() < 0.8)
        self.tell(self.submission(run, self.jobs[run]))

    def submission(self, run: str, fate: Fate) -> ev.RunSubmitted:
        known = {"predict": fate.predict, "mispredicted": fate.mispredicted}
        return ev.RunSubmitted(run, fate.attempts, fate.max_attempts, 5.0, **known)

    def step(self, *, chaos: bool) -> None:
        self.now += STEP_S
        if chaos:
            self.misfortune()
        for process in list(self.processes.values()):
            self.work(process, chaos=chaos)
        self.tell(ev.RunsClock())

    def misfortune(self) -> None:
        dice = self.dice
        match dice.randrange(30):
            case 0 | 1:
                dead = dice.choice(list(self.processes.values()))
                del self.processes[dead.instance]
                self.be_born(dead.role)
            case 2:
                dice.choice(list(self.processes.values())).hangs = True
            case 3 | 4:
                self.fault(dice.choice(list(self.processes.values())), fatal=dice.random() < 0.2)
            case 5 if self.jobs:
                self.tell(ev.RunCancelled(dice.choice(list(self.jobs))))
            case 6 if dice.random() < 0.3:
                self.new_orchestrator()
            case 7 | 8 | 9:
                self.submit()
            case 10 | 11 | 12 | 13 if self.said:
                self.tell(dice.choice(self.said))

    def work(self, process: Process, *, chaos: bool) -> None:
        dice = self.dice
        if process.hangs and not chaos:
            process.hangs = False
        if process.hangs and dice.random() < 0.5:
            return
        if process.instance not in self.state.members:
            self.tell(ev.MemberJoined(process.instance, process.role, "host", 1))
        busy = 6.0 if chaos and process.role == "strategy" and dice.random() < 0.002 else 0.0
        self.tell(ev.MemberHeartbeat(process.instance, process.run or None, process.attempt, process.rows, busy, ""))
        if not process.run or process.hangs or dice.random() < 0.5:
            return
        if not process.started:
            careful = dice.random() < 0.05
            self.tell(ev.MemberReady(process.instance, process.run, process.attempt, {process.role: 1}, careful))
        elif process.rows < 100:
            process.rows += dice.randint(1, 50)
        elif not process.ended:
            process.ended = True
            self.end(process, honest=not chaos or dice.random() < 0.9)

    def end(self, process: Process, *, honest: bool) -> None:
        written = process.role == "data"
        seen = [StreamEnd(kind="NEW_DATA", written=written, records=100, digest="aa" if honest else "bb")]
        run, attempt = process.run, process.attempt
        self.tell(ev.MemberEnded(process.instance, run, attempt, seen))
        if process.role == "performance":
            self.tell(ev.RunReported(process.instance, run, attempt, {"of": run}, {}))

    def fault(self, process: Process, *, fatal: bool) -> None:
        if process.run:
            of = process.instance, process.run, process.attempt
            mispredicted = not fatal and self.dice.random() < 0.3
            self.tell(ev.MemberFaulted(*of, fatal, "it broke", None, mispredicted))

    def forget(self, process: Process) -> None:
        process.run, process.attempt, process.rows, process.started, process.ended = "", 0, 0, False, False

    # What is done about it.

    def tell(self, event: ev.RunEvent) -> None:
        if not isinstance(event, ev.RunSubmitted):  # the store answers a repeated submission, the rules never see it
            self.said.append(event)
        for action in rules.decide(self.state, event, self.now):
            self.obey(action)
        st.validate(self.state)

    def obey(self, action: ev.RunAction) -> None:
        fate = self.jobs[action.run]
        assert not fate.outcome or isinstance(action, ev.ReleaseMembers), f"{action} after {fate.outcome}"
        match action:
            case ev.AssignRun(run, attempt, instances, careful):
                assert not fate.running
                fate.attempts, fate.running = fate.attempts + 1, True
                assert attempt == fate.attempts <= fate.max_attempts + fate.restarts + fate.mispredicted
                assert careful == (fate.mispredicted or not fate.predict)
                assert [self.state.members[i].role for i in instances] == list(st.ROLES)
                for instance in instances:
                    assert instance not in self.held, f"{instance} has {self.held[instance]} and gets {run}"
                    self.held[instance] = (run, attempt)
                    if instance in self.processes:
                        self.forget(self.processes[instance])
                        self.processes[instance].run, self.processes[instance].attempt = run, attempt
            case ev.StartRun(run, attempt, instances, facts):
                assert set(facts) == {*st.ROLES, "careful"}, "it starts before everybody is ready"
                for instance in instances:
                    if instance in self.processes:
                        assert not self.processes[instance].started
                        self.processes[instance].started = True
            case ev.ReleaseMembers(run, attempt, instances):
                for instance, holds in list(self.held.items()):
                    if holds == (run, attempt):
                        assert instance in instances or instance not in self.state.members
                        del self.held[instance]
                        if instance in self.processes:
                            self.forget(self.processes[instance])
            case ev.EndAttempt(_, attempt, reason, mispredicted):
                assert fate.running
                assert not (mispredicted and fate.mispredicted), "a careful attempt cannot be mispredicted"
                fate.mispredicted = fate.mispredicted or mispredicted
                assert attempt == fate.attempts
                assert reason
                fate.running = False
            case ev.CommitRun(run, attempt, report, _):
                assert report == {"of": run}
                assert attempt == fate.attempts
                fate.running, fate.outcome = False, "committed"
            case ev.FailRun(_, message, _):
                assert not fate.running
                assert message is not None or fate.attempts >= fate.max_attempts
                fate.outcome = "failed"
            case ev.DropRun():
                assert not fate.running
                fate.outcome = "cancelled"


outcomes: Counter[str] = Counter()
counted = pytest.mark.shares("outcomes of the scheduler's worlds")
"""Of the tests that count outcomes, and the one that reads them: run by one worker."""


@counted
@pytest.mark.parametrize("first", range(0, SEEDS, BATCH))
def test_whatever_happens_a_job_has_one_outcome_and_a_member_one_run(first: int) -> None:
    for seed in range(first, min(first + BATCH, SEEDS)):
        world = World(random.Random(f"world {seed}"))
        try:
            for _ in range(CHAOS_STEPS):
                world.step(chaos=True)
            for _ in range(HEALTHY_STEPS):
                if all(fate.outcome for fate in world.jobs.values()):
                    break
                world.step(chaos=False)
            unfinished = {run: fate for run, fate in world.jobs.items() if not fate.outcome}
            assert not unfinished, f"{unfinished} though all members are healthy"
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        outcomes.update(fate.outcome for fate in world.jobs.values())


@counted
def test_the_worlds_saw_jobs_committed_failed_and_cancelled() -> None:
    if sum(outcomes.values()) < 500:
        pytest.skip("too few random worlds were tried before this test")
    assert {"committed", "failed", "cancelled"} <= outcomes.keys()
