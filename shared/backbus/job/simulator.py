"""The ``[simulator]`` table of a job: which assets, how each moves, how they hang together; ``scenarios`` befall them.

Here a market is read and checked as far as it can be without its history; ``backbus.simulator`` makes its bars.
Rates and volatilities are per year, as fractions: 0.2 is 20 %. A year has ``bars_per_year`` bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from backbus.job.scenarios import FlashCrash, Replay, Row, Scenario, Together
from backbus.job.section import Day, Positive, Section
from backbus.market.timeframes import interval_ns

Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1000, le=1000)]
Volatility = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Rows = Annotated[int, Field(ge=1)]

MOST_ROWS = 1_000_000_000
_ROUNDING = 1e-9


# --- how one asset moves --------------------------------------------------------------------------------------------


class RandomWalk(Section):
    """Each step goes up or down by the same part of the price, with even chances."""

    model: Literal["random_walk"]
    drift: Finite = 0.0
    volatility: Volatility


class Gbm(Section):
    """Geometric Brownian motion: the mean price grows by ``drift``."""

    model: Literal["gbm"]
    drift: Finite = 0.0
    volatility: Volatility


class Merton(Section):
    """Geometric Brownian motion with jumps (Merton 1976): ``jumps`` a year, normal in the logarithm of the price.

    The mean price grows by ``drift``, jumps included.
    """

    model: Literal["merton"]
    drift: Finite = 0.0
    volatility: Volatility
    jumps: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
    jump_mean: Annotated[float, Field(ge=-5, le=5, allow_inf_nan=False)] = 0.0
    jump_deviation: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = 0.0


class Heston(Section):
    """Stochastic variance (Heston 1993): dv = reversion × (mean − v) dt + volatility_of_variance × √v dW.

    ``volatility`` and ``long_volatility`` are the roots of the first and of the mean variance; ``correlation`` is that
    of the two noises. Full truncation (Lord, Koekkoek and van Dijk 2010) keeps the scheme sound where Feller's
    condition, 2 × reversion × mean ≥ volatility_of_variance², does not hold; the run's notes then say so.
    """

    model: Literal["heston"]
    drift: Finite = 0.0
    volatility: Volatility
    long_volatility: Volatility | None = None
    reversion: Positive
    volatility_of_variance: Volatility
    correlation: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = 0.0

    @property
    def mean(self) -> float:
        """The mean variance."""
        return (self.volatility if self.long_volatility is None else self.long_volatility) ** 2

    @property
    def feller(self) -> bool:
        """Whether the variance never reaches zero."""
        return 2.0 * self.reversion * self.mean >= self.volatility_of_variance**2


class Garch(Section):
    """GARCH(1,1) (Bollerslev 1986): a bar's variance is ω + alpha × (last shock)² + beta × last variance.

    ``volatility`` is the long-run one: ω = its variance per bar × (1 − alpha − beta).
    """

    model: Literal["garch"]
    drift: Finite = 0.0
    volatility: Volatility
    alpha: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    beta: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _stationary(self) -> Garch:
        if self.alpha + self.beta >= 1.0:
            raise ValueError(
                f"alpha + beta is {self.alpha + self.beta:g}: the variance has no long run; keep the sum below 1"
            )
        return self


class OrnsteinUhlenbeck(Section):
    """The logarithm of the price returns to that of ``level`` (the first price, where left out)."""

    model: Literal["ornstein_uhlenbeck"]
    level: Positive | None = None
    reversion: Positive
    volatility: Volatility


class Regime(Section):
    """One state of a market."""

    drift: Finite = 0.0
    volatility: Volatility
    rows: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """How long it lasts in the mean; the next is any of the others. Not beside ``transitions``."""


class RegimeSwitching(Section):
    """Geometric Brownian motion whose drift and volatility follow a Markov chain (Hamilton 1989), bar by bar."""

    model: Literal["regimes"]
    regimes: tuple[Regime, ...] = Field(min_length=2, max_length=100)
    transitions: tuple[tuple[float, ...], ...] | None = None
    """[from][to] chances per bar; each line adds up to 1."""
    first: Row = 0
    """The regime of the first bar, counted from 0."""

    @model_validator(mode="after")
    def _chain(self) -> RegimeSwitching:
        count = len(self.regimes)
        if self.first >= count:
            raise ValueError(f"first is {self.first}, but regimes are numbered 0 to {count - 1}")
        if self.transitions is None:
            missing = [number for number, regime in enumerate(self.regimes) if regime.rows is None]
            if missing:
                raise ValueError(f"regime {missing[0]} needs rows, how long it lasts, or give transitions for all")
            return self
        if any(regime.rows is not None for regime in self.regimes):
            raise ValueError("give either transitions, or rows for each regime")
        if [len(line) for line in self.transitions] != [count] * count:
            raise ValueError(f"transitions must be {count} lines of {count} chances")
        for number, line in enumerate(self.transitions):
            if any(not 0.0 <= chance <= 1.0 for chance in line) or abs(sum(line) - 1.0) > _ROUNDING:
                raise ValueError(f"line {number} of transitions must be chances from 0 to 1 that add up to 1")
        return self


class Bootstrap(Section):
    """Bars of history in blocks of random length (Politis and Romano 1994), ``block`` in the mean."""

    model: Literal["bootstrap"]
    of: str = Field(min_length=1)
    """The symbol in the job's ``[data]``. Assets with the same ``block`` take the same rows of history."""
    block: Annotated[float, Field(ge=1, le=1e9, allow_inf_nan=False)]


