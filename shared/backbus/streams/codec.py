"""Events to bytes and back: two frames, the topic and one msgpack map (docs/protocol.md).

Dtypes and shapes come from the tables here, never from a sender; every length is checked before an array is made.
Whatever cannot be read raises ``ProtocolError`` and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgpack
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backbus.errors import ProtocolError
from backbus.market.panel import Block
from backbus.streams import placed
from backbus.streams.event import Event, Payload
from backbus.streams.topology import STREAMS, Kind, PackedRecords
from backbus.trading import records as rec

VERSION = 2
PROBE = "PROBE"

RECORDS: dict[str, np.dtype[np.void]] = {
    kind: stream.record for kind, stream in STREAMS.items() if stream.record is not None
}
"""Streams of records: one packed little-endian struct each, all of an event in one buffer."""

_ROW, _CELL = False, True
EVERY = "every:"
"""What stands before a timeframe in the name of the column that tells when its bars end."""

_KINDS = {kind.value: kind for kind in Kind}
_NAMES: dict[Kind, str] = {kind: kind.value for kind in Kind}
_SIZES: dict[str, int] = {kind: dtype.itemsize for kind, dtype in RECORDS.items()}

if TYPE_CHECKING:
    KindName = str
else:
    KindName = Literal[(*_KINDS, PROBE)]

Count = Annotated[int, Field(ge=0, lt=1 << 62)]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


class Envelope(BaseModel):
    """The msgpack map of a bus message. Unknown keys are refused: another version has another number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[2]
    kind: KindName
    run: Name
    attempt: Count
    stream: Name
    begin: Count = Field(default=0, alias="from")
    end: Count = Field(default=0, alias="to")
    watermark: Count = Field(default=0, alias="through")
    row: Count = 0
    """Row that the first record belongs to, in streams of rows."""
    assets: Annotated[int, Field(ge=0, le=rec.MAX_ASSETS)] = 0
    records: bytes | None = None
    columns: dict[str, bytes] | None = None
    slot: Count | None = None
    turn: Count | None = None
    places: dict[str, Count] | None = None
    """Where in the slot each column begins, of a block that lies in memory that both ends have."""


class Origin(NamedTuple):
    """The attempt that a message belongs to."""

    run: str
    attempt: int


class _Stream(NamedTuple):
    """What all messages under one topic say alike, once the schema has let the first one in."""

    origin: Origin
    kind: Kind
    same: tuple[int, str, str, int, str]
    """Their ``v``, ``kind``, ``run``, ``attempt`` and ``stream``."""


_LIMIT = 1 << 62
_SEEN_LIMIT = 256
_seen: dict[bytes, _Stream] = {}
"""The topics of messages that the schema has let in."""


@functools.lru_cache(maxsize=256)
def topic(run: str, attempt: int, kind: str) -> bytes:
    """The first frame. The closing slash matters: subscriptions match prefixes, and attempt 1 must not match 10."""
    return f"{run}/{attempt}/{kind}/".encode()


def encode(event: Event, run: str, attempt: int, place: placed.BlockPlace | None = None) -> list[bytes]:
    """The two frames of an event; those of a block that is to lie at ``place`` say so and do not carry it."""
    fields: dict[str, Any] = {
        "v": VERSION,
        "kind": _NAMES[event.kind],
        "run": run,
        "attempt": attempt,
        "stream": event.source,
        "from": event.begin,
        "to": event.end,
        "through": event.watermark,
    }
    payload = event.payload
    if payload is None:
        message = msgpack.packb(fields)
    elif isinstance(payload, np.ndarray):
        fields["records"] = payload.tobytes()
        message = msgpack.packb(fields)
    elif place is not None:
        message = msgpack.packb(_placed_rows(fields, payload, _columns_of(payload, event.kind), place))
    else:
        message = _packed_rows(fields, payload, _columns_of(payload, event.kind))
    return [topic(run, attempt, event.kind), message]


def _columns_of(payload: Any, kind: Kind) -> tuple[tuple[str, str, bool, Any], ...]:
    """Name, type, whether there is one for each asset, and values of each column."""
    stream = STREAMS[kind]
    found = tuple((each.name, each.dtype, each.per_asset, getattr(payload, each.name)) for each in stream.columns)
    if isinstance(payload, Block) and payload.extra:
        found += tuple((name, "<f8", _CELL, column) for name, column in payload.extra.items())
    more = ((each.name, getattr(payload, each.name)) for each in stream.records)
    found += tuple((name, "V", _ROW, records) for name, records in more if len(records))
    if isinstance(payload, Block) and payload.frames:
        found += tuple((EVERY + name, "<i8", _ROW, ends) for name, ends in payload.frames.items())
    return found


