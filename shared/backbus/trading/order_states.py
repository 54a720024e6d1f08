"""The life of an order, as a table: the state that it is in, what happens to it, and the state that follows.

A stop that was met is TRIGGERED: from then on it is a market order, whatever holds it back, or a limit order where it
has a limit. JUST_TRIGGERED is the latter within the bar that met the stop, where a path says which prices still come
(``execution.intrabar``). An exit that comes with an entry is ASLEEP until the entry fills; JUST_AWAKE is one whose
entry filled within a bar of which nobody knows what came before, PERHAPS_AWAKE one whose entry is taken to have filled
in such a bar, since that is worse. An order that has ended is in no state; its node is
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
    """Its stop was met: it is a market order, or a limit order."""
    JUST_TRIGGERED: int = 2
    """Its stop was met in this bar."""
    ASLEEP: int = 3
    """The order that it belongs to has not filled yet."""
    JUST_AWAKE: int = 4
    """The order that it belongs to has filled in this bar."""
    PERHAPS_AWAKE: int = 5
    """The order that it belongs to has filled in this bar, or will in a later one."""


class _OrderEvent(NamedTuple):
    """What happens to an order that changes its state."""

    PARENT_FILLED: int = 0
    """At open or close, or where what came before and after is known."""
    PARENT_FILLED_IN_BAR: int = 1
    """At its limit, somewhere in a bar whose path is not known."""
    PARENT_MAY_HAVE_FILLED: int = 2
    """At its limit, after a stop that the same bar has met."""
    STOP_MET: int = 3
    """At the open, or by a path that says what comes after."""
    STOP_MET_IN_BAR: int = 4
    """Somewhere in a bar whose path is not known."""
    BAR_OVER: int = 5


OrderState, OrderEvent = _OrderState(), _OrderEvent()
NEVER = -1

_S = OrderState
NEXT_STATE = np.array(
    [
        # PARENT_FILLED, ..IN_BAR, ..MAY_HAVE_FILLED, STOP_MET, STOP_MET_IN_BAR, BAR_OVER
        [_S.LIVE, _S.LIVE, _S.LIVE, _S.TRIGGERED, _S.JUST_TRIGGERED, _S.LIVE],  # LIVE
        [NEVER, NEVER, NEVER, NEVER, NEVER, _S.TRIGGERED],  # TRIGGERED
        [NEVER, NEVER, NEVER, NEVER, NEVER, _S.TRIGGERED],  # JUST_TRIGGERED
        [_S.LIVE, _S.JUST_AWAKE, _S.PERHAPS_AWAKE, NEVER, NEVER, _S.ASLEEP],  # ASLEEP
        [_S.JUST_AWAKE, _S.JUST_AWAKE, NEVER, _S.TRIGGERED, NEVER, _S.LIVE],  # JUST_AWAKE
        [_S.PERHAPS_AWAKE, NEVER, _S.PERHAPS_AWAKE, _S.TRIGGERED, NEVER, _S.LIVE],  # PERHAPS_AWAKE
    ],
    dtype=np.int64,
)
"""[states, events] the state that follows."""
NEXT_STATE.flags.writeable = False