class History(Section):
    """The bars of history themselves, from their first one on, at another level: for scenarios to befall them."""

    model: Literal["history"]
    of: str = Field(min_length=1)


Path = Annotated[
    RandomWalk | Gbm | Merton | Heston | Garch | OrnsteinUhlenbeck | RegimeSwitching | Bootstrap | History,
    Field(discriminator="model"),
]


class Asset(Section):
    """One asset, or several of the same kind."""

    symbol: str = Field(min_length=1, max_length=100)
    copies: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """So many assets, named by ``symbol`` and a number from 1 on."""
    price: Positive = 100.0
    """The close before the first bar."""
    volume: Positive = 1_000_000.0
    """Units per bar, in the mean."""
    path: Path

    def names(self) -> tuple[str, ...]:
        """Its symbol, or those of all copies."""
        if self.copies is None:
            return (self.symbol,)
        width = len(str(self.copies))
        return tuple(f"{self.symbol}{number:0{width}d}" for number in range(1, self.copies + 1))


# --- how assets hang together ---------------------------------------------------------------------------------------


class Correlation(Section):
    """Of the noises that drive prices: one number for all pairs, a matrix, or loadings on common factors."""

    every: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None = None
    matrix: tuple[tuple[float, ...], ...] | None = None
    loadings: tuple[tuple[float, ...], ...] | None = None
    """[assets][factors]: the rest of each asset's noise is its own, so the squares of a line add up to at most 1."""

    @model_validator(mode="after")
    def _one(self) -> Correlation:
        if sum(given is not None for given in (self.every, self.matrix, self.loadings)) != 1:
            raise ValueError("give one of every, matrix and loadings")
        return self

    def check(self, assets: int) -> None:
        """ValueError where it does not fit so many assets or is no correlation."""
        if self.every is not None and assets > 1 and self.every < -1.0 / (assets - 1) - _ROUNDING:
            raise ValueError(
                f"every pair of {assets} assets cannot have a correlation of {self.every:g}; the least is "
                f"{-1.0 / (assets - 1):.4g}"
            )
        if self.loadings is not None:
            _check_loadings(self.loadings, assets)
        if self.matrix is not None:
            _check_matrix(self.matrix, assets)


