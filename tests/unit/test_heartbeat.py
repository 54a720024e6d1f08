"""What a member takes for lost, at an orchestrator that answers when it likes."""

from __future__ import annotations

import time
from typing import Any

import pytest
import zmq

from backbus.services.optimizer.service import Optimizer
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.heartbeat import Busy, HeartbeatThread, Vitals

LIMIT_S = 30.0


@pytest.mark.parametrize("late", [1, 3])
def test_a_late_answer_is_about_the_beat_that_it_answers(late: int) -> None:
    context: zmq.Context[Any] = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.RCVTIMEO, int(LIMIT_S * 1000))
    port = router.bind_to_random_port("tcp://127.0.0.1")
    vitals = Vitals("optimizer-1", run="first", attempt=7)
    settings = Settings(orchestrator=f"tcp://127.0.0.1:{port}", beat_s=0.01)
    thread = HeartbeatThread(context, settings, vitals, log=None)
    thread.start()

    def heard() -> tuple[bytes, Any]:
        sender, frame = router.recv_multipart()
        return sender, control_codec.read_request(frame)

    def answer(sender: bytes, heartbeat: Any, **value: Any) -> None:
        router.send_multipart(
            [sender, control_codec.pack(c.Ok(id=heartbeat.id, value={"known": True, "abandon": False, **value}))]
        )

    try:
        over = heard()
        vitals.run, vitals.attempt = "second", 8
        waiting = [heard() for _ in range(late)]
        while waiting[-1][1].run != "second":
            waiting.append(heard())
        answer(*over, abandon=True, epoch=1)
        for sender, heartbeat in waiting:
            answer(sender, heartbeat, epoch=2)
        limit = time.monotonic() + LIMIT_S
        while vitals.epoch != 2:
            assert time.monotonic() < limit
            time.sleep(0.01)
        assert vitals.abandoned == ("first", 7)
    finally:
        thread.stop()
        router.close(0)
        context.term()


def test_a_frozen_process_was_not_stuck_in_its_work() -> None:
    busy = Busy(beat_s=0.5)
    assert busy.look(None, 10.0) == 0.0
    assert busy.look(10.25, 10.5) == 0.25
    assert busy.look(10.25, 11.0) == 0.75
    assert busy.look(10.25, 41.0) == 1.75  # frozen for half a minute
    assert busy.look(10.25, 41.5) == 2.25
    assert busy.look(41.75, 42.0) == 0.25
    assert busy.look(None, 42.5) == 0.0
    stuck = Busy(beat_s=0.5)
    assert [stuck.look(0.0, 0.5 * heartbeat) for heartbeat in range(1, 80)][-1] == 39.5


class Idle:
    """Stands for a prepared sweep."""

    used_at = 0.0

    def compute(self, first: int, stop: int, values: object) -> None:
        """Nothing comes of it here."""


def test_a_lease_with_the_number_of_a_lost_one_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restarted orchestrator counts its leases from 1."""
    worker = Optimizer(Settings())
    try:
        worker._kept = [Idle()]  # type: ignore[list-item]
        monkeypatch.setattr(worker, "_prepared", lambda job: worker._kept[0])
        lease = c.Lease(id="1-1", epoch=1, job="sweep", number=8, work="points", first=0, stop=4, points=None, trials=0)
        worker._session.vitals.abandoned = "sweep", 8
        worker._take(lease)
        worker._look()
        assert worker._lease == lease
    finally:
        worker._session.requester.close()
        worker._session.socket.close(0)
        worker._context.term()
