"""What befalls a made market, as a job's ``[simulator]`` says it: crashes, bubbles, gaps, halts, droughts.

``backbus.simulator.scenarios`` lets them happen.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from backbus.job.section import Day, Fraction, Section

Row = Annotated[int, Field(ge=0)]
Rows = Annotated[int, Field(ge=1)]


class _Scenario(Section):
    symbols: tuple[str, ...] | None = None
    """Which assets it befalls; all where left out."""
    row: Row
    """The first row that it touches, counted from 0."""

    @field_validator("symbols", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @property
    def stop(self) -> int:
        """The row after the last one that must lie within the market."""
        return self.row + 1


class _Lasting(_Scenario):
    rows: Rows

    @property
    def stop(self) -> int:
        """The row after its last one."""
        return self.row + self.rows


class Crash(_Lasting):
    """A fall by ``depth`` over ``rows``, and the way back over ``recovery`` rows, as far as ``recovered``."""

    scenario: Literal["crash"]
    depth: Fraction
    recovery: Annotated[int, Field(ge=0)] = 0
    recovered: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0

    @property
    def stop(self) -> int:
        """The row after the recovery."""
        return self.row + self.rows + self.recovery


class FlashCrash(_Scenario):
    """A fall by ``depth`` within one bar, undone by its close, or by that of the bar ``rows`` − 1 later."""

    scenario: Literal["flash_crash"]
    depth: Fraction
    rows: Rows = 1

    @property
    def stop(self) -> int:
        """The row after the last one of the way back."""
        return self.row + self.rows


class Bubble(_Lasting):
    """A rise by ``height`` that goes ever faster over ``rows``, and its ``collapse`` over ``burst`` rows."""

    scenario: Literal["bubble"]
    height: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    burst: Rows
    collapse: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0

    @property
    def stop(self) -> int:
        """The row after the burst."""
        return self.row + self.rows + self.burst


class Trend(_Lasting):
    """A steady change of the price by the part ``change`` over ``rows``, on top of what it does anyway."""

    scenario: Literal["trend"]
    change: Annotated[float, Field(gt=-1, le=1000, allow_inf_nan=False)]


class TradingRange(_Lasting):
    """Prices thrown back from a floor and a ceiling, the part ``width`` away from where they were."""

    scenario: Literal["range"]
    width: Fraction


class VolatilityShock(_Lasting):
    """Moves ``factor`` times as large; with ``fades`` the factor falls back to 1 over ``rows``."""

    scenario: Literal["volatility_shock"]
    factor: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
    fades: bool = False


class Gap(_Scenario):
    """The bar opens the part ``size`` away from the close before it."""

    scenario: Literal["gap"]
    size: Annotated[float, Field(gt=-1, le=1000, allow_inf_nan=False)]


class Drought(_Lasting):
    """Volume times ``factor``, and moves times ``impact``, since little moves a thin market."""

    scenario: Literal["drought"]
    factor: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
    impact: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 1.0


class Halt(_Lasting):
    """No bars; the first one after opens where the price has gone meanwhile."""

    scenario: Literal["halt"]


class PriceLimits(_Lasting):
    """No price further than ``limit`` from the last close of the session before."""

    scenario: Literal["price_limits"]
    limit: Fraction


class Together(_Lasting):
    """Another correlation of all pairs for a while: near 1 in a panic, 0 where what held together falls apart."""

    scenario: Literal["correlation"]
    value: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _of_all(self) -> Together:
        if self.symbols is not None:
            raise ValueError("a correlation is one of all assets: leave symbols out")
        return self


class Delisting(_Scenario):
    """No bars from ``row`` on, after a last one that closes lower by the part ``final``."""

    scenario: Literal["delisting"]
    final: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0


class Replay(_Lasting):
    """The moves of history from a day on, in place of the model's, at the level of the moment."""

    scenario: Literal["replay"]
    of: str = Field(min_length=1)
    """The symbol in the job's ``[data]``."""
    since: Day
    """The first day that is replayed."""


Scenario = Annotated[
    Crash
    | FlashCrash
    | Bubble
    | Trend
    | TradingRange
    | VolatilityShock
    | Gap
    | Drought
    | Halt
    | PriceLimits
    | Together
    | Delisting
    | Replay,
    Field(discriminator="scenario"),
]
