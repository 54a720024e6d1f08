"""Where a stack keeps its files: one state folder, which is also the stack's name among others on the machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from backbus.errors import StackError
from backbus.settings import Settings

MARKER = "BACKBUS_STACK"
"""Environment variable that every process of a stack carries; its value is the absolute state folder."""
SOCKET_BYTES = 92
"""Longest path for the control socket: the system allows 107 bytes, and the supervisor adds its pid while it binds."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one stack."""

    state: Path

    @classmethod
    def of(cls, settings: Settings) -> Folder:
        """The state folder of these settings, made absolute: nothing depends on where a command is given."""
        return cls(settings.state.resolve())

    @property
    def config(self) -> Path:
        """What the supervisor reads."""
        return self.state / "supervisor.conf"

    @property
    def pid_file(self) -> Path:
        """The supervisor's own process id."""
        return self.state / "supervisor.pid"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says."""
        return self.state / "logs" / "supervisor.log"

    @property
    def lock(self) -> Path:
        """Held by whoever starts or stops the stack."""
        return self.state / "stack.lock"

    def log(self, service: str) -> Path:
        """What a service writes on standard output and standard error."""
        return self.state / "logs" / f"{service}.log"

    def service_pid_file(self, service: str) -> Path:
        """The process id of a service."""
        return self.state / "run" / f"{service}.pid"

    def make(self) -> None:
        """Make the folders; only their owner may look into them, since data and strategies lie there."""
        for place in (self.state, self.state / "logs", self.state / "run"):
            try:
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StackError(f"the state folder {place} cannot be made: {error}; set BACKBUS_STATE") from None

    @property
    def socket(self) -> Path:
        """The supervisor's control socket: in the state folder, or in the temporary folder where that is too long."""
        beside = self.state / "supervisor.sock"
        if len(os.fsencode(beside)) <= SOCKET_BYTES:
            return beside
        name = hashlib.blake2b(os.fsencode(self.state), digest_size=8).hexdigest()
        return Path(tempfile.gettempdir()) / f"backbus-{os.getuid()}" / f"{name}.sock"

    @property
    def bus_here(self) -> Path:
        """What the broker's Unix sockets are named after: they lie beside the supervisor's."""
        return self.socket.with_suffix("")

    def make_socket_folder(self) -> None:
        """Make the socket's folder, and make sure that nobody else can have made it for us."""
        place = self.socket.parent
        if place == self.state:
            return
        place.mkdir(mode=0o700, exist_ok=True)
        owner = place.lstat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077 or place.is_symlink():
            raise StackError(f"{place} can be used by others; remove it, or set BACKBUS_STATE to a shorter path")

    def clear(self) -> None:
        """Remove what only a running stack has."""
        sockets = (self.socket, self.bus_here.with_suffix(".bus_in"), self.bus_here.with_suffix(".bus_out"))
        for path in (*sockets, self.pid_file, *(self.state / "run").glob("*.pid")):
            path.unlink(missing_ok=True)
