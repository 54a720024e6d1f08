"""Keys: who may talk to a stack. CURVE on every socket once there is a key folder, and an allow-list that fails closed.

A key folder holds ``server.key`` and ``server.key_secret`` (the broker's and the orchestrator's), a
``NAME.key_secret`` for each process that connects from here, and ``authorized/NAME.key`` for all who may.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zmq
import zmq.auth

from backbus.errors import StackError
from backbus.settings import Settings

if TYPE_CHECKING:
    from zmq.auth.thread import ThreadAuthenticator

DOMAIN = "backbus"


def is_local(address: str) -> bool:
    """Whether an address can only be reached from this machine."""
    scheme, _, rest = address.partition("://")
    if scheme in ("ipc", "inproc"):
        return True
    host = rest.rsplit(":", 1)[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _certificate(path: Path) -> tuple[bytes, bytes | None]:
    try:
        return zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise StackError(f"key file {path} cannot be read: {error}; make keys with: backbus keys init") from None


def require_local(address: str, what: str) -> None:
    """Refuse plain sockets beyond this machine."""
    if not is_local(address):
        raise StackError(
            f"{what} at {address} is reachable from other machines and has no keys; "
            "make them with `backbus keys init` and set BACKBUS_KEYS to their folder"
        )


def secure_server(socket: zmq.Socket[Any], settings: Settings, address: str) -> None:
    """Make a socket that will bind to ``address`` ask who connects; plain only where no other machine can reach it."""
    if settings.keys is None:
        require_local(address, "a server")
        return
    _, secret = _certificate(settings.keys / "server.key_secret")
    public, _ = _certificate(settings.keys / "server.key")
    if secret is None:
        raise StackError(f"{settings.keys / 'server.key_secret'} holds no secret key")
    socket.curve_server = True
    socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)


def secure_client(socket: zmq.Socket[Any], settings: Settings, address: str) -> None:
    """Make a socket that will connect to ``address`` prove who it is and check whom it reaches."""
    if settings.keys is None:
        require_local(address, "a connection")
        return
    public, secret = _certificate(settings.keys / f"{settings.key_name}.key_secret")
    if secret is None:
        raise StackError(f"{settings.keys / settings.key_name}.key_secret holds no secret key")
    server, _ = _certificate(settings.keys / "server.key")
    socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, server


class Gate:
    """The thread that answers for every server socket of a context, and the allow-list that it answers from.

    It must be there before any of them binds. Keys that are added to or taken from ``authorized/`` count from the next
    ``refresh`` on, for connections made after it.
    """

    def __init__(self, context: zmq.Context[Any], settings: Settings) -> None:
        self._auth: ThreadAuthenticator | None = None
        if settings.keys is None:
            return
        self._allowed = settings.keys / "authorized"
        if not self._allowed.is_dir():
            raise StackError(f"there is no {self._allowed}; make it with: backbus keys init")
        from zmq.auth.thread import ThreadAuthenticator  # with asyncio, which nobody else needs

        self._auth = ThreadAuthenticator(context)
        self._auth.start()
        self._seen: object = None
        self.refresh()

    def refresh(self) -> None:
        """Read the allow-list again if a key has come or gone."""
        if self._auth is None:
            return
        seen = sorted((path.name, path.stat().st_mtime_ns) for path in self._allowed.glob("*.key"))
        if seen != self._seen:
            self._seen = seen
            self._auth.configure_curve(domain=DOMAIN, location=str(self._allowed))

    def close(self) -> None:
        """End the thread."""
        if self._auth is not None:
            self._auth.stop()


def _new_key(folder: Path, name: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, secret_file = zmq.auth.create_certificates(folder, name)
    Path(secret_file).chmod(0o600)


def add_key(folder: Path, name: str) -> Path:
    """A key for one more user or machine, allowed from now on. Returns its secret file."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or name == "server":
        raise StackError(f"a key's name is made of letters, digits, - and _; {name!r} is not (and 'server' is taken)")
    if not (folder / "server.key").exists():
        raise StackError(f"{folder} holds no keys yet; make them with: backbus keys init")
    if (folder / f"{name}.key_secret").exists():
        raise StackError(f"there is a key {name!r} in {folder} already; remove its files first to replace it")
    _new_key(folder, name)
    allowed = folder / "authorized"
    allowed.mkdir(mode=0o700, exist_ok=True)
    (allowed / f"{name}.key").write_bytes((folder / f"{name}.key").read_bytes())
    return folder / f"{name}.key_secret"


def init_keys(folder: Path) -> list[str]:
    """The server's key, and one each for the services and for the client of this machine. Returns their names."""
    if (folder / "server.key_secret").exists():
        raise StackError(f"{folder} holds keys already; remove the folder to start afresh")
    _new_key(folder, "server")
    for name in ("service", "client"):
        add_key(folder, name)
    return ["server", "service", "client"]
