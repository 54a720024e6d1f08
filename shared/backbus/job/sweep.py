"""The ``[sweep]`` table of a job: which parameters are tried with which values, how they are chosen, what is best.

Here a search is read and checked as far as it can be without knowing the strategy; ``backbus.sweep`` makes its points.
"""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

from pydantic import Field, ValidationInfo, field_validator

from backbus.job.axes import Axis, AxisField, Distribution, Range
from backbus.job.section import Section

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
LEAST_GROUPS, MOST_SPLITS = 3, 10_000
"""Of a cross-validation."""
SEED = "simulator.seed"
"""What tells the markets of a Monte-Carlo job apart."""


class Objective(NamedTuple):
    """A figure of the report to make as large, or as small, as can be."""

    metric: str
    direction: Literal["maximize", "minimize"]


class WalkForwardSettings(Section):
    """Folds in time, in sessions: points compete in ``train``, the best of them is run in the ``test`` after it."""

    train: int = Field(ge=2)
    test: int = Field(ge=1)
    step: int | None = Field(default=None, ge=1)
    """From one test range to the next; as long as ``test``, where left out."""
    anchored: bool = False
    """Whether each train range begins at the first session, and grows."""
    history: int = Field(default=0, ge=0)
    """Sessions before the first train range that nothing is traded in, so that points know their past in every fold."""

    @field_validator("step")
    @classmethod
    def _apart(cls, value: int | None, info: ValidationInfo) -> int | None:
        test = info.data.get("test")
        if value is not None and test is not None and value < test:
            raise ValueError(f"is below test ({test}): test ranges would overlap, and their sessions count twice")
        return value


class CrossValidationSettings(Section):
    """Combinatorial purged cross-validation: of ``groups`` of sessions, each ``test_groups`` are tested once."""

    groups: int = Field(ge=LEAST_GROUPS, le=50)
    test_groups: int = Field(default=2, ge=1)
    purge: int = Field(default=0, ge=0)
    """Sessions next to a test range that its train set does without, on both sides."""
    embargo: int = Field(default=0, ge=0)
    """Further sessions after a test range that its train set does without."""
    history: int = Field(default=0, ge=0)
    """Sessions before the first group that nothing is traded in, so that points know their past in every group."""

    @field_validator("test_groups")
    @classmethod
    def _fewer(cls, value: int, info: ValidationInfo) -> int:
        groups = info.data.get("groups")
        if groups is not None and value >= groups:
            raise ValueError(f"is not below groups ({groups}): something must be left to train on")
        if groups is not None and math.comb(groups, value) > MOST_SPLITS:
            raise ValueError(f"of {groups} groups makes {math.comb(groups, value)} splits; {MOST_SPLITS} are the most")
        return value


class MonteCarloSettings(Section):
    """So many simulated markets, which differ in nothing but their seed."""

    markets: int = Field(ge=2)
    seed: int = Field(default=1, ge=0, lt=2**52)
    """The seed of the first one; each has the next."""