def _placed_rows(
    fields: dict[str, Any], payload: Any, columns: tuple[tuple[str, str, bool, Any], ...], place: placed.BlockPlace
) -> dict[str, Any]:
    """The map of a block whose columns are copied to their place."""
    places = placed.put(((name, dtype, values) for name, dtype, _, values in columns), place.data)
    shape = {"row": payload.first_row, "assets": _width(columns)}
    return {**fields, **shape, "slot": place.slot, "turn": place.turn, "places": places}


def _width(columns: tuple[tuple[str, str, bool, Any], ...]) -> int:
    return next((values.shape[1] for _, _, cell, values in columns if cell), 0)


def _packed_rows(fields: dict[str, Any], payload: Any, columns: tuple[tuple[str, str, bool, Any], ...]) -> bytes:
    """The map with its columns, which are copied once only: a block is megabytes."""
    fields["row"] = payload.first_row
    fields["assets"] = _width(columns)
    packer = msgpack.Packer(autoreset=False)
    packer.pack_map_header(len(fields) + 1)
    for name, value in fields.items():
        packer.pack(name)
        packer.pack(value)
    packer.pack("columns")
    packer.pack_map_header(len(columns))
    parts: list[Any] = []
    for name, dtype, _, values in columns:
        data: Any = values.tobytes() if dtype == "V" else np.ascontiguousarray(values, dtype=dtype).data.cast("B")
        packer.pack(name)
        parts += (packer.bytes(), _bin_header(len(data)), data)
        packer.reset()
    return b"".join(parts)


def _bin_header(size: int) -> bytes:
    if size < 1 << 8:
        return b"\xc4" + size.to_bytes(1, "big")
    if size < 1 << 16:
        return b"\xc5" + size.to_bytes(2, "big")
    return b"\xc6" + size.to_bytes(4, "big")


def unpack(frame: bytes | memoryview) -> Any:
    """One msgpack value of untrusted bytes."""
    try:
        return msgpack.unpackb(frame)
    except Exception as error:  # msgpack raises several unrelated types for bytes that are not msgpack
        raise ProtocolError(f"not msgpack: {type(error).__name__}: {error}") from None


def decode(
    frames: Sequence[bytes | memoryview], memory: placed.SourceMemory | None = None
) -> tuple[Origin, Event | None]:
    """Attempt and event of a message; the event is None for a probe. ``memory`` is where blocks lie that messages do
    not carry: one that is gone from there was taken before, or is another attempt's, and only its numbers are told."""
    if len(frames) != 2:
        raise ProtocolError(f"a bus message has 2 frames, this one {len(frames)}")
    name = bytes(frames[0])
    fields = unpack(frames[1])
    stream = _seen.get(name)
    event = None if stream is None else _records_event(stream, fields)
    if stream is not None and event is not None:
        return stream.origin, event
    return _checked(name, fields, memory)


def _records_event(stream: _Stream, fields: Any) -> Event | None:
    """The event of a message that carries records or nothing, and has just the fields that we would write.

    None leaves it to the schema, whose verdict is the same: this only takes a third of the time, which counts where
    every decision is two such messages.
    """
    try:
        begin, end, watermark = fields["from"], fields["to"], fields["through"]
        attempt = fields["attempt"]
        if (
            (fields["v"], fields["kind"], fields["run"], attempt, fields["stream"]) != stream.same
            or not (type(begin) is type(end) is type(watermark) is type(attempt) is type(fields["v"]) is int)
            or not (0 <= begin <= end < _LIMIT and 0 <= watermark < _LIMIT)
        ):
            return None
        if begin == end:
            return Event(stream.kind, stream.same[4], begin, end, watermark) if len(fields) == 8 else None
        records = fields["records"]
        if len(fields) != 9 or type(records) is not bytes or len(records) != (end - begin) * _SIZES[stream.kind]:
            return None
    except (KeyError, TypeError):
        return None
    payload = np.frombuffer(records, dtype=RECORDS[stream.kind])
    return Event(stream.kind, stream.same[4], begin, end, watermark, payload)


def _checked(name: bytes, fields: Any, memory: placed.SourceMemory | None) -> tuple[Origin, Event | None]:
    try:
        envelope = Envelope.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"field {where or '(message)'}: {first['msg']}") from None
    expected = topic(envelope.run, envelope.attempt, envelope.kind)
    if not name.startswith(expected):
        raise ProtocolError("topic and message disagree")
    origin = Origin(envelope.run, envelope.attempt)
    if envelope.kind == PROBE:
        return origin, None
    kind = _KINDS[envelope.kind]
    if envelope.places is not None:
        return origin, _placed(envelope, kind, memory)
    if envelope.slot is not None or envelope.turn is not None:
        raise ProtocolError("a message names a slot, and no places in it")
    event = Event(kind, envelope.stream, envelope.begin, envelope.end, envelope.watermark, _payload(envelope))
    if name == expected:
        if len(_seen) >= _SEEN_LIMIT:
            _seen.clear()
        _seen[name] = _Stream(origin, kind, (VERSION, envelope.kind, *origin, envelope.stream))
    return origin, event


