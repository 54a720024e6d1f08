"""A process's session with the orchestrator: who it is, what must be heard, and what it is told.

Says HELLO until it is answered, and again to another orchestrator; repeats what matters until it is acknowledged; gives
out orders of the present orchestrator alone. A thread beside it sends heartbeats.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import zmq

from backbus.errors import ProtocolError
from backbus.jit.sources import cache_home, identity
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.blobs import BlobFolder
from backbus.transport.heartbeat import HeartbeatThread, Vitals
from backbus.transport.request import Requester
from backbus.transport.sockets import CONTROL_HIGH_WATER, connect, make_socket

REPEAT_S = 0.5


class Session:
    """One DEALER to the orchestrator under the process's own name. For one thread."""

    def __init__(self, context: zmq.Context[Any], settings: Settings, role: str, log: Any) -> None:
        self._role, self._log = role, log
        self.instance = f"{role}-{uuid.uuid4().hex[:12]}"
        self.vitals = Vitals(self.instance)
        self.socket = make_socket(context, zmq.DEALER, high_water=CONTROL_HIGH_WATER)
        self.socket.setsockopt_string(zmq.IDENTITY, self.instance)
        connect(self.socket, settings, settings.orchestrator)
        self.requester = Requester(context, settings, timeout_s=30.0)
        self._heartbeat = HeartbeatThread(context, settings, self.vitals, log)
        self._outbox: dict[str, tuple[bytes, float]] = {}
        self.epoch: int | None = None
        """That of the orchestrator that took this process; None before."""
        self._greeted = 0.0
        self.unreadable = 0

    def start(self) -> None:
        """Begin to send heartbeats."""
        self._heartbeat.start()

    def close(self) -> None:
        """Fall silent."""
        self._heartbeat.stop()
        self.requester.close()
        self.socket.close(0)

    @property
    def renewed(self) -> bool:
        """Whether another orchestrator answers than the one that took this process."""
        return self.vitals.epoch is not None and self.vitals.epoch != self.epoch

    @property
    def unheard(self) -> int:
        """How many messages wait to be acknowledged."""
        return len(self._outbox)

    def look(self) -> None:
        """Greet where it is due, and repeat what was not acknowledged."""
        now = time.monotonic()
        if (self.epoch is None or self.renewed or not self.vitals.known) and now - self._greeted > REPEAT_S:
            self._greet(now)
        for name, (packed, sent) in list(self._outbox.items()):
            if now - sent > REPEAT_S:
                self._outbox[name] = (packed, now)
                self.tell(packed)

    def _greet(self, now: float) -> None:
        self._greeted = now
        hello = c.Hello(
            id="hello",
            role=self._role,
            instance=self.instance,
            host=platform.node(),
            pid=os.getpid(),
            version=identity(),
        )
        self.tell(control_codec.pack(hello))

    def say(self, message: c.Message) -> str:
        """Send until it is acknowledged; returns its id."""
        message = message.model_copy(update={"id": uuid.uuid4().hex})
        packed = control_codec.pack(message)
        self._outbox[message.id] = (packed, time.monotonic())
        self.tell(packed)
        return message.id

    def forget(self) -> None:
        """Repeat nothing of what was said so far."""
        self._outbox.clear()

    def tell(self, packed: bytes) -> None:
        """Send once, if the orchestrator can be reached."""
        with contextlib.suppress(zmq.Again):
            self.socket.send(packed, zmq.NOBLOCK)

    def hear(self) -> Iterator[Any]:
        """The orders that have come, and an Error for each message that was refused."""
        while True:
            try:
                frame = self.socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                order = control_codec.read_order(frame)
            except ProtocolError as error:
                self.count_unreadable(error)
                continue
            match order:
                case c.Ok(id="hello", value={"epoch": int(epoch)}):
                    self.epoch = self.vitals.epoch = epoch
                    self.vitals.known = True
                case c.Error(id="hello", message=message):
                    self._log.error("the orchestrator does not take this member", reason=message)
                case c.Ok():
                    self._outbox.pop(order.id, None)
                case c.Error():
                    if self._outbox.pop(order.id, None) is not None:
                        yield order
                case _ if order.epoch == self.epoch:
                    yield order
                case _:
                    # Not acknowledged, so it is repeated: an ASSIGN may overtake the answer to our HELLO.
                    pass

    @functools.cached_property
    def _blobs(self) -> BlobFolder:
        return BlobFolder(cache_home() / "blobs", writer=self.instance)

    def fetch(self, files: Mapping[str, str]) -> dict[str, Path]:
        """Names and hashes to names and files: fetched, checked and cached."""
        return {name: self.requester.fetch(blob, self._blobs) for name, blob in files.items()}

    def count_unreadable(self, error: ProtocolError) -> None:
        """A message was dropped."""
        self.unreadable += 1
        if self.unreadable <= 10 or self.unreadable % 1000 == 0:
            self._log.warning("message dropped", error=str(error), dropped=self.unreadable)
