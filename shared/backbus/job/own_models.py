"""Models of a user's own: functions of the strategy's file that say what trading costs, how much is held, and what must
be kept for it.

A job names each and gives it its parameters; what the names stand for is brought beside the job (``Job.given``), since
a job is data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from keyword import iskeyword
from typing import Annotated, Literal, NamedTuple, Protocol, get_args

from pydantic import Field, field_validator

from backbus.job.section import Section

MOST_PARAMETERS = 32
Parameter = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Parameters = Annotated[dict[str, Parameter], Field(max_length=MOST_PARAMETERS)]
Name = Annotated[str, Field(min_length=1, max_length=4096)]
Lookback = Annotated[int, Field(ge=2, le=10_000)]


def check_parameter_names(parameters: dict[str, float]) -> dict[str, float]:
    """The same parameters; ValueError where the function could not say one of their names."""
    for name in parameters:
        if not name.isidentifier() or iskeyword(name) or name.startswith("_"):
            raise ValueError(f"{name!r} is no name that the function could say: parameters.{name}")
    return parameters


class OwnModel(Section):
    """A function of the user's: ``file.py:name``, or a name alone in the strategy's own file."""

    model: Literal["own"]
    use: Name
    parameters: Parameters = Field(default={})
    """Numbers that the function is given by name."""

    @field_validator("parameters")
    @classmethod
    def _can_be_said(cls, parameters: dict[str, float]) -> dict[str, float]:
        return check_parameter_names(parameters)


class OwnSlippage(OwnModel):
    """Orders fill at the price that a function of the user's says."""

    column: str | None = Field(default=None, min_length=1)
    """Quoted spreads in price units, that the function is told the last one of."""
    lookback: Lookback | None = None
    """Bars whose deviation and mean volume the function is told."""
    limit: Share | None = None
    """The share of a bar's volume that may fill. With it the function is told which share an order takes."""


class OwnCommission(OwnModel):
    """A fill costs the fee that a function of the user's says."""


class OwnSizing(OwnModel):
    """A signal holds as many units as a function of the user's says."""

    lookback: Lookback | None = None
    """Returns whose deviation the function is told."""


ModelKind = Literal["slippage", "commission", "sizing", "margin"]


class OwnUse(NamedTuple):
    """One place of a job that names a function."""

    kind: ModelKind
    use: str
    parameters: Mapping[str, float]
    field: str


KINDS: tuple[ModelKind, ...] = get_args(ModelKind)


def swept_uses(path: str, values: Iterable[object]) -> Iterator[OwnUse]:
    """The functions that values of an axis of a sweep name: as tables of models, or in place of the name alone."""
    *tables, last = path.split(".")
    for value in values:
        kind = next((kind for kind in KINDS if kind == (tables[-1] if last == "use" and tables else last)), None)
        if kind is None:
            continue
        if last == "use" and isinstance(value, str):
            yield OwnUse(kind, value, {}, path)
        elif isinstance(value, Mapping) and isinstance(value.get("use"), str):
            yield OwnUse(kind, str(value["use"]), value.get("parameters", {}), path)


class BoundModel(Protocol):
    """A function with its parameters, as compiled loops call it."""

    @property
    def address(self) -> int:
        """Where compiled code finds it."""
        ...

    @property
    def context(self) -> int:
        """Where its parameters lie, and what went wrong in it."""
        ...

    @property
    def notes(self) -> list[str]:
        """What is to be said of it: that it is plain Python, and what that costs."""
        ...

    def answers(self) -> list[str]:
        """What it says to numbers that are the same everywhere, with these numbers."""
        ...

    def look(self, *, over: bool = False) -> None:
        """Raise StrategyError where a call of it went wrong; ``over``: or where it remembers something of the run."""
        ...

    def overdrawn(self, cash: float) -> Exception:
        """What to raise where an account that may owe nothing owes something, because of it."""
        ...


class UserFunction(Protocol):
    """A function of the user's."""

    def bound(self, kind: str, parameters: Mapping[str, float]) -> BoundModel:
        """It with its parameters, as a model of this kind; StrategyError where it cannot be one."""
        ...
