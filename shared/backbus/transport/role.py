"""What a service is besides the shell that all share; each service says so in ``services/<name>/service.py``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from backbus.job.job import Job
from backbus.market.panel import Layout
from backbus.streams.event import Handler
from backbus.streams.stream import StreamReader, StreamWriter
from backbus.streams.topology import Kind, read_by
from backbus.transport.block_memory import BlockMemory
from backbus.transport.request import Requester


class RunningHandler(Handler, Protocol):
    """What the shell needs of a handler besides."""

    @property
    def readers(self) -> Mapping[Kind, StreamReader]:
        """The streams it reads."""
        ...

    @property
    def writers(self) -> Mapping[Kind, StreamWriter]:
        """The streams it writes."""
        ...

    @property
    def vouched(self) -> Mapping[Kind, StreamWriter]:
        """Streams of others that it works out itself."""
        ...

    @property
    def done(self) -> bool:
        """Whether it has worked off the whole run."""
        ...

    @property
    def rows_done(self) -> int:
        """Rows worked off."""
        ...


@dataclass(frozen=True)
class Assignment:
    """An attempt as a role sees it: the job, its inputs by name and hash, and how to get them."""

    run: str
    attempt: int
    job: Job
    data: Mapping[str, str]
    strategy: Mapping[str, str]
    fetch: Callable[[Mapping[str, str]], dict[str, Path]]
    """Names and hashes to names and files: fetched, checked and cached."""
    careful: bool = False
    """Whether every member waits for what others say."""


class Role(ABC):
    """A role of a run; what a service leaves out does nothing."""

    name: str
    careful: bool = False
    """Whether it answers otherwise than others could work out, and they have to wait for it."""
    linger_s: float = 0.0
    """How long to let messages gather before taking them, in a role whose answer nobody waits for."""

    @property
    def hears(self) -> tuple[Kind, ...]:
        """The kinds of event that it subscribes to."""
        return read_by(self.name)

    def warm(self) -> None:  # noqa: B027  (most roles need no more than the default)
        """Compile or load what a run will need."""

    def prepare(self, assignment: Assignment) -> dict[str, Any]:
        """Load what the attempt needs; returns the facts that others need of it."""
        return {}

    def memory(self) -> BlockMemory | None:
        """Memory for the blocks of the attempt that was prepared, in a role that is a source. Raises OSError."""
        return None

    @abstractmethod
    def build(self, assignment: Assignment, layout: Layout, facts: dict[str, Any]) -> RunningHandler:
        """The handler of the attempt."""

    def after(self, handler: Any) -> None:  # noqa: B027
        """Called after each burst of events: what a handler leaves for a process to do."""

    def finish(self, handler: Any, requester: Requester) -> tuple[dict[str, Any], dict[str, str]] | None:
        """The report and the hashes of its uploaded artifacts, where this role makes one."""
        return None

    def leave(self) -> None:  # noqa: B027
        """The attempt is over, well or not: let go of what it held."""


def batch_rows(facts: dict[str, Any]) -> int:
    """Rows that a member may keep to itself before it says how far it is: a quarter of the window."""
    return max(1, int(facts["window"]) // 4)
