"""How many sessions points were cold for: those that passed before a point's strategy could know all that it asks for.

A mean of 200 sessions says nothing in the first 199 of a range: beside one of 20 it competes with that much less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from backbus.job.job import Job
from backbus.market.panel import Ints, Panel, session_date
from backbus.sweep.search.folds import Span, session_rows

TOLD_FROM = 0.05
"""Of a range's sessions that one point may be cold for longer than another before that is noted."""


def cold_of(sessions: Ints) -> dict[str, int]:
    """The least and the most of points' cold sessions."""
    some = len(sessions) > 0
    return {"least": int(np.min(sessions)) if some else 0, "most": int(np.max(sessions)) if some else 0}


def known_from(
    rows: Ints, spans: Sequence[Span], cold: Sequence[dict[str, int]], warmup: int | None
) -> tuple[int, bool]:
    """The session from which on all points know what they ask for, with all rows before it as warm-up; and whether it
    is known, and not only that it is no earlier one: a range that is cold throughout does not say how long it would be.

    ``rows`` are ``session_rows`` of a panel, ``cold`` is what ``spans`` came to with ``warmup`` rows before each.
    """
    needed, known = 0, False
    for span, each in zip(spans, cold, strict=True):
        if each["most"]:
            begin, stop = int(rows[span.start]), int(rows[min(span.start + each["most"], span.stop)])
            needed = max(needed, stop - begin + (begin if warmup is None else min(begin, warmup)))
            known = known or each["most"] < span.stop - span.start
    return int(np.searchsorted(rows, needed)), known


def way_of_history(
    field: str, job: Job, panel: Panel, spans: Sequence[Span], cold: Sequence[dict[str, int]], least: int
) -> str:
    """Which history gives all points in these ranges the same; ``least`` sessions must be left after it."""
    rows, warmup = session_rows(panel), job.data.warmup
    history, known = known_from(rows, spans, cold, warmup)
    more = "" if known else " or more"
    out = "" if warmup is None else ", with data.warmup left out,"
    lacks = history + least - (len(rows) - 1)
    longer = f", which takes data of {lacks} more sessions" if lacks > 0 else ""
    return f"{field} = {history}{more}{out} gives all of them the same{longer}"


def way_of_start(job: Job, panel: Panel, cold: dict[str, int]) -> str:
    """What gives all points over all of the data the same history."""
    rows = session_rows(panel)
    sessions = len(rows) - 1
    if job.simulator is not None:
        longer = math.ceil((cold["most"] - cold["least"]) / TOLD_FROM) * len(panel) // sessions
        return f"with simulator.rows = {longer} or more that is a small part of them"
    if cold["most"] >= sessions:
        return "some never could: sweep shorter ones, or name data that begins earlier"
    start = session_date(panel.block.session[rows[cold["most"]]])
    out = "" if job.data.warmup is None else " and data.warmup left out"
    return f'with data.start = "{start}"{out} all know the same'


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
