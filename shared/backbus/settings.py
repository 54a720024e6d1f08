"""What a machine decides, not a job: addresses, folders, keys and patience. Read from ``BACKBUS_*`` variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from backbus.errors import UsageError

PREFIX = "BACKBUS_"
ADDRESSES = ("orchestrator", "bus_in", "bus_out", "orchestrator_bind", "bus_in_bind", "bus_out_bind")


class Settings(BaseModel):
    """Settings of every process of a stack and of its clients.

    ``orchestrator``, ``bus_in`` and ``bus_out`` are where others connect; ``*_bind`` is where the server itself
    listens, the same address where left empty. ``keys`` names a folder of CURVE keys (``backbus keys init``): with it
    every socket is encrypted and authenticated; without it only loopback and ipc addresses are accepted.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=True)

    orchestrator: str = "tcp://127.0.0.1:5570"
    bus_in: str = "tcp://127.0.0.1:5571"
    """Where publishers connect: the broker's XSUB side."""
    bus_out: str = "tcp://127.0.0.1:5572"
    """Where subscribers connect: the broker's PUB side."""
    orchestrator_bind: str = ""
    bus_in_bind: str = ""
    bus_out_bind: str = ""
    bus_here: Path | None = None
    """Where the broker listens besides, for members on its own machine: Unix sockets, ``<this>.bus_in`` and
    ``<this>.bus_out``. They carry messages at two thirds of the cost of TCP. ``backbus up`` sets it."""
    keys: Path | None = None
    key_name: str = "client"
    """Which of the key folder's certificates this process shows; services are called ``service``."""

    state: Path = Path("var/stack")
    """Where the stack keeps its store, blobs, logs and pid files.

    What can be had again, compiled code and fetched inputs, is kept elsewhere: see ``sources.cache_home``."""
    datasets: Path = Path("var/data")
    """The catalog: datasets that ``backbus data import`` has made."""
    beat_s: float = Field(default=0.5, gt=0)
    dead_s: float = Field(default=3.0, gt=0)
    """No heartbeat for this long: the member is dead."""
    lease_s: float = Field(default=30.0, gt=0)
    """A worker that does not look after its lease for this long loses it."""
    high_mark_s: float = Field(default=0.2, gt=0)
    """An idle sender repeats its high-water mark this often."""
    backoff_s: float = Field(default=0.25, ge=0)
    """First wait before the next attempt; doubled each time, jittered, at most ten seconds."""
    shared_memory: bool = True
    """Whether members of one machine read blocks of bars in memory that the source puts them into; else each has them
    over the bus. It counts where all members of a run have it."""
    log_level: str = "info"
    log_json: bool = False

    @property
    def member_bus_in(self) -> str:
        """Where a member publishes."""
        return self.bus_in if self.bus_here is None else f"ipc://{self.bus_here}.bus_in"

    @property
    def member_bus_out(self) -> str:
        """Where a member subscribes."""
        return self.bus_out if self.bus_here is None else f"ipc://{self.bus_here}.bus_out"

    def __init__(self, **values: Any) -> None:
        """Read the variables, however they are capitalised; raises ``UsageError`` naming the first that is wrong."""
        said = {name.upper(): value for name, value in os.environ.items()}
        named = {name: f"{PREFIX}{name.upper()}" for name in type(self).model_fields}
        read = {name: said[variable] for name, variable in named.items() if variable in said}
        try:
            super().__init__(**{**read, **values})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = "_".join(str(part) for part in first["loc"]).upper()
            message = first["msg"].removeprefix("Value error, ")
            raise UsageError(f"BACKBUS_{name}: {message} (it is {first['input']!r})") from None

    @field_validator(*ADDRESSES)
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not value.startswith(("tcp://", "ipc://")):
            raise ValueError("an address is written tcp://HOST:PORT or ipc://PATH")
        return value
