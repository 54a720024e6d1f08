"""The life of an order, as a table: the state that it is in, what happens to it, and the state that follows.

Only a stop-limit order ever becomes TRIGGERED: its stop was met, and it is a limit order from then on. JUST_TRIGGERED
is the same within the bar that met it, where a path says which prices still come (``execution.intrabar``).
An exit that comes with an entry is ASLEEP until the entry fills. An order that has ended is in no state; its node is
free. Where the table says NEVER, what would happen cannot: a rule that lets it happen is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class _OrderState(NamedTuple):
    """States of an order that works."""

    LIVE: int = 0
    """It can fill."""
    TRIGGERED: int = 1
    """Its stop was met: it is a limit order."""
    JUST_TRIGGERED: int = 2
    """Its stop was met in this bar."""
    ASLEEP: int = 3
    """The order that it belongs to has not filled yet."""


class _OrderEvent(NamedTuple):
    """What happens to an order that changes its state."""

    PARENT_FILLED: int = 0
    STOP_MET: int = 1
    """At the open, or by a path that says what comes after."""
    STOP_MET_IN_BAR: int = 2
    """Somewhere in a bar whose path is not known."""
    BAR_OVER: int = 3


OrderState, OrderEvent = _OrderState(), _OrderEvent()
NEVER = -1

NEXT_STATE = np.array(
    [
        # PARENT_FILLED     STOP_MET               STOP_MET_IN_BAR            BAR_OVER
        [OrderState.LIVE, OrderState.TRIGGERED, OrderState.JUST_TRIGGERED, OrderState.LIVE],  # LIVE
        [NEVER, NEVER, NEVER, OrderState.TRIGGERED],  # TRIGGERED
        [NEVER, NEVER, NEVER, OrderState.TRIGGERED],  # JUST_TRIGGERED
        [OrderState.LIVE, NEVER, NEVER, OrderState.ASLEEP],  # ASLEEP
    ],
    dtype=np.int64,
)
"""[states, events] the state that follows."""
NEXT_STATE.flags.writeable = False
