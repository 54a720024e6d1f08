"""A market as CSV files that can be read again to the last bit: one file for each asset."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from itertools import repeat
from pathlib import Path
from typing import IO, Any

import numpy as np

from backbus.errors import UsageError
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Source
from backbus.together import held, hidden, show

BLOCK_ROWS = 8192


def write_csv(
    source: Source, folder: Path, *, calendar: str | None = None, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Write ``SYMBOL.csv`` for each asset into ``folder``, and return the fields of ``[data]`` that read them.

    Bars of whole sessions are stamped with their date, others with the instant in UTC at which they end. A bar that an
    asset does not have is no line in its file. All files appear at the end, or none; what is there is kept:
    ``UsageError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    symbols = source.layout.symbols
    paths = [folder / f"{symbol}.csv" for symbol in symbols]
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise UsageError(f"{there[0]} is there already; name another folder, or remove it")
    if any(Path(symbol).name != symbol for symbol in symbols):
        raise UsageError("a symbol with a slash cannot name a file")
    daily = source.layout.daily
    parts: dict[str, Path] = {}
    with held(folder, parts):
        for path in paths:
            parts[path.name] = hidden(folder, path.name)
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(part.open("w", encoding="utf-8")) for part in parts.values()]
            for file in files:
                file.write(f"{'date' if daily else 'timestamp'},{','.join((*FIELDS, *source.layout.columns))}\n")
            for block in source.blocks(BLOCK_ROWS):
                _write(block, files, daily)
                if progress is not None:
                    progress(block.first_row + len(block), len(source))
        show(folder, parts)
    fields: dict[str, Any] = {"files": "*.csv"}
    if daily:
        return fields if calendar is None else {**fields, "calendar": calendar}
    return {**fields, "dates": {"marks": "end"}}


def _write(block: Block, files: Sequence[IO[str]], daily: bool) -> None:
    whole = not (block.end % 1_000_000_000).any()
    stamps = (
        block.session.astype("M8[D]") if daily else block.end.astype("M8[ns]").astype("M8[s]" if whole else "M8[ns]")
    )
    texts = np.datetime_as_string(stamps, timezone="naive" if daily else "UTC").tolist()
    for asset, file in enumerate(files):
        columns = [getattr(block, name)[:, asset].tolist() for name in FIELDS]
        others = [values[:, asset].tolist() for values in block.extra.values()]
        more = zip(*others, strict=True) if others else repeat(())
        file.writelines(
            f"{text},{o!r},{h!r},{low!r},{c!r},{v!r}{''.join(',' + ('' if math.isnan(x) else repr(x)) for x in rest)}\n"
            for text, o, h, low, c, v, rest in zip(texts, *columns, more, strict=False)
            if c == c  # noqa: PLR0124  (a bar that is there)
        )
