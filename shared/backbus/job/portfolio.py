"""The ``[portfolio]`` table of a job: capital, sizes, exits, limits of risk, margin, what holding costs, currencies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from backbus.job.own_models import Name, OwnSizing, Parameters, check_parameter_names
from backbus.job.section import Fraction, NonNegative, Positive, Section

Percent = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Limit = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=-1, le=10, allow_inf_nan=False)]


class FixedQuantity(Section):
    """A number of shares or contracts per entry."""

    model: Literal["fixed_quantity"]
    quantity: Positive


class FixedCash(Section):
    """An amount of cash per entry."""

    model: Literal["fixed_cash"]
    cash: Positive


class PercentOfEquity(Section):
    """A percentage of equity per entry."""

    model: Literal["percent_of_equity"]
    percent: Percent


class TargetWeight(Section):
    """A share of equity per asset; every signal trades to it, entries and repetitions alike."""

    model: Literal["target_weight"]
    weight: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class EqualWeight(Section):
    """An equal share of equity for each asset of the panel."""

    model: Literal["equal_weight"]


class VolatilityTarget(Section):
    """Entries sized so that each asset's share of the risk is ``target`` / assets.

    weight = target / (assets × σ × √bars_per_year), at most ``max_weight``; σ is the sample deviation of the last
    ``lookback`` simple returns.
    """

    model: Literal["volatility_target"]
    target: Positive
    lookback: int = Field(default=20, ge=2, le=10_000)
    max_weight: Positive = 1.0
    bars_per_year: Positive | None = None
    """A year's sessions times the bars of one where left out."""


Sizing = Annotated[
    FixedQuantity | FixedCash | PercentOfEquity | TargetWeight | EqualWeight | VolatilityTarget | OwnSizing,
    Field(discriminator="model"),
]


class Exits(Section):
    """Orders that come with every entry of a signal, at shares of the price at which it filled."""

    take_profit: Positive | None = None
    """A limit order so far on the winning side: 0.1 is 10 %."""
    stop_loss: Fraction | None = None
    """A stop order so far on the losing side."""
    trail: Fraction | None = None
    """A trailing stop so far behind the best price."""
    trail_from: Positive | None = None
    """The profit from which it trails, as a share of the entry's price; until then it sleeps."""
    trail_then: Fraction | None = None
    """By how much it trails from there on; until then it trails by ``trail``."""

    @model_validator(mode="after")
    def _trailing_stop(self) -> Exits:
        if self.trail is None and (self.trail_from is not None or self.trail_then is not None):
            name = "trail_then" if self.trail_from is None else "trail_from"
            raise ValueError(f"{name} is of a trailing stop, and there is none: set trail, how far behind it follows")
        if self.trail is not None and self.trail_then is not None:
            if self.trail_from is None:
                raise ValueError("trail_then needs trail_from, the profit from which it holds: 0.03 is 3 %")
            if self.trail_then >= self.trail:
                raise ValueError(
                    f"trail_then ({self.trail_then:g}) must be closer than trail ({self.trail:g}): a stop does not "
                    "step back; for one that sleeps until trail_from, leave trail_then out"
                )
        return self


class Limits(Section):
    """What risk lets pass; orders that go beyond are cut or refused, and what only closes never is. Exposures count all
    accepted orders as filled."""

    gross: Limit | None = None
    """Sum of all positions' worth, long or short, as a multiple of equity."""
    net: Limit | None = None
    """Long less short worth, either way."""
    weight: Limit | None = None
    """Worth of one asset's position."""
    positions: Annotated[int, Field(ge=1)] | None = None
    """Assets held at a time."""
    turnover: Limit | None = None
    """Worth of all orders of one session."""
    drawdown: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    """Loss from the highest equity at which everything is closed, and nothing opened any more; 1 is ruin."""


class Margin(Section):
    """What a margin account must keep, and what is done where it does not."""

    maintenance: Fraction | None = None
    """Equity that must be kept, as a share of the worth of all positions, long and short."""
    use: Name | None = None
    """In its place, a function of the user's that says what each position needs to be opened, and to be kept."""
    parameters: Parameters = Field(default={})
    """Numbers that the function is given by name."""
    call: Literal["pro_rata", "largest_first", "all"] = "pro_rata"
    """What a margin call closes until the initial margin (1 / leverage) holds again: the same share of every position,
    the largest positions first, or all."""

    @field_validator("parameters")
    @classmethod
    def _can_be_said(cls, parameters: dict[str, float]) -> dict[str, float]:
        return check_parameter_names(parameters)

    @model_validator(mode="after")
    def _one(self) -> Margin:
        if (self.maintenance is None) == (self.use is None):
            raise ValueError("give maintenance, a share of the positions' worth, or use, a function of your own")
        if self.parameters and self.use is None:
            raise ValueError("parameters are those of a function of your own: name it in use")
        return self


class Interest(Section):
    """What cash and positions bring and cost over time, as rates a year; booked at each new session for the calendar
    days since the one before."""

    cash: Rate = 0.0
    """On cash, less the worth of short positions."""
    debit: Rate = 0.0
    """On what is owed: as far as long positions exceed equity."""
    borrow: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = 0.0
    """On the worth of short positions."""
    days: Literal[360, 365] = 360
    """Days of a year by which rates count: 360 on the money markets of most currencies, 365 in sterling."""


class PortfolioSettings(Section):
    """Capital, sizes and what the account may do."""

    cash: Positive = 100_000.0
    sizing: Sizing = PercentOfEquity(model="percent_of_equity", percent=100.0)
    size_at: Literal["close", "open"] = "close"
    """Whether a size is decided at the close that decided the order, or at the open that fills it."""
    fees_in_size: bool = False
    """Whether a target weight pays for its fee as well, so that a share less may be bought."""
    lot: NonNegative = 1.0
    """Quantities are whole multiples of this; 0 allows any fraction."""
    shorts: bool = False
    leverage: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 1.0
    """Gross exposure that an order may bring about, as a multiple of equity."""
    at_end: Literal["keep", "close"] = "keep"
    """What becomes of positions at the run's last close: kept and valued there, or closed at it."""
    exits: Exits = Exits()
    cash_buffer: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
    """Fraction of equity that sizes leave out: what is there for costs and gaps."""
    drift_band: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
    """Target weights that differ by less than this share of equity from what is held are not traded."""
    limits: Limits = Limits()
    margin: Margin | None = None
    interest: Interest = Interest()
    currency: Annotated[str, Field(min_length=1, max_length=20)] = "USD"
    """What cash and equity are counted in."""
    rates: dict[str, str] = Field(default={})
    """For each other currency the symbol whose price is what one unit of it is worth in the account's: ``EUR =
    "EURUSD"``, or ``JPY = "1/USDJPY"`` where it is the other way round."""

    @model_validator(mode="after")
    def _margin_account(self) -> PortfolioSettings:
        if self.margin is None:
            return self
        if self.margin.maintenance is None:
            if self.leverage != 1.0:
                raise ValueError("leverage follows from what margin.use says: remove it")
        elif self.margin.maintenance > 1.0 / self.leverage:
            raise ValueError(
                f"margin.maintenance ({self.margin.maintenance:g}) is above the initial margin, 1 / leverage = "
                f"{1.0 / self.leverage:g}: an account could be called for what it was just allowed"
            )
        return self
