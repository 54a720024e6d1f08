"""What a reader lets in: an ORDER whose type rules could not look up is refused before any rule sees it."""

from __future__ import annotations

import pytest

from backbus.errors import ProtocolError
from backbus.market.panel import Layout
from backbus.streams.admission import admit
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading.codes import ORDER_TYPES
from backbus.trading.records import ORDER, Records, empty

LAYOUT = Layout(("A",), 10, 0, 0)


def orders(*types: int) -> Records:
    records = empty(ORDER, len(types))
    records["type"] = types
    return records


def say(records: Records) -> None:
    admit(Event(Kind.ORDER, "portfolio", 0, len(records), 60, records), LAYOUT)


def test_every_type_that_there_is_is_let_in() -> None:
    say(orders(*range(len(ORDER_TYPES))))
    for kind in range(len(ORDER_TYPES)):
        say(orders(kind))


@pytest.mark.parametrize("kind", [-1, len(ORDER_TYPES), 2**31 - 1])
def test_a_type_that_there_is_not_is_refused_alone_and_among_others(kind: int) -> None:
    for records in (orders(kind), orders(0, kind, 1)):
        with pytest.raises(ProtocolError, match="ORDER has a type that there is not"):
            say(records)
