"""The bus and its members in one thread, on a clock that only the simulation moves.

Every event is encoded and decoded. Between each writer and each reader lies a channel of its own that keeps its order
but not its pace: streams overtake each other, a message of one stream never overtakes its elders. Faults on top of it:
messages are lost, come a second time much later, and members crash. A member that has nothing new repeats its high
marks and its last PROGRESS, as ``backbus.transport.member`` does; a gap or a crash ends the attempt, and the next
begins from row 0 with new handlers while messages of the old one may still be under way. In half of the networks blocks
lie in memory, as between members of one machine, as far as there is room.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from backbus.errors import Mispredicted, StreamGap
from backbus.market.panel import Layout
from backbus.streams import codec
from backbus.streams.admission import admit
from backbus.streams.event import Event
from backbus.streams.topology import DATA, READERS, Kind
from backbus.transport.block_memory import BlockMemory, BorrowedMemory
from backbus.transport.role import RunningHandler
from tests.simulation.invariants import Invariants

HIGH_WATER_MARK_S = 0.2
SILENT_S = 60.0
"""Simulated time without progress after which a run counts as deadlocked: 300 repetitions of each high-water mark."""

SLOWEST_S = 3.0
"""No message is under way for longer than this, so that what does not arrive in ``SILENT_S`` never will."""

Handlers = dict[str, RunningHandler]
Frames = list[bytes]


@dataclass(frozen=True)
class Faults:
    """How bad a network is. Probabilities are per message and channel, ``crash`` per member and repetition of marks."""

    delay_s: float = 0.01
    """Mean delay of a message."""
    stutter: float = 0.0
    """Probability that a channel stands still for a hundred delays."""
    drop: float = 0.0
    duplicate: float = 0.0
    crash: float = 0.0
    faulty_attempts: int = 3
    """Attempts after which nothing is lost and nobody crashes any more, so that every run ends."""
    repeats: bool = True
    """Whether members repeat themselves; without it a lookahead that was not said when it was known is never heard."""


class Deadlock(AssertionError):
    """Every member repeats itself and none gets on."""


class Network:
    """One run, attempt after attempt, until all members are done."""

    def __init__(
        self,
        seed: str,
        make: Callable[[], Handlers],
        layout: Layout,
        window: int,
        faults: Faults,
        careful: Callable[[], Handlers] | None = None,
    ) -> None:
        """``careful`` makes the members of attempts after one that ended because a member was told something else than
        it had worked out; where it is left out, that is an error."""
        self._random = random.Random(seed)
        self._has_memory = random.Random(f"{seed}/memory").random() < 0.5
        self._lent: BlockMemory | None = None
        self._borrowed: dict[str, BorrowedMemory] = {}
        self._make, self._careful = make, careful
        self._layout, self._window, self._faults = layout, window, faults
        self._clock = 0.0
        self._under_way: list[tuple[float, int, str, Frames]] = []
        self._posted = 0
        self._reached: dict[tuple[str, str], float] = {}
        self.attempt = 0
        self.deliveries = 0
        self.lost = 0
        self.placed = 0
        """Blocks that messages did not carry."""
        self.endings: list[str] = []
        """Why each attempt but the last one ended."""
        self.mispredicted = ""
        """What was told otherwise than it had been worked out."""

    def run(self) -> Handlers:
        """The members of the attempt that came to its end."""
        while True:
            self.attempt += 1
            handlers = self._make()
            try:
                self._one_attempt(handlers)
            except (StreamGap, Crash) as error:
                self.endings.append(type(error).__name__)
                continue
            except Mispredicted as error:
                if self._careful is None:
                    raise
                self.endings.append(type(error).__name__)
                self.mispredicted, self._make, self._careful = str(error), self._careful, None
                continue
            return handlers

    @property
    def _faulty(self) -> bool:
        return self.attempt <= self._faults.faulty_attempts

    def _one_attempt(self, handlers: Handlers) -> None:
        invariants = Invariants(self._window, handlers)
        self._share_memory()
        self._handlers = handlers
        self._sent_at: dict[tuple[str, Kind], float] = {}
        self._progress: dict[str, Event] = {}
        moved_at, moved = self._clock, -1
        marks_at = self._clock + HIGH_WATER_MARK_S
        for name, handler in handlers.items():
            self._publish(name, handler.start(), invariants)
        while not all(handler.done for handler in handlers.values()):
            if self._under_way and self._under_way[0][0] <= marks_at:
                self._clock, _, reader, frames = heapq.heappop(self._under_way)
                self._deliver(reader, frames, handlers, invariants)
                continue
            self._clock = marks_at
            marks_at += HIGH_WATER_MARK_S
            now = sum(handler.rows_done for handler in handlers.values()) + sum(h.done for h in handlers.values())
            if now != moved:
                moved_at, moved = self._clock, now
            elif self._clock - moved_at > SILENT_S:
                raise Deadlock({name: handler.rows_done for name, handler in handlers.items()})
            for name, handler in handlers.items():
                if self._faulty and self._random.random() < self._faults.crash:
                    raise Crash(name)
                self._publish(name, self._repeated(name, handler), invariants)

    def _share_memory(self) -> None:
        if self._lent is not None:
            self._lent.close()
        self._borrowed = {}
        if self._has_memory:
            # As many slots as there were for blocks of half a window: smaller ones do not all find room.
            self._lent = BlockMemory(self._layout, max(1, self._window // 2), self._window)
            fact = self._lent.fact()
            self._borrowed = {role: BorrowedMemory.opened(fact, "run", self.attempt, role) for role in READERS}

    def _repeated(self, name: str, handler: RunningHandler) -> list[Event]:
        if not self._faults.repeats:
            return []
        marks = [w.high_water_mark() for kind, w in handler.writers.items() if self._idle(name, kind)]
        if name in self._progress and self._idle(name, Kind.PROGRESS):
            marks.append(self._progress[name])
        return marks

    def _idle(self, name: str, kind: Kind) -> bool:
        return self._clock - self._sent_at.get((name, kind), 0.0) >= HIGH_WATER_MARK_S

    def _publish(self, writer: str, events: Iterable[Event], invariants: Invariants) -> None:
        for event in events:
            invariants.check(event)
            self._sent_at[writer, event.kind] = self._clock
            if event.kind is Kind.PROGRESS:
                self._progress[writer] = event
            place = None
            if self._lent is not None and event.kind is Kind.NEW_DATA and event.payload is not None:
                place = self._lent.take()
                self.placed += place is not None
            frames = codec.encode(event, "run", self.attempt, place)
            for reader, handler in self._handlers.items():
                if event.kind in handler.readers or (event.kind is Kind.PROGRESS and reader == DATA):
                    self._post(writer, reader, frames)

    def _post(self, writer: str, reader: str, frames: Frames) -> None:
        faults, draw = self._faults, self._random.random
        if self._faulty and draw() < faults.drop:
            self.lost += 1
            return
        delay = self._random.expovariate(1.0 / faults.delay_s) * (100.0 if draw() < faults.stutter else 1.0)
        arrival = max(self._reached.get((writer, reader), 0.0), self._clock + min(delay, SLOWEST_S))
        self._reached[writer, reader] = arrival
        self._put(arrival, reader, frames)
        if draw() < faults.duplicate:
            self._put(arrival + draw() * 3.0, reader, frames)

    def _put(self, arrival: float, reader: str, frames: Frames) -> None:
        self._posted += 1
        heapq.heappush(self._under_way, (arrival, self._posted, reader, frames))

    def _deliver(self, reader: str, frames: Frames, handlers: Handlers, invariants: Invariants) -> None:
        envelope, event = codec.decode(frames, self._borrowed.get(reader))
        if envelope.attempt != self.attempt:
            return
        assert event is not None
        admit(event, self._layout)
        self.deliveries += 1
        self._publish(reader, handlers[reader].receive(event), invariants)


class Crash(Exception):
    """A member died."""


def digests(handlers: Handlers, end: str) -> dict[tuple[str, Kind], tuple[int, str]]:
    """Records and digest of every stream, as its ``writers`` or its ``readers`` saw it, or as those did who worked it
    out (``vouched``)."""
    seen: dict[tuple[str, Kind], Any] = {}
    for name, handler in handlers.items():
        for kind, stream in getattr(handler, end, {}).items():
            seen[name, kind] = (stream.digest.records, stream.digest.value())
    return seen
