"""Markets of which a universe says who may be traded when, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backbus.market.columns import MEMBER
from backbus.market.panel import Block, Panel


def chosen(panel: Panel, members: Sequence[Sequence[int]], leaving: str = "close") -> Panel:
    """The market with a universe: for each row, 1 or 0 for each asset."""
    column = np.array(members, dtype=np.float64).reshape(panel.block.close.shape)
    column.flags.writeable = False
    block: Block = replace(panel.block, extra={**panel.block.extra, MEMBER: column})
    layout = replace(panel.layout, columns=(*panel.layout.columns, MEMBER), universe=leaving)
    return Panel(layout, block, panel.notes)
