"""Start the broker: a proxy from publishers (XSUB) to subscribers in a thread of its own, and a beat beside it."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import threading
import time
import uuid
from typing import Any

import zmq

from backbus.errors import ProtocolError
from backbus.events import control as c
from backbus.link.beat import BeatThread, Pulse
from backbus.link.curve import Gate
from backbus.link.sockets import BUS_HIGH_WATER, CONTROL_HIGH_WATER, bind, connect, make_socket
from backbus.log import logger
from backbus.settings import Settings
from backbus.sources import identity

ROLE = "broker"
GREET_EVERY_S = 0.5
REFRESH_S = 1.0
"""How soon a new key is let in."""


class Broker:
    """Binds both sides of the bus and forwards until it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = logger(ROLE, settings)
        self._context: zmq.Context[Any] = zmq.Context()
        self._gate = Gate(self._context, settings)
        self._xsub = make_socket(self._context, zmq.XSUB, high_water=BUS_HIGH_WATER)
        bind(self._xsub, settings, settings.bus_in_bind or settings.bus_in)
        if settings.bus_here is not None:
            bind(self._xsub, settings, settings.member_bus_in)
        self._xsub.send(b"\x01")
        # PUB is XPUB that hands on nothing of what subscribers say: forwarded to the publishers, an unsubscription that
        # never was a subscription would take back our own, and silence the bus for all.
        self._xpub = make_socket(self._context, zmq.PUB, high_water=BUS_HIGH_WATER)
        bind(self._xpub, settings, settings.bus_out_bind or settings.bus_out)
        if settings.bus_here is not None:
            bind(self._xpub, settings, settings.member_bus_out)
        self._control = make_socket(self._context, zmq.DEALER, high_water=CONTROL_HIGH_WATER)
        self._pulse = Pulse(f"{ROLE}-{uuid.uuid4().hex[:12]}")
        self._control.setsockopt_string(zmq.IDENTITY, self._pulse.instance)
        connect(self._control, settings, settings.orchestrator)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Forward until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        threading.Thread(target=self._forward, name="proxy", daemon=True).start()
        beat = BeatThread(self._context, self._settings, self._pulse, self._log)
        beat.start()
        self._log.info("forwarding", bus_in=self._settings.bus_in, bus_out=self._settings.bus_out)
        epoch: int | None = None
        greeted = refreshed = 0.0
        while not self._stopping.is_set():
            if self._control.poll(100):
                epoch = self._hear(self._control.recv()) or epoch
            if time.monotonic() - refreshed > REFRESH_S:
                refreshed = time.monotonic()
                self._gate.refresh()
            stale = self._pulse.epoch is not None and (self._pulse.epoch != epoch or not self._pulse.known)
            if (epoch is None or stale) and time.monotonic() - greeted > GREET_EVERY_S:
                greeted = time.monotonic()
                with contextlib.suppress(zmq.Again):
                    self._control.send(c.pack(self._hello()), zmq.NOBLOCK)
        beat.stop()
        self._control.close(0)
        self._gate.close()
        self._context.destroy(linger=0)

    def _hello(self) -> c.Hello:
        return c.Hello(
            id="hello",
            role=ROLE,
            instance=self._pulse.instance,
            host=platform.node(),
            pid=os.getpid(),
            version=identity(),
        )

    def _hear(self, frame: bytes) -> int | None:
        try:
            reply = c.read_order(frame)
        except ProtocolError as error:
            self._log.warning("message dropped", error=str(error))
            return None
        if isinstance(reply, c.Error):
            self._log.error("the orchestrator does not take this broker", reason=reply.message)
            return None
        self._pulse.known = True
        value = reply.value if isinstance(reply, c.Ok) else None
        epoch = value.get("epoch") if isinstance(value, dict) else None
        return epoch if isinstance(epoch, int) else None

    def _forward(self) -> None:
        try:
            zmq.proxy(self._xsub, self._xpub)
        except zmq.ContextTerminated:
            pass
        finally:
            self._xsub.close(0)
            self._xpub.close(0)


if __name__ == "__main__":
    Broker(Settings(key_name="service")).run()
