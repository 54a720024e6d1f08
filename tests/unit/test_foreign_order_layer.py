"""The example's order layer, without its sockets, beside ours: the same fills, however messages are cut, repeated and
delayed; the same digests; a gap is told."""

from __future__ import annotations

import importlib.util
import struct
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from backbus.execution.handler import ExecutionHandler
from backbus.job.job import Job
from backbus.market.panel import Block, Layout
from backbus.streams.event import Event
from backbus.streams.stream import StreamReader
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.codes import Action, Flag
from backbus.trading.numbers import rules_of
from tests.processes import ROOT

ASSETS, ROWS = 3, 60
FIELDS = ("open", "high", "low", "close", "volume")


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"foreign_{name}", ROOT / "examples" / "foreign_order_layer" / f"{name}.py"
    )
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


market, streams = module("market"), module("streams")
JOB = Job.parse(
    {
        "strategy": {"use": "SmaCross"},
        "execution": {"commission": {"model": "per_share", "fee": 0.01, "minimum": 1.0, "maximum_percent": 0.5}},
    }
)
LAYOUT = Layout(("A", "B", "C"), ROWS, 0, 0)


def made_market(random: np.random.Generator) -> Block:
    """Rows of three assets, a third of them holes."""
    prices = 50.0 + random.normal(0.0, 1.0, (ROWS, ASSETS)).cumsum(axis=0)
    prices[random.random((ROWS, ASSETS)) < 0.33] = np.nan
    ends = np.arange(ROWS, dtype=np.int64) * 86_400_000_000_000
    return Block(0, ends, np.arange(ROWS, dtype=np.int64), prices, prices + 1.0, prices - 1.0, prices, prices)


def made_orders(random: np.random.Generator) -> rec.Records:
    """Orders that are placed, replaced, resized at the open and taken back, some of which are not there any more."""
    found: list[tuple[int, int, int, int, float, int]] = []
    last = [0] * ASSETS
    for row in range(ROWS):
        for asset in range(ASSETS):
            quantity = float(random.integers(-9, 10)) or 1.0
            reduces = int(random.choice([0, Flag.REDUCES]))
            action = random.choice(["", "", "resize", "cancel", "refuse", "place", "place"])
            if action == "resize":
                found.append((6 * row, last[asset], asset, Action.RESIZE, quantity, reduces))
            elif action == "cancel":
                found.append((6 * row + 4, last[asset], asset, Action.CANCEL, 0.0, 0))
            elif action == "place":
                last[asset] = rec.order_id(row, asset, 0)
                found.append((6 * row + 4, last[asset], asset, Action.PLACE, quantity, reduces))
            elif action == "refuse":
                found.append((6 * row + 4, rec.order_id(row, asset, 0), asset, Action.REFUSE, quantity, 0))
    found.sort(key=lambda order: order[0])
    orders = rec.empty(rec.ORDER, len(found))
    for at, order in enumerate(found):
        for name, value in zip(("tick", "order", "asset", "kind", "quantity", "flags"), order, strict=True):
            orders[at][name] = value
    return orders


def cuts(random: np.random.Generator, count: int) -> list[tuple[int, int]]:
    """Consecutive ranges that cover ``count``, some of them with what was said before."""
    places = sorted({0, count, *random.integers(0, count + 1, 8).tolist()})
    return [(max(0, a - int(random.integers(0, 3))), b) for a, b in pairwise(places)]


def as_message(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {"from": event.begin, "to": event.end, "through": event.watermark}
    if isinstance(event.payload, Block):
        columns = {name: getattr(event.payload, name).tobytes() for name in ("end", "session", *FIELDS)}
        told["columns"] = {**columns, "every:1w": columns["end"]}
    elif event.payload is not None:
        told["records"] = event.payload.tobytes()
    return told


@pytest.mark.parametrize("seed", range(12))
def test_its_fills_and_digests_are_ours(seed: int) -> None:
    random = np.random.default_rng(seed)
    block, orders = made_market(random), made_orders(random)
    events = [Event(Kind.NEW_DATA, "data", a, b, 6 * b, block.rows(a, b)) for a, b in cuts(random, ROWS)]
    said = []
    for a, b in cuts(random, len(orders)):
        last = b == len(orders)
        through = 6 * ROWS if last else int(orders["tick"][b])
        said.append(Event(Kind.ORDER, "portfolio", a, b, through, orders[a:b]))
    order_of_arrival = sorted(
        [(random.random() + at, event) for each in (events, said) for at, event in enumerate(each)],
        key=lambda pair: pair[0],
    )
    ours = ExecutionHandler(rules_of(JOB, LAYOUT), LAYOUT, progress_rows=5)
    theirs = market.Market(JOB.plain(), {**LAYOUT.facts(), "columns": []}, None)
    readings = {
        Kind.NEW_DATA: streams.Reading("NEW_DATA", streams.Lanes),
        Kind.ORDER: streams.Reading("ORDER", streams.Crc),
    }
    fills = [b"", b""]
    for _, event in order_of_arrival:
        answers = list(ours.receive(event))
        fresh = readings[event.kind].take(as_message(event))
        theirs.hear_bars(fresh.get("open", b""))
        theirs.hear_orders(fresh.get("records", b""))
        fills[0] += b"".join(a.payload.tobytes() for a in answers if a.kind is Kind.FILL and a.payload is not None)
        fills[1] += theirs.match(readings[Kind.ORDER].through)
        assert fills[1] == fills[0]
        # Where nothing works, ours goes on to the next order even if it has no bars up to there.
        assert 6 * ours.rows_done <= theirs.tick <= ours.writers[Kind.FILL].watermark
    assert ours.done
    assert theirs.tick == 6 * ROWS
    assert len(fills[0]) > 20 * rec.FILL.itemsize
    for kind, reading in readings.items():
        assert reading.end()["digest"] == ours.readers[kind].digest.value() != ""
        assert reading.end()["records"] == ours.readers[kind].digest.records


def test_a_gap_is_told() -> None:
    reading, ours = streams.Reading("ORDER", streams.Crc), StreamReader(Kind.ORDER)
    reading.take({"from": 0, "to": 2, "through": 6, "records": bytes(256)})
    assert ours.accept(Event(Kind.ORDER, "portfolio", 0, 2, 6, rec.empty(rec.ORDER, 2))) is not None
    assert reading.take({"from": 2, "to": 2, "through": 6}) == {}
    assert reading.take({"from": 1, "to": 3, "through": 9, "records": bytes(128) + b"a" * 128}) == {
        "records": b"a" * 128
    }
    assert (reading.next, reading.through) == (3, 9)
    with pytest.raises(streams.Lost, match="expected record 3 of ORDER, not 4"):
        reading.take({"from": 4, "to": 4, "through": 9})


def test_a_fee_of_its_own_is_charged_whatever_the_job_says() -> None:
    layer = market.Market(JOB.plain(), {**LAYOUT.facts(), "columns": []}, 2.5)
    layer.hear_bars(struct.pack("<6d", *[10.0] * 6))
    orders = rec.empty(rec.ORDER, 2)
    orders["tick"], orders["asset"], orders["quantity"] = 4, (0, 1), (5.0, -0.1)
    layer.hear_orders(orders.tobytes())
    fills = np.frombuffer(layer.match(10), dtype=rec.FILL)
    assert fills["fee"].tolist() == [2.5, 1.0], "no more for a sale than it brings in"
