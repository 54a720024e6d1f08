"""What a run is reported as: counts, figures, fingerprint, and what the reader has to know about them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from backbus.performance.metrics import Metrics
from backbus.performance.tails import Tails


class Counts(BaseModel):
    """Records of the run's streams, by what became of them."""

    model_config = ConfigDict(frozen=True)

    signals: int
    """Signals that the strategy emitted."""
    orders: int
    """Orders placed in the market."""
    fills: int
    refused: int
    """Wishes that never became an order."""
    refused_because: dict[str, int]
    """Refusals by reason."""
    forced: dict[str, int] = {}
    """Orders that the account itself asked for, after a margin call or to stop, by reason."""
    cut: int
    """Orders for less than was wanted."""
    cancelled: int
    """Orders taken back before they filled."""
    expired: int
    """Orders that were not, or not wholly, filled in their time, or when the data ended."""
    ended: int
    """Orders that ended with another: of its group, of its position, or the one that they belong to."""


class Report(BaseModel):
    """The result of a run. Equal runs have equal reports, byte for byte as JSON."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The job's name."""
    symbols: tuple[str, ...]
    assets: int
    rows: int
    """Traded rows, without warm-up."""
    warmup: int
    """Rows that were read before the first traded one."""
    sessions: int
    year: float = 0.0
    """Sessions in a year, by which figures are annualised."""
    year_because: str = ""
    """Where that is from, in words."""
    first_session: str | None
    """ISO date of the first traded session."""
    last_session: str | None
    first_time: str | None = None
    """When the first traded row's bars begin, in UTC, as far as it is known; else when they end."""
    last_time: str | None = None
    """When the last row's bars end, in UTC."""
    fingerprint: str
    """Hex BLAKE2b-128 of all fills and all equity: equal runs, equal fingerprints."""
    fills_digest: str
    equity_digest: str
    final_equity: float | None
    """In cash units; None only where a price that is not a number reached the book."""
    counts: Counts
    booked: dict[str, float] = {}
    """Cash from what was no fill, in cash units: interest, financing, borrow, dividend, split, delisting."""
    metrics: Metrics
    buy_and_hold: float | None = None
    """What the same assets rose by, bought for equal parts at their first close and held to their last, without costs;
    null where a benchmark is named, and of futures and several currencies."""
    undefined: dict[str, str] = {}
    """Why figures are null, by name."""
    tails: Tails = Tails()
    """Of session returns: what no single figure tells."""
    notes: tuple[str, ...]
    """What one should know before trusting the figures."""
    warnings: tuple[str, ...]
    """Findings of those who made the data, as they were handed in."""

    read: tuple[str, ...] = ()
    """How the data were read: which column was taken for what, which were left, and what stamps mark."""

    def __repr__(self) -> str:
        some = f"{self.rows} rows of {self.assets} asset{'s' if self.assets != 1 else ''}"
        equity = "no number" if self.final_equity is None else f"{self.final_equity:,.2f}"
        days = f"{self.first_session} to {self.last_session}"
        return f"<Report of {self.name!r}: {days}, {some}, final equity {equity}; fingerprint {self.fingerprint[:12]}>"

    __str__ = __repr__

    def to_json(self) -> str:
        """Canonical JSON, the text of ``report.json``."""
        return self.model_dump_json(indent=2) + "\n"
