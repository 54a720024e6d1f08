"""Fields of records, read by compiled steps."""

from __future__ import annotations

from backbus.jit.decorators import step


@step
def copied(field: float) -> float:
    """A field of a record as a number by itself: it is read here, before the record changes, and −0.0 becomes 0.0."""
    return field + 0.0
