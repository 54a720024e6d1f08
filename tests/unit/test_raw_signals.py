"""SIGNAL records as a program of another language may write them, by hand: naming what is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backbus.strategy import Strategy
from backbus.trading.codes import SignalKind, Term
from backbus.trading.records import ORDINALS_OF_ONE, SIGNAL
from tests.unit.order_market import BAR, QUIET, bars, play


class Says(Strategy):
    """SIGNAL records as they are: row, asset, kind, value."""

    lines: tuple[tuple[int, int, int, float], ...]

    def signals(self, bars: Any) -> Any:
        rows = range(bars.first_row, bars.first_row + len(bars))
        said = [(6 * row + 3, *rest) for row, *rest in self.lines if row in rows]
        return np.array(said, dtype=SIGNAL)


RESTS = ((0, 0, Term.LIMIT, 90.0), (0, 0, SignalKind.QUANTITY, 10.0))
"""The first asset's first order of row 0."""
NOBODY = ((Term.ROW, 0.0), (Term.ASSET, 7.0))


@pytest.mark.parametrize("named", [(), NOBODY, ((Term.ROW, 0.0), (Term.ASSET, 2.0)), ((Term.ROW, 1.0),)])
def test_who_names_an_order_that_is_not_there_takes_nothing_back(named: tuple[tuple[int, float], ...]) -> None:
    cancel = (*named, (SignalKind.CANCEL, float(ORDINALS_OF_ONE)))
    market = bars(*[[QUIET, QUIET]] * 3, [(100, 100, 85, 90), QUIET])
    told = play(market, Says(lines=(*RESTS, *((2, 0, kind, value) for kind, value in cancel))))
    assert [order[:3] for order in told.orders] == [(0, "A", "place")]
    assert told.fills == [(3, BAR, "A", 10.0, 90.0)]
    told = play(market, Says(lines=(*RESTS, (2, 0, Term.ROW, 0.0), (2, 0, SignalKind.CANCEL, float(ORDINALS_OF_ONE)))))
    assert told.fills == []


def test_who_names_an_asset_that_is_not_there_for_a_group_is_alone_in_it() -> None:
    market = bars(*[[QUIET, QUIET]] * 3, [(100, 100, 85, 90), QUIET])
    for asset in (2.0, 4.0, 7.0):
        group = ((0, 0, Term.ROW, 0.0), (0, 0, Term.ASSET, asset), (0, 0, Term.GROUP, float(ORDINALS_OF_ONE)))
        assert play(market, Says(lines=(*group, *RESTS))).fills == [(3, BAR, "A", 10.0, 90.0)]
