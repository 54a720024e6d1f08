"""What assets are, as a job says it: shares, futures, currencies, coins; their lots, price steps, multipliers, margins
and costs where they differ from the job's."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbus.errors import JobError, no_symbol
from backbus.job.costs import Commission, Slippage
from backbus.job.section import NonNegative, Positive, Section


class Instrument(Section):
    """One line of ``[[instruments]]``: some assets and what is particular about them."""

    symbols: str | tuple[str, ...]
    """Names, or patterns with ``*`` and ``?``."""
    kind: Literal["equity", "future", "fx", "crypto"] = "equity"
    multiplier: Positive = 1.0
    """What one unit is worth where its price is 1."""
    margin: Positive | None = None
    """Of a future: money locked for each contract, long or short."""
    tick: Positive | None = None
    """The step of prices: orders' prices lie on it, and so do prices that slippage makes."""
    lot: NonNegative | None = None
    maintenance: Positive | None = None
    """Of a future: money that must be kept for each contract; its margin where left out."""
    currency: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    """What it is priced in: the account's where left out, or one of ``portfolio.rates``."""
    borrow: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    """What a short position costs a year, as a share of its worth; the job's where left out."""
    traded: bool = True
    """Whether orders are taken: not of what is there to be looked at only, a rate or an index."""
    slippage: Slippage | None = None
    commission: Commission | None = None

    @property
    def patterns(self) -> tuple[str, ...]:
        """Names and patterns, as they were given."""
        return (self.symbols,) if isinstance(self.symbols, str) else self.symbols

    @model_validator(mode="after")
    def _whole(self) -> Instrument:
        if not self.patterns or not all(self.patterns):
            raise ValueError("symbols names at least one asset")
        if self.kind == "future" and self.margin is None:
            raise ValueError("a future needs its margin: the money that is locked for each contract")
        if self.kind != "future" and self.margin is not None:
            raise ValueError(f"margin is for futures, not for kind = {self.kind!r}")
        if self.maintenance is not None and (self.margin is None or self.maintenance > self.margin):
            raise ValueError("maintenance is for futures, and not above their margin")
        return self

    def chosen(self, symbols: Sequence[str]) -> list[int]:
        """Which of ``symbols`` this is about. Raises JobError where a name or pattern fits none."""
        found: set[int] = set()
        for pattern in self.patterns:
            fits = {at for at, symbol in enumerate(symbols) if fnmatchcase(symbol, pattern)}
            if not fits:
                raise JobError(no_symbol(pattern, symbols), field="instruments.symbols")
            found |= fits
        return sorted(found)
