"""Whether a market has the volumes that a job's fills depend on.

An order that waits for a part of no volume would wait for ever, and nobody would say so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backbus.errors import JobError
from backbus.job.costs import Slippage
from backbus.job.instruments import Instrument
from backbus.job.job import Job
from backbus.market.panel import Source
from backbus.trading.slippage import looks_at_volume

_BLOCK_ROWS = 1 << 14


def refuse_without_volume(job: Job, source: Source) -> None:
    """Raise ``JobError`` where a setting needs a volume, and an asset that it is for has none in any bar."""
    needed = dict(_needed(job, source.layout.symbols))
    if not needed:
        return
    left = dict(needed)
    traded = np.zeros(source.layout.assets, dtype=np.bool_)
    for block in source.blocks(_BLOCK_ROWS):
        traded |= (~np.isnan(block.close)).any(axis=0)
        some = np.asarray((block.volume > 0.0).any(axis=0))
        left = {asset: field for asset, field in left.items() if not bool(some[asset])}
        if not left:
            return
    missing = [asset for asset in left if traded[asset]]
    if not missing:
        return
    symbols, field = source.layout.symbols, left[missing[0]]
    more = f" and {len(missing) - 1} more assets" if len(missing) > 1 else ""
    why = next((note for note in source.notes if "for the volume" in note or "no volume" in note), None)
    told = f" ({why})" if why else ""
    raise JobError(
        f"needs volumes, and {symbols[missing[0]]}{more} has none in any bar{told}; name the column by"
        " data.names.volume, or remove this setting",
        field=field,
    )


def _needed(job: Job, symbols: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """The assets whose orders need volumes, and the setting that says so."""
    execution = job.execution
    everywhere = "execution.volume_cap" if execution.volume_cap is not None else None
    if execution.no_volume == "wait":
        everywhere = everywhere or "execution.no_volume"
    lines: dict[int, Instrument] = {}
    for instrument in job.instruments:
        lines |= dict.fromkeys(instrument.chosen(symbols), instrument)
    for asset in range(len(symbols)):
        line = lines.get(asset)
        if line is not None and not line.traded:
            continue
        own: Slippage | None = None if line is None else line.slippage
        if everywhere:
            yield asset, everywhere
        elif looks_at_volume(own or execution.slippage):
            yield asset, "execution.slippage" if own is None else "instruments.slippage"
