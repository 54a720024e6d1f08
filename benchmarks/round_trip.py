"""What one decision cannot cost less than: an ORDER of one record through the broker to another process, a FILL back.

Real events, encoded and decoded at both ends as the services do, over sockets made as theirs are; nothing else is
done, and each side blocks on its one socket. The bound of a run is its decisions times the median of these.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
import zmq

from backbus.settings import Settings
from backbus.streams import codec
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.transport.sockets import BUS_HIGH_WATER, connect, make_socket
from benchmarks.environments import ROOT

RUN = "round-trip"
TRIPS = 5000
WARM_TRIPS = 500
PATIENCE_MS = 10_000


class End:
    """One process's sockets: events out by one kind, in by another."""

    def __init__(self, settings: Settings, hears: Kind) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self.pub = make_socket(self._context, zmq.PUB, high_water=BUS_HIGH_WATER)
        connect(self.pub, settings, settings.member_bus_in)
        self.sub = make_socket(self._context, zmq.SUB, high_water=BUS_HIGH_WATER)
        self.sub.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
        connect(self.sub, settings, settings.member_bus_out)
        self.sub.setsockopt(zmq.SUBSCRIBE, codec.topic(RUN, 1, hears))

    def say(self, event: Event) -> None:
        """Encode and send."""
        self.pub.send_multipart(codec.encode(event, RUN, 1))

    def hear(self) -> Event:
        """Receive and decode."""
        event = codec.decode(self.sub.recv_multipart())[1]
        assert event is not None
        return event

    def close(self) -> None:
        """Close the sockets."""
        self._context.destroy(linger=0)


def measure(settings: Settings, trips: int = TRIPS) -> float:
    """Seconds of the median round trip over the broker of these settings."""
    variables = {**os.environ, "BACKBUS_BUS_IN": settings.bus_in, "BACKBUS_BUS_OUT": settings.bus_out}
    if settings.bus_here is not None:
        variables["BACKBUS_BUS_HERE"] = str(settings.bus_here)
    command = [sys.executable, "-m", "benchmarks.round_trip", str(trips + WARM_TRIPS)]
    other = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL)
    end = End(settings, Kind.FILL)
    try:
        order = rec.empty(rec.ORDER, 1)
        _meet(end)
        taken = []
        for trip in range(trips + WARM_TRIPS):
            order["tick"] = 6 * trip
            started = time.perf_counter()
            end.say(Event(Kind.ORDER, "portfolio", trip, trip + 1, 6 * trip, order))
            fill = end.hear()
            taken.append(time.perf_counter() - started)
            assert isinstance(fill.payload, np.ndarray) and fill.payload["tick"][0] == 6 * trip
        return statistics.median(taken[WARM_TRIPS:])
    finally:
        end.close()
        if other.wait(30) != 0:
            raise RuntimeError("the other end of the round trip failed")


def _meet(end: End) -> None:
    """Say empty orders until one comes back: then both subscriptions stand. Takes in what is still under way."""
    end.sub.setsockopt(zmq.RCVTIMEO, 100)
    deadline = time.monotonic() + 30.0
    while True:
        end.say(Event(Kind.ORDER, "portfolio", 0, 0, 0))
        try:
            end.hear()
            break
        except zmq.Again:
            if time.monotonic() > deadline:
                raise RuntimeError("the broker brought nothing back within 30 s") from None
    while end.sub.poll(200):
        end.hear()
    end.sub.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)


def _answer(trips: int) -> None:
    end = End(Settings(), Kind.ORDER)
    fill = rec.empty(rec.FILL, 1)
    answered = 0
    while answered < trips:
        order = end.hear()
        if not isinstance(order.payload, np.ndarray):
            end.say(Event(Kind.FILL, "execution", 0, 0, 0))
            continue
        fill["tick"] = order.payload["tick"]
        end.say(Event(Kind.FILL, "execution", order.begin, order.end, order.through, fill))
        answered += 1
    end.pub.close(1000)
    end.sub.close(0)


if __name__ == "__main__":
    _answer(int(sys.argv[1]))
