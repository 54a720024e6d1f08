"""Asking the orchestrator: a request is repeated with the same id until its reply comes or time is up."""

from __future__ import annotations

import contextlib
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import zmq

from backbus.errors import BackbusError, StackError, UsageError
from backbus.settings import Settings
from backbus.transport import control as c
from backbus.transport import control_codec
from backbus.transport.blobs import BlobFolder
from backbus.transport.sockets import CONTROL_HIGH_WATER, connect, make_socket

REPEAT_S = 1.0
REFUSED_S = 0.5
_HERE = ("127.0.0.1", "localhost", "[::1]", "::1")


class Requester:
    """One DEALER to the orchestrator; one request at a time; not for use by several threads.

    Who ``waits`` expects one that may not be there yet; others are told at once that nobody listens, as long as nobody
    has answered."""

    def __init__(self, context: zmq.Context[Any], settings: Settings, *, timeout_s: float, waits: bool = True) -> None:
        self._settings, self._timeout_s, self._waits = settings, timeout_s, waits
        self._socket = make_socket(context, zmq.DEALER, high_water=CONTROL_HIGH_WATER)
        connect(self._socket, settings, settings.orchestrator)

    def ask(self, message: c.Message, *, patience_s: float = 0.0) -> Any:
        """The value of the reply. ``patience_s``: for how long the orchestrator itself may hold the answer back.

        Raises ``UsageError`` where the request is refused, ``StackError`` where nobody answers.
        """
        message = message.model_copy(update={"id": uuid.uuid4().hex})
        packed = control_codec.pack(message)
        deadline = time.monotonic() + self._timeout_s + patience_s
        if not self._waits and _is_refused(self._settings.orchestrator):
            raise StackError(
                f"no answer from the orchestrator at {self._settings.orchestrator}: nobody listens there; is the stack"
                " up (backbus up), or is another one's address to be set as BACKBUS_ORCHESTRATOR?"
            )
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise StackError(
                    f"no answer from the orchestrator at {self._settings.orchestrator} within "
                    f"{self._timeout_s:g} s; is the stack up (backbus up), and are the keys right?"
                )
            with contextlib.suppress(zmq.Again):
                # Nobody takes it where the connection was refused: then the deadline speaks, not a send without end.
                self._socket.send(packed, zmq.NOBLOCK)
            resend = time.monotonic() + min(REPEAT_S + patience_s, left)
            while (wait := resend - time.monotonic()) > 0:
                if not self._socket.poll(max(1, int(wait * 1000))):
                    continue
                reply = control_codec.read_order(self._socket.recv())
                self._waits = True
                if reply.id != message.id:
                    continue
                if isinstance(reply, c.Error):
                    error: type[BackbusError] = UsageError if reply.usage else StackError
                    raise error(reply.message)
                return reply.value

    def fetch(self, blob: str, folder: BlobFolder) -> Path:
        """A blob as a file in ``folder``: fetched in parts, checked, carried on where an earlier try stopped."""
        offset = 0
        while not folder.has(blob):
            value = self.ask(c.GetBlob(hash=blob, offset=offset))
            offset = folder.receive(blob, value["size"], offset, value["data"])
        return folder.path(blob)

    def put(self, blob: str, path: Path) -> None:
        """Send a file as a blob, in parts."""
        size = path.stat().st_size
        offset = 0
        with path.open("rb") as file:
            while True:
                file.seek(offset)
                part = file.read(c.PART_BYTES)
                offset = int(self.ask(c.PutBlob(hash=blob, size=size, offset=offset, data=part))["received"])
                if offset >= size:
                    return

    def close(self) -> None:
        """Close the socket."""
        self._socket.close(0)


def _is_refused(address: str) -> bool:
    """Whether an address is one of this machine at which nobody listens: then nothing has to be waited for."""
    if address.startswith("ipc://"):
        return not Path(address.removeprefix("ipc://")).exists()
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not address.startswith("tcp://") or host not in _HERE or not port.isdigit():
        return False
    try:
        with socket.create_connection((host, int(port)), timeout=REFUSED_S):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
