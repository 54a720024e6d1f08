"""Start the orchestrator."""

from __future__ import annotations

from backbus.settings import Settings
from services.orchestrator.shell import Orchestrator

if __name__ == "__main__":
    Orchestrator(Settings(key_name="service")).run()