class SweepSettings(Section):
    """Which points a sweep tries, and by what they are compared."""

    method: Literal["grid", "random", "latin_hypercube", "adaptive"] = "grid"
    points: int | None = Field(default=None, ge=1, validate_default=True)
    """How many points to draw; a grid has as many as its axes make."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    objective: tuple[str, ...] = ("sharpe",)
    """Names of figures, the first decides; larger is better, with a minus sign before the name smaller is."""
    constraints: tuple[str, ...] = ()
    generation: int = Field(default=64, ge=1, le=100_000)
    """Points that an adaptive search asks for at a time."""
    limit: int = Field(default=1_000_000, ge=1)
    """More points than this are refused."""
    resamples: int = Field(default=500, ge=0, le=1_000_000)
    """Resamples behind the statistics of the best point; 0 leaves those that need them out."""
    hurdle: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    """The annual Sharpe ratio that the best point is to beat."""
    point_s: float = Field(default=60.0, ge=0.1, le=86_400.0)
    """Processor seconds that a point may take before it counts as failed."""
    memory_mib: int = Field(default=2048, ge=16, le=1 << 24)
    """Memory that a process may take for its points before the one in hand counts as failed."""
    allow_look_ahead: bool = False
    """Whether a strategy that is seen to know the future is swept all the same."""
    priority: int = Field(default=0, ge=-1000, le=1000)
    """On a stack: of the sweeps that wait for workers, those of the highest priority go first."""
    monte_carlo: MonteCarloSettings | None = None
    """Whether points are simulated markets, in each of which the job as it is runs."""
    parameters: dict[str, AxisField] = Field(default={}, validate_default=True)
    walk_forward: WalkForwardSettings | None = None
    """Whether points compete in folds of the data instead of all of it."""
    cpcv: CrossValidationSettings | None = None
    """Whether they compete in all ways to split the data into groups to train on and groups to test on."""

    @property
    def in_folds(self) -> bool:
        """Whether points compete in parts of the data."""
        return self.walk_forward is not None or self.cpcv is not None

    @field_validator("walk_forward")
    @classmethod
    def _not_both(cls, value: WalkForwardSettings | None, info: ValidationInfo) -> WalkForwardSettings | None:
        if value is not None and info.data.get("monte_carlo") is not None:
            raise ValueError("cannot go with monte_carlo; write two jobs")
        return value

    @field_validator("cpcv")
    @classmethod
    def _one_way(cls, value: CrossValidationSettings | None, info: ValidationInfo) -> CrossValidationSettings | None:
        if value is None:
            return None
        for other in ("walk_forward", "monte_carlo"):
            if info.data.get(other) is not None:
                raise ValueError(f"cannot go with {other}; write two jobs")
        if info.data.get("method") == "adaptive":
            raise ValueError("cannot go with method adaptive: its points follow from all of the data, tests included")
        return value

    @field_validator("objective", "constraints", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("points")
    @classmethod
    def _said_how_many(cls, value: int | None, info: ValidationInfo) -> int | None:
        method = info.data.get("method", "grid")
        if value is None and method != "grid":
            raise ValueError(f"is missing; method {method} needs to know how many points to try")
        return value

    @field_validator("objective")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        metrics = [name.removeprefix("-").strip() for name in value]
        if not value or not all(metrics) or len(set(metrics)) < len(metrics):
            raise ValueError('name each figure once, and at least one: "sharpe", or "-turnover" to make it small')
        return value

    @field_validator("parameters")
    @classmethod
    def _can_be_swept(cls, axes: dict[str, Axis], info: ValidationInfo) -> dict[str, Axis]:
        if info.data.get("monte_carlo") is not None:
            if axes or info.data.get("method") != "grid" or info.data.get("constraints"):
                raise ValueError(
                    "the points of a Monte-Carlo job are its markets: leave out parameters and what rules them"
                )
            return axes
        if not axes:
            raise ValueError("is empty; name at least one parameter and its values, such as fast = [10, 20, 50]")
        for name, axis in axes.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a parameter or a field")
            refusal = _refusal(path_of(name))
            if refusal:
                raise ValueError(f"{name} cannot be swept: {refusal}")
            if isinstance(axis, Distribution) and axis.steps is None and info.data.get("method") == "grid":
                raise ValueError(f"{name} is a distribution; on a grid add steps = how many of its values to take")
        paths = sorted(map(path_of, axes))
        for one in paths:
            if paths.count(one) > 1:
                raise ValueError(f"{one} is there twice; name it once")
            inside = next((other for other in paths if other.startswith(f"{one}.")), None)
            if inside is not None:
                raise ValueError(f"{inside} is a part of {one}; sweep one of them")
        return axes

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes by the full path of the field that each sets, in the order of the file."""
        if self.monte_carlo is not None:
            first = self.monte_carlo.seed
            return {SEED: Range(first, first + self.monte_carlo.markets - 1, 1)}
        return {path_of(name): axis for name, axis in self.parameters.items()}

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What to compare points by; the first decides."""
        return tuple(
            Objective(name.removeprefix("-").strip(), "minimize" if name.startswith("-") else "maximize")
            for name in self.objective
        )


def path_of(name: str) -> str:
    """The job's field that a name means: one without a dot is a parameter of the strategy."""
    return name if "." in name else f"strategy.{name}"


def name_of(path: str) -> str:
    """A field as it is shortest written: the opposite of ``path_of``."""
    name = path.removeprefix("strategy.")
    return path if "." in name else name


def _refusal(path: str) -> str | None:
    section = path.partition(".")[0]
    if section == "sweep":
        return "a sweep does not change itself"
    if section == "run":
        return "nothing in run changes a result"
    if section == "data":
        return "all points read the same prices, or their statistics could not be compared; write one job for each"
    if section == "simulator":
        return "all points trade the same market; [sweep.monte_carlo] runs one strategy over many of them"
    if path == "performance.risk_free" or path.startswith("performance.risk_free."):
        return "points are compared beside one rate; write one job for each"
    if path == "strategy.use":
        return "strategies have parameters of their own; write one job for each strategy"
    return None
