"""The supervisor: started in a session of its own, asked over its control socket."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import xmlrpc.client
from typing import Any

from backbus.errors import StackError
from backbus.stack.folder import Folder

ANSWER_S = 10.0
"""A supervisor that is silent for longer counts as dead; long enough for a machine that is busy."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(self._path)


def ask(folder: Folder) -> list[dict[str, Any]] | None:
    """What the supervisor says of each service, or ``None`` where none answers."""
    try:
        with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(str(folder.socket))) as proxy:
            answer: Any = proxy.supervisor.getAllProcessInfo()
    except (OSError, http.client.HTTPException, xmlrpc.client.Error):
        return None
    return list(answer)


def renew(folder: Folder) -> None:
    """Have the supervisor read its configuration again, start what is new in it and stop what is not there any more."""
    try:
        with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(str(folder.socket))) as proxy:
            answer: Any = proxy.supervisor.reloadConfig()
            added, changed, removed = answer[0]
            for group in [*changed, *removed]:
                proxy.supervisor.stopProcessGroup(group)
                proxy.supervisor.removeProcessGroup(group)
            for group in [*added, *changed]:
                proxy.supervisor.addProcessGroup(group)
    except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
        raise StackError(f"the supervisor did not take its new configuration: {error}") from None


def start(folder: Folder, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the supervisor away from this terminal, so that closing it or Ctrl-C leaves the stack alone."""
    with (folder.state / "logs" / "supervisor.out").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", folder.config.name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=variables,
            cwd=folder.state,
            start_new_session=True,
        )


def words(folder: Folder) -> str:
    """What a supervisor that did not start said."""
    try:
        return (folder.state / "logs" / "supervisor.out").read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise StackError(f"the supervisor left no output: {error}") from None
