"""The thread that says a member is alive, whatever its main thread is doing.

It has a socket of its own, so that a long compile or a slow strategy is not death. When the orchestrator has given an
attempt up and the main thread is still inside it (a strategy that never returns), the process ends itself: whoever
supervises it starts a fresh one.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import zmq

from backbus.errors import ProtocolError
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.sockets import connect, make_socket

SHOWS_WHERE_AFTER_S = 2.0
UNANSWERED = 100
HEARTBEATS_AT_ONCE = 2.0
"""Heartbeats' time that may count as busy between two looks: a process that was frozen was not stuck for as long."""


@dataclass
class Vitals:
    """What the main thread lets the heartbeat thread know, and the other way round. Plain assignments only."""

    instance: str
    run: str | None = None
    attempt: int = 0
    rows: int = 0
    busy_since: float | None = None
    epoch: int | None = None
    """The epoch that the orchestrator last answered with."""
    known: bool = True
    """Whether the orchestrator knows this member."""
    abandoned: tuple[str, int] | None = None
    """The run and attempt that the orchestrator last said are over."""
    main_thread: int = field(default_factory=threading.get_ident)


class Busy:
    """For how long the main thread has been inside one piece of work, as seen by someone who looks at every heartbeat.

    Time in which nobody could look, because the whole process was frozen, is no time that the work took."""

    def __init__(self, beat_s: float) -> None:
        self._most = HEARTBEATS_AT_ONCE * beat_s
        self._since: float | None = None
        self._looked = 0.0
        self._seconds = 0.0

    def look(self, since: float | None, now: float) -> float:
        """Seconds so far of the work that began at ``since``; 0 for none."""
        if since != self._since:
            self._since, self._looked, self._seconds = since, since or 0.0, 0.0
        if since is not None:
            self._seconds += min(now - self._looked, self._most)
        self._looked = now
        return self._seconds


class HeartbeatThread(threading.Thread):
    """Sends heartbeats until it is stopped."""

    def __init__(self, context: zmq.Context[Any], settings: Settings, vitals: Vitals, log: Any) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._context, self._settings, self._vitals, self._log = context, settings, vitals, log
        self._ended = threading.Event()
        self._busy = Busy(settings.beat_s)
        self._beats = 0
        self._sent: deque[c.Heartbeat] = deque(maxlen=UNANSWERED)
        """Those whose answers may still come: an answer is about the heartbeat that it names, not about the newest."""

    def stop(self) -> None:
        """Ask the thread to end, and wait for it."""
        self._ended.set()
        self.join(timeout=5.0)

    def run(self) -> None:
        """Send one, read what comes back, wait."""
        socket = make_socket(self._context, zmq.DEALER, high_water=100)
        connect(socket, self._settings, self._settings.orchestrator)
        try:
            while not self._ended.wait(self._settings.beat_s):
                heartbeat = self._heartbeat()
                self._sent.append(heartbeat)
                try:
                    socket.send(control_codec.pack(heartbeat), zmq.NOBLOCK)
                except zmq.Again:
                    continue
                while socket.poll(0):
                    self._hear(socket.recv())
        finally:
            socket.close(0)

    def _heartbeat(self) -> c.Heartbeat:
        vitals = self._vitals
        busy_s = self._busy.look(vitals.busy_since, time.monotonic())
        where = ""
        if busy_s > SHOWS_WHERE_AFTER_S:
            frame = sys._current_frames().get(vitals.main_thread)
            where = "".join(traceback.format_stack(frame)[-6:])[-4000:] if frame is not None else ""
        self._beats += 1
        return c.Heartbeat(
            id=str(self._beats),
            instance=vitals.instance,
            run=vitals.run,
            attempt=vitals.attempt,
            rows=vitals.rows,
            busy_s=busy_s,
            where=where,
        )

    def _hear(self, frame: bytes) -> None:
        try:
            reply = control_codec.read_order(frame)
        except ProtocolError as error:
            self._log.warning("unreadable answer to a heartbeat", error=str(error))
            return
        if not isinstance(reply, c.Ok) or not isinstance(reply.value, dict):
            return
        vitals = self._vitals
        vitals.epoch = reply.value.get("epoch")
        vitals.known = bool(reply.value.get("known"))
        heartbeat = next((sent for sent in self._sent if sent.id == reply.id), None)
        if heartbeat is None:
            return
        if reply.value.get("abandon") and heartbeat.run is not None:
            vitals.abandoned = heartbeat.run, heartbeat.attempt
        abandoned = reply.value.get("abandon") or (heartbeat.run is not None and not vitals.known)
        same = (vitals.run, vitals.attempt) == (heartbeat.run, heartbeat.attempt)
        if abandoned and same and heartbeat.busy_s > self._settings.dead_s:
            self._log.error("the attempt was given up while its handler did not return: ending this process")
            sys.stderr.flush()
            os._exit(70)
