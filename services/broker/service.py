"""The broker: a proxy from publishers (XSUB) to subscribers in a thread of its own, and a heartbeat beside it."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import zmq

from backbus.log import logger
from backbus.settings import Settings
from backbus.transport.curve import Gate
from backbus.transport.session import Session
from backbus.transport.sockets import BUS_HIGH_WATER, bind, make_socket

ROLE = "broker"
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
        self._session = Session(self._context, settings, ROLE, self._log)
        self._stopping = threading.Event()

    def run(self) -> None:
        """Forward until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        threading.Thread(target=self._forward, name="proxy", daemon=True).start()
        self._session.start()
        self._log.info("forwarding", bus_in=self._settings.bus_in, bus_out=self._settings.bus_out)
        refreshed = 0.0
        while not self._stopping.is_set():
            self._session.socket.poll(100)
            for _ in self._session.hear():
                pass  # a broker is given no orders
            self._session.look()
            if time.monotonic() - refreshed > REFRESH_S:
                refreshed = time.monotonic()
                self._gate.refresh()
        self._session.close()
        self._gate.close()
        self._context.destroy(linger=0)

    def _forward(self) -> None:
        try:
            zmq.proxy(self._xsub, self._xpub)
        except zmq.ContextTerminated:
            pass
        finally:
            self._xsub.close(0)
            self._xpub.close(0)
