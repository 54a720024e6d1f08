"""Wait until a stack is ready, wherever it runs: ``python -P -m backbus.stack.wait SECONDS``."""

from __future__ import annotations

import sys
import time

from backbus.errors import BackbusError, StackError
from backbus.settings import Settings
from backbus.stack.readiness import Ask, ask_orchestrator, missing
from backbus.stack.services import with_workers

POLL_S = 0.2


def wait(settings: Settings, limit_s: float, ask: Ask = ask_orchestrator) -> float:
    """Return after how many seconds the orchestrator counted a member of every role; StackError where it does not."""
    started = time.monotonic()
    while absent := missing(with_workers(1), ask(settings)):
        if time.monotonic() - started >= limit_s:
            names = ", ".join(service.name for service in absent)
            raise StackError(f"not ready within {limit_s:g} s at {settings.orchestrator}: {names}")
        time.sleep(POLL_S)
    return time.monotonic() - started


if __name__ == "__main__":
    try:
        sys.stdout.write(f"every service is ready ({wait(Settings(), float(sys.argv[1])):.1f} s)\n")
    except BackbusError as error:
        sys.exit(f"error: {error}")
