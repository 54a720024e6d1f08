"""What a run lets in from the bus: events of the right writer whose numbers cannot lead a compiled loop astray."""

from __future__ import annotations

import numpy as np

from backbus.errors import ProtocolError
from backbus.market.panel import Block, Ints, Layout
from backbus.market.ticks import PHASES
from backbus.streams.event import Event
from backbus.streams.topology import STREAMS, Kind
from backbus.trading.account_rows import EquityRows
from backbus.trading.codes import BOOKING_KINDS, ORDER_TYPES
from backbus.trading.records import Records


def admit(event: Event, layout: Layout) -> None:
    """Raise ``ProtocolError`` unless the event fits the run: its writer, its rows, its assets, its ticks."""
    stream = STREAMS[event.kind]
    writer = stream.writer
    if writer is not None and event.source != writer:
        raise ProtocolError(f"{event.kind} is said by {writer}, not by {event.source!r}")
    end = 6 * layout.rows
    if event.watermark > end:
        raise ProtocolError(f"{event.kind} has the watermark {event.watermark}, after the run's end ({end})")
    payload = event.payload
    if payload is None:
        return
    if isinstance(payload, np.ndarray):
        if not _fits(payload, layout.assets, end):
            raise ProtocolError(f"{event.kind} names an asset or a tick that the run does not have, or out of order")
        if event.kind is Kind.ORDER and not _known(payload["type"]):
            raise ProtocolError("ORDER has a type that there is not: rules look it up in a table")
        return
    if payload.first_row + len(payload) > layout.rows:
        raise ProtocolError(f"{event.kind} has rows after the run's end")
    wide = next((column.name for column in stream.columns if column.per_asset), None)
    if wide is not None and (assets := getattr(payload, wide).shape[1]) != layout.assets:
        raise ProtocolError(f"{event.kind} has {assets} assets, the run {layout.assets}")
    if isinstance(payload, EquityRows) and len(payload.bookings):
        begin, until = (PHASES * (payload.first_row + row) for row in (0, len(payload)))
        kinds = payload.bookings["kind"]
        known = kinds.min() >= 0 and kinds.max() < len(BOOKING_KINDS)
        if not known or payload.bookings["tick"][0] < begin or not _fits(payload.bookings, layout.assets, until, -1):
            raise ProtocolError("EQUITY has bookings of an asset, a kind or a tick that these rows do not have")
    if isinstance(payload, Block) and tuple(payload.extra) != layout.columns:
        raise ProtocolError(f"NEW_DATA has columns {list(payload.extra)} of its own, the run {list(layout.columns)}")
    if isinstance(payload, Block) and tuple(payload.frames) != layout.timeframes:
        raise ProtocolError(f"NEW_DATA has timeframes {list(payload.frames)}, the run {list(layout.timeframes)}")
    if isinstance(payload, Block) and payload.first_row != event.begin:
        raise ProtocolError("NEW_DATA counts rows from 0: its first row must be its first record")


def _known(types: Ints) -> bool:
    """Whether every number is that of an order type."""
    if len(types) == 1:
        return 0 <= int(types.item()) < len(ORDER_TYPES)
    return bool(types.min() >= 0 and types.max() < len(ORDER_TYPES))


def _fits(records: Records, assets: int, end: int, least: int = 0) -> bool:
    """Whether every record has an asset, from ``least`` on, and a tick of the run, in the order of ticks."""
    if len(records) == 1:  # most events of a run that decides often: a tenth of the time that numpy takes
        asset, tick = int(records["asset"].item()), int(records["tick"].item())
        return least <= asset < assets and 0 <= tick < end
    named, ticks = records["asset"], records["tick"]
    return bool(
        named.min() >= least
        and named.max() < assets
        and ticks[0] >= 0
        and ticks[-1] < end
        and not (ticks[1:] < ticks[:-1]).any()
    )
