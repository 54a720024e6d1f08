"""Start the orchestrator."""

from __future__ import annotations

import contextlib
import resource

from backbus.loading import loading

with loading():
    from backbus.services.orchestrator.server import Server
    from backbus.settings import Settings

if __name__ == "__main__":
    # Every member has two or three connections: as many as the system lets this process have.
    with contextlib.suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Server(Settings(key_name="service")).run()
