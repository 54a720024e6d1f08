"""``diff``: why two runs are not the same, from their folders alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backbus.api.verify import read_receipt
from backbus.errors import UsageError
from backbus.performance.marks import differing
from backbus.runs.differences import RunDifference, files_apart, first_row_apart, settings_apart, versions_apart
from backbus.runs.folder import RECEIPT_FILE
from backbus.runs.receipt import Receipt


@dataclass(frozen=True)
class Apart:
    """What tells two runs apart."""

    first: str
    second: str
    """Fingerprints."""
    differences: tuple[RunDifference, ...]
    """Settings, sources, data, backbus, then the first order and the first fill in which they part."""

    @property
    def same(self) -> bool:
        """Whether the same came out."""
        return self.first == self.second

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        told = [{**one._asdict(), "told": one.told()} for one in self.differences]
        return {"same": self.same, "fingerprints": [self.first, self.second], "differences": told}


def diff(first: Path, second: Path) -> Apart:
    """Compare the runs in two folders. Raises DataError for what cannot be read, UsageError for what is no run."""
    one, other = (read_receipt(folder / RECEIPT_FILE) for folder in (first, second))
    for folder, receipt in ((first, one), (second, other)):
        if receipt.kind != "run":
            raise UsageError(f"{folder} is of a {receipt.kind}; single runs are compared")
    return Apart(one.fingerprint, other.fingerprint, tuple(_apart(one, other, first, second)))


def _apart(one: Receipt, other: Receipt, first: Path, second: Path) -> Iterator[RunDifference]:
    yield from settings_apart(one.job, other.job)
    yield from files_apart("strategy", one.strategy, other.strategy)
    yield from files_apart("data", one.data, other.data)
    yield from _markets_apart(one, other)
    yield from versions_apart(one, other)
    if one.fingerprint != other.fingerprint:
        for table in ("orders", "fills"):
            found = first_row_apart(table, first, second)
            if found is not None:
                yield found


def _markets_apart(one: Receipt, other: Receipt) -> Iterator[RunDifference]:
    if one.symbols != other.symbols:
        yield RunDifference("data", "symbols", ", ".join(one.symbols), ", ".join(other.symbols))
        return
    if one.market is None or other.market is None or one.market == other.market:
        return
    apart = differing(one.market, other.market)
    if apart is not None:
        names = ", ".join(one.symbols[asset] for asset in apart.assets) or "all assets"
        where = f"row {apart.first}" if apart.stop == apart.first + 1 else f"rows {apart.first} to {apart.stop - 1}"
        yield RunDifference("bar", f"{where} of {names}", None, None)
