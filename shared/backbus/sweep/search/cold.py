"""How many sessions points were cold for: those that passed before a point's strategy could know all that it asks for.

A mean of 200 sessions says nothing in the first 199 of a range: beside one of 20 it competes with that much less.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backbus.market.panel import Ints

TOLD_FROM = 0.05
"""Of a range's sessions that one point may be cold for longer than another before that is noted."""


def cold_of(sessions: Ints) -> dict[str, int]:
    """The least and the most of points' cold sessions."""
    some = len(sessions) > 0
    return {"least": int(np.min(sessions)) if some else 0, "most": int(np.max(sessions)) if some else 0}


def notes_of_cold(ranges: Sequence[tuple[str, int, dict[str, int]]], way_on: str) -> list[str]:
    """What is to be said of ranges (name, sessions, ``cold_of``) in which points compete with different amounts of
    history; ``way_on`` is what gives all the same."""
    uneven = [each for each in ranges if each[2]["most"] - each[2]["least"] > TOLD_FROM * each[1]]
    if not uneven:
        return []
    name, sessions, cold = max(uneven, key=lambda each: (each[2]["most"] - each[2]["least"]) / max(each[1], 1))
    others = f", and so in {len(uneven)} of {len(ranges)} ranges" if len(ranges) > 1 else ""
    return [
        f"points compete with different amounts of history: in {name} {cold['least']} to {cold['most']} of {sessions} "
        f"sessions passed before a point could speak{others}; {way_on}"
    ]
