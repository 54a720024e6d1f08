"""Whether the stack's addresses are free, asked before anything starts."""

from __future__ import annotations

import socket

from backbus.errors import StackError
from backbus.settings import Settings


def _taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # as the services do: a port whose last connections are still timing out is free, one listened on is not
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return True
    return False


def require_free(settings: Settings) -> None:
    """Refuse where another program listens already; names the address and the setting."""
    for name in ("orchestrator", "bus_in", "bus_out"):
        address = getattr(settings, f"{name}_bind") or getattr(settings, name)
        scheme, _, rest = address.partition("://")
        host, _, port = rest.rpartition(":")
        if scheme != "tcp" or not port.isdigit():
            continue
        host = {"*": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host.strip("[]"))
        if _taken(host, int(port)):
            raise StackError(
                f"{address} is taken by another program, or is no address of this machine; stop that program, or set "
                f"BACKBUS_{name.upper()} to another address (another stack on this machine has its own three and "
                "its own BACKBUS_STATE)"
            )
