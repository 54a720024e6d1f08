"""What became of orders, counted from ORDER records by hand; a record of another run is refused."""

from __future__ import annotations

from typing import Any

import pytest

from backbus.errors import ProtocolError
from backbus.performance.orders import OrderCounts
from backbus.trading.codes import ORDER_KINDS, REASONS, Action, Flag, Reason
from backbus.trading.records import ORDER, Records, empty

PLACED = {"order": 8, "asset": 0, "kind": Action.PLACE, "quantity": 5.0, "wanted": 5.0, "reason": Reason.NONE}


def records(*orders: dict[str, Any]) -> Records:
    found = empty(ORDER, len(orders))
    for record, order in zip(found, orders, strict=True):
        for name, value in (PLACED | order).items():
            record[name] = value
    return found


@pytest.mark.parametrize(
    "impossible",
    [
        {"asset": 5},
        {"asset": 1},
        {"asset": -1},
        {"kind": -1},
        {"kind": len(ORDER_KINDS)},
        {"reason": -1},
        {"reason": len(REASONS)},
    ],
)
def test_a_record_that_cannot_be_of_this_run_is_refused(impossible: dict[str, Any]) -> None:
    counts = OrderCounts(1)
    with pytest.raises(ProtocolError, match="does not exist in this run"):
        counts.add(records({}, impossible))
    assert counts.placed == 1


def test_an_order_that_is_cut_twice_is_one_order_that_is_cut() -> None:
    counts = OrderCounts(2)
    resized = {"kind": Action.RESIZE, "wanted": 10.0, "reason": Reason.BUYING_POWER}
    counts.add(
        records(
            {"quantity": 7.0, "wanted": 10.0, "reason": Reason.BUYING_POWER},
            {"quantity": 7.0, "wanted": 10.0, "reason": Reason.BUYING_POWER, "asset": 1},
            {"quantity": 5.0, **resized},
            {"quantity": 5.0, **resized, "asset": 1},
        )
    )
    assert (counts.placed, counts.cut) == (2, 2)


def test_an_order_whose_size_is_still_to_be_decided_is_not_cut_yet() -> None:
    counts = OrderCounts(1)
    counts.add(records({"quantity": 7.0, "wanted": 10.0, "flags": Flag.SIZE_AT_OPEN}))
    assert counts.cut == 0
    counts.add(records({"kind": Action.RESIZE, "quantity": 7.0, "wanted": 10.0}))
    assert counts.cut == 1


def test_each_kind_of_record_is_counted_by_its_reason() -> None:
    counts = OrderCounts(1)
    counts.add(
        records(
            {},
            {"reason": Reason.MARGIN_CALL, "quantity": -5.0, "wanted": -5.0},
            {"reason": Reason.DRAWDOWN_STOP},
            {"kind": Action.CANCEL, "quantity": 0.0, "reason": Reason.ASKED},
            {"kind": Action.REFUSE, "quantity": 0.0, "reason": Reason.BELOW_ONE_LOT},
            {"kind": Action.REFUSE, "quantity": 0.0, "reason": Reason.BELOW_ONE_LOT},
        )
    )
    assert (counts.placed, counts.cancelled, counts.refused, counts.cut) == (3, 1, 2, 0)
    assert counts.refused_because == {"less than one lot": 2}
    assert counts.forced == {"margin call": 1, "drawdown stop": 1}
