"""How our sockets are made: every option set before the socket binds or connects, because later is too late."""

from __future__ import annotations

from typing import Any

import zmq

from backbus.settings import Settings
from backbus.streams.credit import MESSAGES_PER_ROW, WINDOW_LIMIT_ROWS
from backbus.transport.curve import secure_client, secure_server

BUS_HIGH_WATER = WINDOW_LIMIT_ROWS * MESSAGES_PER_ROW + 10_000
"""Messages that the broker holds for one reader. Above what the credit window can ever leave unread there, so only an
onlooker who does not read meets it: it loses messages, nobody waits for it."""

CONTROL_HIGH_WATER = 10_000
MAX_MESSAGE = 256 << 20
"""Bytes; a longer message ends the connection of whoever sent it."""

HEARTBEAT_MS, HEARTBEAT_TIMEOUT_MS = 1000, 5000


def make_socket(context: zmq.Context[Any], kind: int, *, high_water: int) -> zmq.Socket[Any]:
    """A socket with our limits: a frozen peer is cut off, nothing lingers, no message is endless."""
    socket: zmq.Socket[Any] = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, high_water)
    socket.setsockopt(zmq.RCVHWM, high_water)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
    if kind == zmq.ROUTER:
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
    return socket


def connect(socket: zmq.Socket[Any], settings: Settings, address: str) -> None:
    """Connect with our keys, or plain where only this machine is reached."""
    secure_client(socket, settings, address)
    socket.connect(address)


def bind(socket: zmq.Socket[Any], settings: Settings, address: str) -> None:
    """Bind with our keys, or plain where only this machine can reach it."""
    secure_server(socket, settings, address)
    socket.bind(address)
