"""Public names that were others once: an old one is refused with the one that it has now, wherever a user can say it.

Each family of names has one table, from old to new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TERMS = {f"{name}_share": f"{name}_fraction" for name in ("trail", "take_profit", "stop_loss", "trailing_loss")}
"""Terms of an order or a signal, and exits of a holding rule."""

TABLES = {"ends": "order_ends", "bookings": "account_activity"}
"""Tables of a run, and their files."""

FIELDS = {"data.stamps": "data.dates.marks"}
"""Settings, by their paths."""

SETTINGS = {"execution.trail_by": {"extremes": "high_low"}}
"""Values of a job's settings, by the setting's path."""


def job_of_before(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job's plain values, as a version before kept them, in today's names. What a sweep tries stays as it was: its
    tables have the same values."""
    job = dict(job)
    for path, values in SETTINGS.items():
        section, _, name = path.partition(".")
        found = job.get(section, {})
        if found.get(name) in values:
            job[section] = {**found, name: values[found[name]]}
    data = job.get("data", {})
    if "stamps" in data:  # "start" was what is taken now where nothing is said
        marks = {"marks": "end"} if data["stamps"] == "end" else {}
        job["data"] = {**{name: value for name, value in data.items() if name != "stamps"}, "dates": marks}
    return job


def is_now(old: str, new: str) -> str:
    """What to say to whoever uses an old name."""
    return f"{old} is called {new} now"
