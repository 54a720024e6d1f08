"""Control messages to bytes and back: one msgpack map each. What cannot be read raises ``ProtocolError``, no more."""

from __future__ import annotations

from typing import Annotated, Any

import msgpack
from pydantic import Field, TypeAdapter, ValidationError

from backbus.errors import ProtocolError
from backbus.streams.codec import unpack
from backbus.transport import control as c

DEEPEST = 32
"""How deep a message may be nested: what is accepted here must be packed again for others, which has its limits."""

Request = Annotated[
    c.Hello
    | c.Heartbeat
    | c.Ready
    | c.End
    | c.Fault
    | c.PutReport
    | c.HaveBlobs
    | c.PutBlob
    | c.GetBlob
    | c.Submit
    | c.Jobs
    | c.Show
    | c.Cancel
    | c.Pause
    | c.Resume
    | c.Status
    | c.Want
    | c.GetInputs
    | c.GetChunks
    | c.GetPoints
    | c.Total
    | c.PutChunk
    | c.PutPoints
    | c.PutTable
    | c.LeaseFault
    | c.Ok
    | c.Error,
    Field(discriminator="kind"),
]
Order = Annotated[c.Assign | c.Start | c.Release | c.Lease | c.Ok | c.Error, Field(discriminator="kind")]

_REQUEST: TypeAdapter[Any] = TypeAdapter(Request)
_ORDER: TypeAdapter[Any] = TypeAdapter(Order)


def order_name(epoch: int, number: int) -> str:
    """The id of an order: orders of one epoch are numbered from 1 in the order in which they were given."""
    return f"{epoch}.{number}"


def order_number(name: str) -> int:
    """The number in an order's id; 0 where there is none."""
    number = name.rpartition(".")[2]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0


def pack(message: c.Message) -> bytes:
    """The bytes of a message."""
    packed: bytes = msgpack.packb(message.model_dump())
    return packed


def read_request(frame: bytes) -> Any:
    """What arrived at the orchestrator, or ``ProtocolError``."""
    return _read(_REQUEST, frame)


def read_order(frame: bytes) -> Any:
    """What arrived from the orchestrator, or ``ProtocolError``."""
    return _read(_ORDER, frame)


def _read(adapter: TypeAdapter[Any], frame: bytes) -> Any:
    fields = unpack(frame)
    if _deeper(fields, DEEPEST):
        raise ProtocolError(f"values lie more than {DEEPEST} deep in each other")
    try:
        return adapter.validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"field {where or '(message)'}: {first['msg']}") from None


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(one, levels - 1) for one in inner if isinstance(one, dict | list))


def id_of(frame: bytes) -> str:
    """The id of a message that could not be read otherwise, so that its sender can be told; "0" if there is none."""
    try:
        fields = unpack(frame)
    except ProtocolError:
        return "0"
    name = fields.get("id") if isinstance(fields, dict) else None
    return name if isinstance(name, str) and 0 < len(name) <= 100 else "0"
