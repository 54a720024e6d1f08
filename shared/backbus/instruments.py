"""What assets are, as a job says it: shares, futures, currencies, coins; their lots, price steps, multipliers, margins
and costs where they differ from the job's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from backbus.charges import Commission, Slippage, set_commission, set_slippage
from backbus.errors import JobError, no_symbol
from backbus.section import NonNegative, Positive, Section
from backbus.trading import rules as r

Lines = np.ndarray[Any, np.dtype[np.void]]

INVERSE = "1/"
"""What stands before a symbol whose price is how much of the currency one unit of the account's buys."""
LOTS = {"future": 1.0, "fx": 1.0, "crypto": 1e-8}
"""The lot of each kind where neither the instrument nor its kind's custom says otherwise: a job's own for shares."""


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


class Custom(NamedTuple):
    """What holds for every asset unless its instrument says otherwise."""

    lot: float
    borrow: float
    currency: str
    rates: Mapping[str, str]
    slippage: Slippage
    commission: Commission


def instruments_of(instruments: Iterable[Instrument], symbols: Sequence[str], custom: Custom) -> Lines:
    """[assets] ``INSTRUMENT`` records: the job's custom, and what its instruments say beyond; later ones win."""
    lines = np.zeros(len(symbols), dtype=r.INSTRUMENT)
    lot, slippage, commission = custom.lot, custom.slippage, custom.commission
    lines["lot"], lines["multiplier"], lines["borrow"] = lot, 1.0, custom.borrow
    lines["rate_of"], lines["traded"] = -1, 1
    set_slippage(lines, slippage)
    set_commission(lines, commission)
    rates = {currency: _rate_of(currency, symbols, custom) for currency in custom.rates}
    for instrument in instruments:
        for at in instrument.chosen(symbols):
            line = lines[at : at + 1]
            line["multiplier"], line["settles"] = instrument.multiplier, instrument.kind == "future"
            line["margin"] = instrument.margin or 0.0
            line["maintenance"] = instrument.maintenance or instrument.margin or 0.0
            line["traded"] = instrument.traded
            if instrument.borrow is not None:
                line["borrow"] = instrument.borrow
            if instrument.currency is not None:
                line["rate_of"], line["inverse"] = _known_rate(instrument.currency, rates, custom)
            own = instrument.lot
            line["lot"] = LOTS.get(instrument.kind, lot) if own is None else own
            if instrument.tick is not None:
                steps = 1.0 / instrument.tick
                line["tick"] = instrument.tick
                line["per_tick"] = round(steps) if steps >= 1.0 and abs(steps - round(steps)) < 1e-9 * steps else 0.0
            if instrument.slippage is not None:
                set_slippage(line, instrument.slippage)
            if instrument.commission is not None:
                set_commission(line, instrument.commission)
    lines.flags.writeable = False
    return lines


def _known_rate(currency: str, rates: Mapping[str, tuple[int, bool]], custom: Custom) -> tuple[int, bool]:
    """The rate of an instrument's currency; -1 where that is the account's."""
    if currency == custom.currency:
        return -1, False
    if currency not in rates:
        known = ", ".join([custom.currency, *rates])
        raise JobError(
            f"no rate of {currency!r} is known (the account has {known}): name the symbol whose price it is in "
            f'[portfolio.rates], for example {currency} = "{currency}{custom.currency}"',
            field="instruments.currency",
        )
    return rates[currency]


def _rate_of(currency: str, symbols: Sequence[str], custom: Custom) -> tuple[int, bool]:
    """The asset that a currency's rate is the price of, and whether that is the other way round."""
    field = f"portfolio.rates.{currency}"
    if currency == custom.currency:
        raise JobError("is the account's own currency, whose rate is 1: remove it", field=field)
    named = custom.rates[currency]
    symbol = named.removeprefix(INVERSE)
    if symbol not in symbols:
        raise JobError(no_symbol(symbol, symbols), field=field)
    return symbols.index(symbol), symbol != named
