"""The local stack with toy services: what starts, what is restarted, what is left when all is over."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from backbus.errors import StackError
from backbus.settings import Settings
from backbus.stack import lifecycle, logs, supervisor
from backbus.stack.folder import MARKER, Folder
from backbus.stack.processes import processes_of
from backbus.stack.services import Service
from tests.processes import alive, wait_for
from tests.stacks import addresses

TOY = """
import os, pathlib, signal, sys, time
name, how = sys.argv[1:]
place = pathlib.Path(os.environ["BACKBUS_STATE"]) / "toys"
place.mkdir(exist_ok=True)
with (place / f"{name}.starts").open("a") as file:
    file.write(f"{os.getpid()} {time.monotonic()}\\n")
print(name, "was started in", os.getcwd(), flush=True)
if how == "dies":
    sys.exit("toy gives up")
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how != "unready":
    (place / f"{name}.ready").write_text(str(os.getpid()))
time.sleep(600)
"""


def toy(name: str, how: str = "well", role: str | None = None) -> Service:
    one_line = f"exec({TOY!r})"
    return Service(name, (sys.executable, "-c", one_line, name, how), name if role is None else role)


class Toys:
    """One stack of toys; stands in for the orchestrator by reading what the toys wrote."""

    def __init__(self, state: Path, services: list[Service]) -> None:
        self.settings = Settings(state=state, **addresses())
        self.services = services
        self.folder = Folder.of(self.settings)
        self.listed_still: list[dict[str, Any]] = []

    def status(self, _: Settings) -> dict[str, Any] | None:
        members = []
        for service in self.services:
            pid = self.ready_pid(service.name)
            if pid is not None and alive(pid):
                members.append({"role": service.role, "state": "idle", "pid": pid})
        return {"members": [*members, *self.listed_still]}

    def ready_pid(self, name: str) -> int | None:
        try:
            return int((self.folder.state / "toys" / f"{name}.ready").read_text() or 0) or None
        except OSError:
            return None

    def starts(self, name: str) -> list[tuple[int, float]]:
        try:
            lines = (self.folder.state / "toys" / f"{name}.starts").read_text().splitlines()
        except OSError:
            return []
        return [(int(pid), float(at)) for pid, at in (line.split() for line in lines)]

    def up(self, ready_s: float = 15.0) -> lifecycle.Up:
        return lifecycle.up(self.settings, self.services, ready_s=ready_s, prepare=lambda _: None, ask=self.status)

    def down(self) -> int:
        return lifecycle.down(self.settings)

    def states(self) -> dict[str, dict[str, Any]]:
        return {row["service"]: row for row in lifecycle.states(self.settings, self.services, ask=self.status)}


Make = Callable[..., Toys]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Toys] = []

    def _make(*services: Service, state: str = "state") -> Toys:
        made.append(Toys(tmp_path / state, list(services)))
        return made[-1]

    yield _make
    for stack in made:
        stack.down()
        assert processes_of(stack.folder) == []


def test_up_returns_when_every_role_is_filled_and_down_leaves_nothing(make: Make) -> None:
    stack = make(toy("a"), toy("b"))
    done = stack.up()
    assert not done.already
    assert done.services == ["a", "b"]
    assert {name: row["ready"] for name, row in stack.states().items()} == {"a": True, "b": True}
    pids = [row["pid"] for row in stack.states().values()]
    assert all(map(alive, pids))
    assert stack.down() == 3
    assert not any(map(alive, pids))
    assert not stack.folder.socket.exists()
    assert not stack.folder.pid_file.exists()
    assert list((stack.folder.state / "run").iterdir()) == []


def test_up_again_says_so_and_starts_nothing(make: Make) -> None:
    stack = make(toy("a"))
    stack.up()
    pid = stack.states()["a"]["pid"]
    assert stack.up().already
    assert stack.states()["a"]["pid"] == pid


def test_down_where_nothing_runs_is_no_error(make: Make) -> None:
    assert make(toy("a")).down() == 0


def test_a_killed_service_is_restarted_every_time(make: Make) -> None:
    stack = make(toy("a"), toy("b"))
    stack.up()
    for count in range(1, 4):
        pid, _ = stack.starts("a")[-1]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda count=count: len(stack.starts("a")) > count)
    assert len(stack.starts("b")) == 1


def test_a_member_that_was_killed_and_is_listed_still_does_not_count_for_the_one_that_took_its_place(
    make: Make,
) -> None:
    stack = make(toy("a"), toy("b"))
    stack.up()
    pid = stack.states()["a"]["pid"]
    stack.listed_still = [{"role": "a", "state": "idle", "pid": pid}]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: stack.states()["a"]["pid"] not in (pid, None))
    assert stack.up().already
    assert stack.ready_pid("a") == stack.states()["a"]["pid"]
    assert stack.states()["a"]["ready"]


def test_a_service_that_dies_at_once_is_restarted_for_ever_at_most_once_a_second(make: Make) -> None:
    stack = make(toy("a"), toy("broken", "dies", role=""))
    stack.up()
    starts = wait_for(lambda: found if len(found := stack.starts("broken")) >= 4 else None)
    times = [at for _, at in starts]
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(times))
    assert stack.states()["broken"]["state"] != "fatal"


def test_down_finds_the_orphans_of_a_killed_supervisor(make: Make) -> None:
    stack = make(toy("a"), toy("b", "deaf"))
    stack.up()
    pids = [row["pid"] for row in stack.states().values()]
    os.kill(int(stack.folder.pid_file.read_text()), signal.SIGKILL)
    wait_for(lambda: supervisor.ask(stack.folder) is None)
    assert all(map(alive, pids))
    assert stack.states() == {}
    assert lifecycle.orphans(stack.settings) == 2
    assert stack.down() == 2
    assert lifecycle.orphans(stack.settings) == 0
    assert not any(map(alive, pids))


def test_up_after_a_killed_supervisor_replaces_the_orphans(make: Make) -> None:
    stack = make(toy("a"))
    stack.up()
    orphan = stack.states()["a"]["pid"]
    os.kill(int(stack.folder.pid_file.read_text()), signal.SIGKILL)
    wait_for(lambda: supervisor.ask(stack.folder) is None)
    assert not stack.up().already
    assert not alive(orphan)
    assert stack.states()["a"]["ready"]


def test_down_ends_a_frozen_supervisor(make: Make) -> None:
    stack = make(toy("a"))
    stack.up()
    os.kill(int(stack.folder.pid_file.read_text()), signal.SIGSTOP)
    assert stack.down() == 2


def test_another_stack_on_the_machine_is_left_alone(make: Make) -> None:
    one, other = make(toy("a"), state="one"), make(toy("a"), state="one-other")
    one.up()
    other.up()
    assert one.down() == 2
    assert other.states()["a"]["ready"]
    assert len(processes_of(other.folder)) == 2


def test_a_service_that_does_not_get_ready_is_named_with_its_last_lines_and_nothing_stays(make: Make) -> None:
    stack = make(toy("a"), toy("slow", "unready"))
    with pytest.raises(StackError) as refusal:
        stack.up(ready_s=8.0)
    message = str(refusal.value)
    assert "not ready within 8 s: slow\n" in message
    assert "slow was started in" in message
    assert "a was started in" not in message
    assert processes_of(stack.folder) == []


def test_a_taken_port_is_refused_by_its_address_and_setting_before_anything_starts(make: Make) -> None:
    stack = make(toy("a"))
    port = int(stack.settings.bus_in.rpartition(":")[2])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(
            StackError, match=rf"tcp://127\.0\.0\.1:{port} cannot be served: another program.*BACKBUS_BUS_IN"
        ):
            stack.up()
    assert stack.starts("a") == []
    assert processes_of(stack.folder) == []


def test_an_address_that_is_not_of_this_machine_is_refused(make: Make) -> None:
    stack = make(toy("a"))
    stack.settings = stack.settings.model_copy(update={"orchestrator_bind": "tcp://192.0.2.1:5570"})
    with pytest.raises(StackError, match=r"tcp://192\.0\.2\.1:5570 cannot be served.*BACKBUS_ORCHESTRATOR"):
        stack.up()


def test_the_logs_of_the_last_time_are_kept_beside_the_new_ones(make: Make) -> None:
    stack = make(toy("a"))
    for _ in range(2):
        stack.up()
        stack.down()
    log = stack.folder.log("a")
    assert log.read_text().count("was started") == 1
    assert log.with_suffix(".log.previous").read_text().count("was started") == 1


def test_two_ups_at_once_start_one_stack(make: Make) -> None:
    stack = make(toy("a"))
    done: list[lifecycle.Up] = []
    threads = [threading.Thread(target=lambda: done.append(stack.up())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.already for one in done) == [False, True]
    assert len(stack.starts("a")) == 1


def test_a_long_state_path_gets_a_private_socket_elsewhere(make: Make) -> None:
    stack = make(toy("a"), state="long/" + "x" * 100)
    stack.up()
    place = stack.folder.socket.parent
    assert place != stack.folder.state
    assert place.stat().st_mode & 0o077 == 0
    assert stack.states()["a"]["ready"]


def test_percent_signs_and_spaces_in_the_state_path_are_taken_as_they_are(make: Make) -> None:
    stack = make(toy("a"), state="50% of; my data")
    stack.up()
    assert stack.states()["a"]["ready"]
    assert logs.tail(stack.folder.log("a"), 1) == [f"a was started in {stack.folder.state}"]


def test_services_see_absolute_settings_and_the_mark(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    stack = make(toy("a"))
    stack.settings = stack.settings.model_copy(update={"state": Path("state")})
    monkeypatch.setenv("BACKBUS_STATE", "somewhere/else")
    stack.up()
    pid = stack.states()["a"]["pid"]
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    assert f"BACKBUS_STATE={tmp_path / 'state'}" in variables
    assert f"{MARKER}={tmp_path / 'state'}" in variables
    assert "BACKBUS_KEY_NAME=service" in variables
    assert f"BACKBUS_ORCHESTRATOR={stack.settings.orchestrator}" in variables
    assert stack.down() == 2


def test_follow_goes_on_after_a_log_was_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    following = logs.follow({"a": path}, pause_s=0.01)

    def append() -> None:
        with path.open("a") as file:
            file.write("first\nhal")
        time.sleep(0.1)
        with path.open("a") as file:
            file.write("f\n")

    writer = threading.Thread(target=append)
    starter = threading.Timer(0.1, writer.start)
    starter.start()
    assert [next(following), next(following)] == [("a", "first"), ("a", "half")]
    path.rename(tmp_path / "a.log.1")
    path.write_text("after\n")
    assert next(following) == ("a", "after")
    starter.join()
    writer.join()


def test_tail_reads_the_last_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {number}\n" for number in range(20_000)))
    assert logs.tail(path, 2) == ["line 19998", "line 19999"]
    assert len(logs.tail(path, 30_000)) == 20_000
    assert logs.tail(path, 0) == []
    assert logs.tail(tmp_path / "none.log", 5) == []
