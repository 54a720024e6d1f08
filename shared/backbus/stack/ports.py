"""Whether the stack's addresses are free, asked before anything starts."""

from __future__ import annotations

import errno
import socket
from typing import NamedTuple

from backbus.errors import StackError
from backbus.settings import Settings


def _refusal(host: str, port: int) -> str | None:
    """Why nothing can listen there, in the system's words; ``None`` where something can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as the services do: a port whose last connections are still timing out is free, one listened on is not
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return "another program listens there" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
    return None


NAMES = ("orchestrator", "bus_in", "bus_out")


class Refusal(NamedTuple):
    """Why nothing can be served at an address of the settings, and what to do."""

    told: str
    mend: str


def refusal(settings: Settings, name: str) -> Refusal | None:
    """Of one of ``NAMES``; None where its address is free, or no port of this machine."""
    address = getattr(settings, f"{name}_bind") or getattr(settings, name)
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not port.isdigit():
        return None
    host = {"*": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host.strip("[]"))
    found = _refusal(host, int(port))
    if found is None:
        return None
    return Refusal(
        f"{address} cannot be served: {found}",
        f"stop that program, or set BACKBUS_{name.upper()} to another "
        "address (another stack on this machine has its own three and its own BACKBUS_STATE)",
    )


def require_free(settings: Settings) -> None:
    """Refuse where another program listens already; names the address and the setting."""
    for name in NAMES:
        found = refusal(settings, name)
        if found is not None:
            raise StackError(f"{found.told}; {found.mend}")