def _payload(envelope: Envelope) -> Payload:
    count = envelope.end - envelope.begin
    if count < 0:
        raise ProtocolError(f"records end ({envelope.end}) before they begin ({envelope.begin})")
    if count == 0 or envelope.kind == Kind.PROGRESS:
        if envelope.records or envelope.columns:
            raise ProtocolError("an event without records carries data")
        return None
    dtype = RECORDS.get(envelope.kind)
    if dtype is not None:
        data = envelope.records
        if data is None or len(data) != count * dtype.itemsize:
            raise ProtocolError(f"{count} records of {dtype.itemsize} bytes expected, {len(data or b'')} bytes found")
        return np.frombuffer(data, dtype=dtype)
    return _rows(envelope, count, envelope.columns or {})


def _placed(envelope: Envelope, kind: Kind, memory: placed.SourceMemory | None) -> Event:
    """The event of a block that lies in ``memory``."""
    count = envelope.end - envelope.begin
    if kind is not Kind.NEW_DATA or envelope.columns is not None or envelope.records is not None or count <= 0:
        raise ProtocolError("a message with places is one of NEW_DATA that has records and carries none")
    if envelope.slot is None or envelope.turn is None:
        raise ProtocolError("a message with places names no slot and turn")
    if memory is None:
        raise ProtocolError("a block lies in the memory of its source, which this reader does not have")
    data = memory.look(envelope.run, envelope.attempt, envelope.slot, envelope.turn)
    if data is None:
        return Event(kind, envelope.stream, envelope.end, envelope.end, envelope.watermark)
    columns: dict[str, Any] = {}
    cells = {column.name: column.per_asset for column in STREAMS[kind].columns}
    for name, begin in (envelope.places or {}).items():
        width = envelope.assets if cells.get(name, not name.startswith(EVERY)) else 1
        found = placed.part(data, begin, 8 * count * width)
        if found is None:
            raise ProtocolError(f"column {name}: {8 * count * width} bytes from {begin} on do not lie in a slot")
        columns[name] = found
    payload = _rows(envelope, count, columns)
    return Event(kind, envelope.stream, envelope.begin, envelope.end, envelope.watermark, payload)


def _rows(envelope: Envelope, count: int, columns: Mapping[str, Any]) -> Payload:
    stream = STREAMS[_KINDS[envelope.kind]]
    known = [column.name for column in stream.columns]
    more = [name for name in columns if name not in known]
    packed = {each.name: _packed(columns[each.name], each) for each in stream.records if each.name in more}
    strange = not stream.more_columns and len(packed) < len(more)
    if len(columns) - len(more) != len(known) or strange:
        raise ProtocolError(f"columns {sorted(columns)} found, {known} expected")
    arrays: list[Any] = [
        _array(columns[each.name], each.name, count, envelope, each.dtype, each.per_asset) for each in stream.columns
    ]
    if not stream.more_columns or not more:
        assert stream.rows is not None  # an event without records was let through before, and records have no columns
        return stream.rows(envelope.row, *arrays, **packed)
    frames = [name for name in more if name.startswith(EVERY)]
    return Block(
        envelope.row,
        *arrays,
        extra={name: _array(columns[name], name, count, envelope, "<f8", _CELL) for name in more if name not in frames},
        frames={name.removeprefix(EVERY): _array(columns[name], name, count, envelope, "<i8", _ROW) for name in frames},
    )


def _packed(data: bytes, column: PackedRecords) -> Any:
    size = column.dtype.itemsize
    if len(data) % size:
        raise ProtocolError(f"column {column.name}: {len(data)} bytes are no whole number of records of {size}")
    return np.frombuffer(data, dtype=column.dtype)


def _array(data: Any, name: str, count: int, envelope: Envelope, dtype: str, cell: bool) -> Any:
    """A column of bytes, or of the bytes of a slot, which it is a view of."""
    width = envelope.assets if cell else 1
    if len(data) != 8 * count * width:
        raise ProtocolError(f"column {name}: {8 * count * width} bytes expected, {len(data)} found")
    array = data.view(dtype) if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=dtype)
    return array.reshape(count, width) if cell else array


def encode_probe(run: str, attempt: int, role: str) -> list[bytes]:
    """A probe: what a member sends through the broker to hear that its own subscriptions work."""
    fields = {"v": VERSION, "kind": PROBE, "run": run, "attempt": attempt, "stream": role}
    return [topic(run, attempt, PROBE) + role.encode() + b"/", msgpack.packb(fields)]
