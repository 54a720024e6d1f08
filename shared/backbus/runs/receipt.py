"""What a run was made of and what came out: enough to see, months later and on another machine, that it comes again.

Nothing in a receipt is of the machine or its clock, and no path but those that the job names: equal runs have equal
receipts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from backbus.jit.sources import sources_hash, versions
from backbus.performance.marks import Marks
from backbus.performance.report import Report

FORMAT = 1
Kind = Literal["run", "sweep", "walk_forward", "cpcv", "monte_carlo"]
_NO_MATTER = ("name", "run")
"""Tables of a job that change no result."""


class Receipt(BaseModel):
    """One run's. Its text is ``receipt.json`` (docs/receipts.md)."""

    model_config = ConfigDict(frozen=True)

    receipt: int = FORMAT
    """Which form of receipt this is."""
    kind: Kind
    name: str
    """The job's."""
    fingerprint: str
    """What came out: the run's fingerprint, or the SHA-256 of a sweep's table."""
    fills: str | None = None
    """Digest of a run's fills."""
    equity: str | None = None
    """Digest of a run's equity."""
    job: dict[str, Any]
    """The job as it was resolved, defaults and all."""
    job_hash: str
    """Of all of it that can change a result."""
    strategy: dict[str, str]
    """Hash of each file that the strategy and the user's own models were made of; empty for a built-in."""
    data: dict[str, str]
    """Hash of each file of prices, by its name in the job; empty where bars were handed over or simulated."""
    symbols: tuple[str, ...] = ()
    """A run's."""
    rows: int = 0
    """A run's traded ones."""
    first_session: str | None = None
    last_session: str | None = None
    market: Marks | None = None
    """What tells its bars from others."""
    backbus: str
    """Its version."""
    sources: str
    """Hash of those of its files that take part in results."""
    versions: dict[str, str]
    """Of the interpreter, and of the libraries that take part."""

    def __repr__(self) -> str:
        days = "" if self.first_session is None else f"{self.first_session} to {self.last_session}, "
        of = f"{len(self.strategy)} files of its strategy, {len(self.data)} of prices"
        return f"<Receipt of the {self.kind} {self.name!r}: {days}fingerprint {self.fingerprint[:12]}, {of}>"

    __str__ = __repr__

    def to_json(self) -> str:
        """The text of ``receipt.json``."""
        return self.model_dump_json(indent=1) + "\n"

    def hashes(self) -> dict[str, Any]:
        """All but the long parts: the job, and the sums over its market, of which only the digest."""
        told = self.model_dump(mode="json", exclude={"job", "market", "symbols"})
        return {**told, "market": None if self.market is None else self.market.digest}


def job_hash(fields: Mapping[str, Any]) -> str:
    """Hex BLAKE2b-128 of a job's plain values, but for those that change no result."""
    told = {name: value for name, value in fields.items() if name not in _NO_MATTER}
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()


class MadeWith(BaseModel):
    """Which backbus computed something."""

    model_config = ConfigDict(frozen=True)

    backbus: str
    sources: str
    versions: dict[str, str]


def made_here() -> MadeWith:
    """This one."""
    return MadeWith(backbus=version("backbus"), sources=sources_hash(), versions=dict(versions()))


def receipt_of_sweep(
    summary: Mapping[str, Any],
    fields: Mapping[str, Any],
    strategy: Mapping[str, str],
    data: Mapping[str, str],
    made: MadeWith,
) -> Receipt:
    """A sweep's receipt, likewise."""
    return Receipt(
        kind=kind_of(summary),
        fingerprint=summary["table_sha256"],
        **_made_of(fields, strategy, data, made),
    )


def _made_of(
    fields: Mapping[str, Any], strategy: Mapping[str, str], data: Mapping[str, str], made: MadeWith
) -> dict[str, Any]:
    """What receipts of all kinds tell."""
    return {
        "name": fields["name"],
        "job": dict(fields),
        "job_hash": job_hash(fields),
        "strategy": dict(sorted(strategy.items())),
        "data": dict(sorted(data.items())),
        **made.model_dump(),
    }


def kind_of(summary: Mapping[str, Any]) -> Kind:
    """What kind of search a summary is of."""
    kind: Kind = summary.get("kind", "sweep")
    return kind


def receipt_of_run(
    report: Report,
    market: Marks | None,
    fields: Mapping[str, Any],
    strategy: Mapping[str, str],
    data: Mapping[str, str],
    made: MadeWith,
) -> Receipt:
    """A run's receipt: ``fields`` are its job's plain values, ``strategy`` and ``data`` hashes of files by name."""
    return Receipt(
        kind="run",
        fingerprint=report.fingerprint,
        fills=report.fills_digest,
        equity=report.equity_digest,
        symbols=report.symbols,
        rows=report.rows,
        first_session=report.first_session,
        last_session=report.last_session,
        market=market,
        **_made_of(fields, strategy, data, made),
    )
