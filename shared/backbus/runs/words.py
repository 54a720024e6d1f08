"""Words that commands, pages and reports use alike."""

from __future__ import annotations

from backbus.market.ticks import PHASE_NAMES

PHASES_IN_WORDS = dict(
    zip(
        PHASE_NAMES,
        ("before the open", "at the open", "within the bar", "after the bar", "after the close", "at the close"),
        strict=True,
    )
)
