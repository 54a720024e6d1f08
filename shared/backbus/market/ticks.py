"""A run's own time. A tick is ``6 * row + phase``; every event says through which tick its stream is complete."""

from __future__ import annotations

PHASES = 6
OPEN_DECIDE = 0
OPEN_MATCH = 1
INTRABAR_MATCH = 2
CLOSE_SIGNAL = 3
CLOSE_DECIDE = 4
CLOSE_MATCH = 5

PHASE_NAMES = ("OPEN_DECIDE", "OPEN_MATCH", "INTRABAR_MATCH", "CLOSE_SIGNAL", "CLOSE_DECIDE", "CLOSE_MATCH")


def tick_of(row: int, phase: int) -> int:
    """The tick of a phase of a row."""
    return PHASES * row + phase


def row_of(tick: int) -> int:
    """The row that a tick lies in."""
    return tick // PHASES


def phase_of(tick: int) -> int:
    """The phase that a tick is."""
    return tick % PHASES