def _check_loadings(loadings: Sequence[Sequence[float]], assets: int) -> None:
    widths = {len(line) for line in loadings}
    if len(loadings) != assets or len(widths) != 1 or 0 in widths:
        raise ValueError(f"loadings must be {assets} lines, one per asset, all with the same number of factors")
    for number, line in enumerate(loadings):
        if not sum(x * x for x in line) <= 1.0 + _ROUNDING:
            raise ValueError(f"line {number} of loadings: its squares add up to more than 1")


def _check_matrix(matrix: Sequence[Sequence[float]], assets: int) -> None:
    if len(matrix) != assets or any(len(line) != assets for line in matrix):
        raise ValueError(f"the matrix must be {assets} lines of {assets} numbers, one per asset")
    import numpy as np  # of all the settings only a matrix needs it

    values = np.array(matrix)
    if not np.all(np.isfinite(values)) or np.any(np.abs(np.diag(values) - 1.0) > _ROUNDING):
        raise ValueError("the matrix must have 1 on its diagonal and finite numbers elsewhere")
    apart = np.argwhere(np.abs(values - values.T) > _ROUNDING)
    if len(apart):
        one, other = apart[0]
        raise ValueError(f"the matrix is not symmetric: [{one}][{other}] and [{other}][{one}] differ")
    least = float(np.linalg.eigvalsh(values)[0])
    if least < -1e-8:
        raise ValueError(
            f"the matrix is not positive semi-definite (its least eigenvalue is {least:.4g}): no assets can be "
            "correlated like that; take smaller correlations"
        )


class Intraday(Section):
    """A day's shape: how many times as much there is at its two ends as in its middle. 1 is flat."""

    volume: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0
    volatility: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 1.0


class SimulatorSettings(Section):
    """A market that is made instead of read."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    rows: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    interval: str = "1d"
    start: Day = date(2000, 1, 3)
    """The day of the first bar, or the first session after it."""
    calendar: str | None = None
    """An exchange_calendars name such as XNYS; without one the market never closes."""
    bars_per_year: Positive | None = None
    """What a year is; by default the bars of a calendar's sessions, or of 365 days."""
    steps: Annotated[int, Field(ge=1, le=1000)] = 4
    """Moves within a bar, which its high, low and volume come from."""
    assets: tuple[Asset, ...] = Field(min_length=1)
    correlation: Correlation | None = None
    intraday: Intraday = Intraday()
    scenarios: tuple[Scenario, ...] = ()

    @field_validator("interval")
    @classmethod
    def _length(cls, value: str) -> str:
        interval_ns(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> SimulatorSettings:
        names = self.symbols
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two assets are named {twice!r}")
        if self.correlation is not None:
            self.correlation.check(len(names))
        for number, scenario in enumerate(self.scenarios):
            self._check(number, scenario, names)
        if self.needs_history and self.steps < 3:
            raise ValueError(
                "where bars of history are used, steps must be at least 3: to one end, the other, the close"
            )
        return self

    def _check(self, number: int, scenario: Scenario, names: tuple[str, ...]) -> None:
        place = f"scenarios.{number} ({scenario.scenario})"
        if scenario.stop > self.rows:
            raise ValueError(f"{place} reaches row {scenario.stop - 1}, but the last one is {self.rows - 1}")
        for symbol in scenario.symbols or ():
            if symbol not in names:
                raise ValueError(f"{place} befalls {symbol!r}, which is not among the assets")
        if isinstance(scenario, Together):
            Correlation(every=scenario.value).check(len(names))
        if isinstance(scenario, FlashCrash) and self.steps < 2:
            raise ValueError(f"{place} needs at least 2 steps within a bar")

    @property
    def symbols(self) -> tuple[str, ...]:
        """All assets, in the order of the panel."""
        return tuple(name for asset in self.assets for name in asset.names())

    @property
    def needs_history(self) -> bool:
        """Whether bars of the job's ``[data]`` are used."""
        return any(isinstance(asset.path, Bootstrap | History) for asset in self.assets) or any(
            isinstance(scenario, Replay) for scenario in self.scenarios
        )

    @property
    def interval_ns(self) -> int:
        """Nanoseconds from one bar to the next."""
        return interval_ns(self.interval)
