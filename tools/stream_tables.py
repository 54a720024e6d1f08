"""Write what the docs say of a run's streams anew from the one table of them: ``python -P tools/stream_tables.py``.

In ``docs/protocol.md`` the kinds' names and what stands between ``<!-- streams: NAME -->`` and ``<!-- end -->``: two
tables, a message of each kind, byte for byte, and one whose block lies in memory. In the page of each service of a run
the rows ``reads`` and ``writes``. A test tells where a page is not what this writes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from itertools import count, groupby
from pathlib import Path
from textwrap import wrap

import numpy as np

from backbus.streams import codec, placed
from backbus.streams.event import Event
from backbus.streams.topology import (
    DATA,
    READERS,
    SOURCES,
    STREAMS,
    Column,
    Kind,
    StreamType,
    compared_by,
    read_by,
    written_by,
)
from backbus.trading.records import Records

DOCS = Path(__file__).resolve().parent.parent / "docs"
TYPES = {"<i8": "int64", "<f8": "float64"}


def kinds() -> list[str]:
    """The table of kinds: their ends, and what their records and their watermarks are."""
    rows = [
        (kind, _writer(stream), _readers(stream), stream.contents, stream.watermark, _digest(stream))
        for kind, stream in STREAMS.items()
    ]
    head = ("kind", "said by", "read by", "a record is", "`through`", "digest")
    return _table(head, [*rows, ("PROBE", "anyone", "itself", "nothing", "0", "")])


def columns() -> list[str]:
    """The table of columns of the kinds that have any; columns that are told alike share a line."""
    rows: list[tuple[str, ...]] = []
    for kind, stream in STREAMS.items():
        lines = []
        for (dtype, cell, meaning), alike in groupby(stream.columns, key=lambda each: each[1:]):
            lines.append((_names(alike), ", ".join(filter(None, (TYPES[dtype], meaning))), _shape(cell)))
        for each in stream.records:
            told = f"{each.meaning}; left out where there are none"
            if not each.digested:
                told += ". Not counted in the stream's digest: they stand in a stream of their own"
            lines.append((f"`{each.name}`", told, ""))
        rows += [(kind if number == 0 else "", *line) for number, line in enumerate(lines)]
    return _table(("kind", "column", "type", "shape"), rows)


def sample(kind: Kind) -> Event:
    """A message of one record, of two assets where it has columns; its numbers count up from 1."""
    stream, numbers = STREAMS[kind], count(1)
    source = stream.writer or READERS[0]

    def record(dtype: np.dtype[np.void]) -> Records:
        return np.array([tuple(next(numbers) for _ in dtype.fields or ())], dtype=dtype)

    def values(column: Column) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        shape = (1, 2) if column.per_asset else (1,)
        return np.array([next(numbers) for _ in range(shape[-1])], dtype=column.dtype).reshape(shape)

    if stream.record is not None:
        return Event(kind, source, 2, 3, 18, record(stream.record))
    if stream.rows is not None:
        columns = [values(column) for column in stream.columns]
        return Event(kind, source, 2, 3, 18, stream.rows(2, *columns, *(record(each.dtype) for each in stream.records)))
    return Event(kind, source, 3, 3, 18)


def messages() -> list[str]:
    """A message of each kind in hexadecimal digits, under its topic."""
    return _shown([codec.encode(sample(kind), "job", 3) for kind in STREAMS] + [codec.encode_probe("job", 3, "reader")])


def placed_message() -> list[bytes]:
    """The message of the sample of NEW_DATA where its block lies in memory: the fifth, in slot 1."""
    return codec.encode(sample(Kind.NEW_DATA), "job", 3, placed.BlockPlace(1, 5, np.zeros(1024, dtype=np.uint8)))


def _shown(told: list[list[bytes]]) -> list[str]:
    lines = ["```text"]
    for topic, body in told:
        lines += [topic.decode(), *(f"  {part}" for part in wrap(body.hex(), 96))]
    return [*lines, "```"]


def reads(service: str) -> str:
    """The row that tells what a service subscribes to."""
    told = [_told(kind, STREAMS[kind]) for kind in read_by(service)]
    compared = compared_by(service)
    if compared:
        told.append(f"where it works the book out, {' and '.join(compared)}, to compare them")
    return f"| reads | {'; '.join(told)} |"


def writes(service: str) -> str:
    """The row that tells what a service publishes."""
    kinds = written_by(DATA if service in SOURCES else service)
    told = [_told(kind, STREAMS[kind]) for kind in kinds]
    return f"| writes | {'; '.join([*told, 'PROGRESS'] if service in READERS else told)} |"


def pages() -> dict[Path, str]:
    """Each page as it should be. Raises ValueError where one has no place for what belongs on it."""
    protocol = DOCS / "protocol.md"
    text = protocol.read_text(encoding="utf-8")
    parts = {"kinds": kinds(), "columns": columns(), "messages": messages(), "placed": _shown([placed_message()])}
    for name, lines in parts.items():
        body = "\n".join(lines)
        text = _put(protocol, text, rf"(<!-- streams: {name} -->\n).*?(\n<!-- end -->)", rf"\g<1>{body}\g<2>")
    names = " ".join((*STREAMS, "PROBE"))
    text = _put(protocol, text, r"^\| `kind` \| str \|[^\n]*$", f"| `kind` | str | always | `{names}` |")
    found = {protocol: text}
    for service in (*SOURCES, *READERS):
        page = DOCS / "services" / f"{service}.md"
        text = page.read_text(encoding="utf-8")
        for name, row in (("reads", reads(service)), ("writes", writes(service))):
            text = _put(page, text, rf"^\| {name} \|[^\n]*$", row)
        found[page] = text
    return found


def _put(page: Path, text: str, place: str, new: str) -> str:
    changed, count = re.subn(place, new, text, flags=re.MULTILINE | re.DOTALL)
    if count != 1:
        raise ValueError(f"{page} has {count} places that look like {place}")
    return changed


def _writer(stream: StreamType) -> str:
    if stream.writer is None:
        return "each reader of NEW_DATA"
    return f"{stream.writer}{', where the book is waited for' if stream.where_book_is_read else ''}"


def _readers(stream: StreamType) -> str:
    told = ", ".join(stream.readers)
    for what, roles in (("compared by", stream.compared_by), ("vouched for by", stream.vouched_by)):
        told += f"; {what} {', '.join(roles)}" if roles else ""
    return told


def _digest(stream: StreamType) -> str:
    return f"`{stream.digest}`" if stream.record is not None or stream.columns else ""


def _told(kind: str, stream: StreamType) -> str:
    if stream.writer is None:
        return f"{kind} of {', '.join(READERS)}"
    return f"{kind}{', where the strategy waits for the book' if stream.where_book_is_read else ''}"


def _names(columns: Iterable[Column]) -> str:
    return " ".join(f"`{column.name}`" for column in columns)


def _shape(per_asset: bool) -> str:
    return "[rows, assets]" if per_asset else "[rows]"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["|".join(("", *(f" {cell} " if cell else " " for cell in line), "")) for line in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def main() -> int:
    """Write the pages that are not as they should be."""
    for page, text in pages().items():
        if page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{page}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
