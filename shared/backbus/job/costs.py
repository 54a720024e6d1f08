"""The ``[execution]`` table of a job: when orders fill, and what trading costs.

Slippage and commission by their models, the schedules of some brokers by name, and a user's own functions.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from backbus.job.own_models import OwnCommission, OwnSlippage, Share
from backbus.job.section import NonNegative, Section

MOST_TIERS = 8
"""Of a commission: records of numbers have as much room."""
BasisPoints = Annotated[float, Field(ge=0, lt=10_000, allow_inf_nan=False)]
Rebate = Annotated[float, Field(gt=-10_000, lt=10_000, allow_inf_nan=False)]


class NoSlippage(Section):
    """Orders fill at the market's price."""

    model: Literal["none"]


class BasisPointsSlippage(Section):
    """Orders fill worse by basis points of the price."""

    model: Literal["bps"]
    bps: BasisPoints


class HalfSpread(Section):
    """Orders fill worse by half of a quoted spread: one for all, in price units, or that of a column of the data."""

    model: Literal["half_spread"]
    spread: NonNegative | None = None
    column: str | None = Field(default=None, min_length=1)
    """Quoted spreads in price units; the one last seen before the bar counts."""

    @model_validator(mode="after")
    def _one(self) -> HalfSpread:
        if (self.spread is None) == (self.column is None):
            raise ValueError("give spread, in price units, or the column of the data that has it")
        return self


class VolumeShare(Section):
    """Orders fill worse by impact × (quantity / the bar's volume)² of the price, and no more than a limit of the volume
    fills. The model of zipline, with its defaults."""

    model: Literal["volume_share"]
    impact: NonNegative = 0.1
    limit: Share = 0.025


class SquareRoot(Section):
    """Orders fill worse by impact × σ × √(quantity / mean volume) of the price; σ and the mean are of the last
    ``lookback`` bars before."""

    model: Literal["square_root"]
    impact: NonNegative = 1.0
    lookback: int = Field(default=20, ge=2, le=10_000)


Slippage = Annotated[
    NoSlippage | BasisPointsSlippage | HalfSpread | VolumeShare | SquareRoot | OwnSlippage,
    Field(discriminator="model"),
]


class Tier(Section):
    """A rate from some volume of the calendar month on: units for a fee per share, money for basis points."""

    volume: NonNegative
    fee: NonNegative | None = None
    """Per share."""
    bps: BasisPoints | None = None


Tiers = Annotated[tuple[Tier, ...], Field(max_length=MOST_TIERS)]


def _check_tiers(tiers: tuple[Tier, ...], rate: str) -> None:
    other = "bps" if rate == "fee" else "fee"
    for tier in tiers:
        if getattr(tier, rate) is None or getattr(tier, other) is not None:
            raise ValueError(f"each of the tiers has volume and {rate}")
    volumes = [tier.volume for tier in tiers]
    if volumes != sorted(set(volumes)):
        raise ValueError("volumes of tiers rise from one to the next")


class NoCommission(Section):
    """Trading is free."""

    model: Literal["none"]


class PerShare(Section):
    """A fee per share, beside one per order where there is one, with a floor and a ceiling per order."""

    model: Literal["per_share"]
    fee: NonNegative
    order: NonNegative = 0.0
    """Once per order, in however many parts it fills."""
    minimum: NonNegative = 0.0
    maximum: NonNegative | None = None
    maximum_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    """Of the order's value; it may be less than the minimum."""
    tiers: Tiers = ()

    @model_validator(mode="after")
    def _in_order(self) -> PerShare:
        if self.maximum is not None and self.maximum < self.minimum:
            raise ValueError(f"maximum ({self.maximum}) is below minimum ({self.minimum})")
        _check_tiers(self.tiers, "fee")
        return self


class PerOrder(Section):
    """One fee for each order that fills."""

    model: Literal["per_order"]
    fee: NonNegative


class BasisPointsCommission(Section):
    """A fee in basis points of the traded value, beside one per order where there is one."""

    model: Literal["bps"]
    bps: BasisPoints
    order: NonNegative = 0.0
    """Once per order, in however many parts it fills."""
    tiers: Tiers = ()

    @model_validator(mode="after")
    def _in_order(self) -> BasisPointsCommission:
        _check_tiers(self.tiers, "bps")
        return self


class MakerTaker(Section):
    """Basis points of the traded value: one rate for limit orders that were met while they waited, one for all
    others."""

    model: Literal["maker_taker"]
    maker: Rebate
    """Below zero it is a rebate."""
    taker: BasisPoints


class Preset(Section):
    """A published schedule by its name."""

    model: Literal["preset"]
    name: Literal["ibkr_fixed", "ibkr_tiered", "ibkr_futures_fixed", "ibkr_futures_tiered", "binance_spot"]


Commission = Annotated[
    NoCommission | PerShare | PerOrder | BasisPointsCommission | MakerTaker | Preset | OwnCommission,
    Field(discriminator="model"),
]

PRESETS: dict[str, PerShare | MakerTaker] = {
    "ibkr_fixed": PerShare(model="per_share", fee=0.005, minimum=1.0, maximum_percent=1.0),
    "ibkr_tiered": PerShare(
        model="per_share",
        fee=0.0035,
        minimum=0.35,
        maximum_percent=1.0,
        tiers=(
            Tier(volume=300_000, fee=0.002),
            Tier(volume=3_000_000, fee=0.0015),
            Tier(volume=20_000_000, fee=0.001),
            Tier(volume=100_000_000, fee=0.0005),
        ),
    ),
    "ibkr_futures_fixed": PerShare(model="per_share", fee=0.85),
    "ibkr_futures_tiered": PerShare(
        model="per_share",
        fee=0.85,
        tiers=(Tier(volume=1_000, fee=0.65), Tier(volume=10_000, fee=0.45), Tier(volume=20_000, fee=0.25)),
    ),
    "binance_spot": MakerTaker(model="maker_taker", maker=10.0, taker=10.0),
}
"""As published: Interactive Brokers' commissions on US stocks, fixed and tiered (without the fees of exchanges and
clearing that the tiered schedule passes on), http://iursecurities.com/commissions/ and its page of tiers; its
commissions on US futures in dollars, a contract, without the fees of exchanges and regulators that both schedules pass
on, https://www.interactivebrokers.ie/en/pricing/commissions-futures.php; Binance's spot fees of a regular user, 0.10 %
both ways."""


class ExecutionSettings(Section):
    """When orders fill and what filling costs."""

    fill: Literal["open", "close"] = "open"
    """``open``: at the next bar's open. ``close``: at the close that decided them; the report says so."""
    path: Literal["worst", "open-low-high-close", "open-high-low-close", "nearest-first"] = "worst"
    """Which way a price takes within a bar, where more than one order could fill."""
    trail_by: Literal["high_low", "close"] = "high_low"
    """Whether trailing stops follow highs and lows, or closes."""
    volume_cap: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    """The share of a bar's volume that may fill in each asset; what is left carries on in later bars."""
    no_volume: Literal["fill", "wait"] = "fill"
    """What orders do in a bar without volume; they wait where there is a cap."""
    slippage: Slippage = NoSlippage(model="none")
    commission: Commission = NoCommission(model="none")
