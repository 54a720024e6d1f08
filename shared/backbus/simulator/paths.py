"""How one asset moves: from standard normals to the changes of the logarithm of its price, step by step.

``out`` [1 + steps, rows] takes the changes: line 0 is the gap from one bar's close to the next one's open, the others
are the moves within a bar. ``wander`` [steps, rows] takes the deviation of each move: how far the price wanders on its
way, which high and low tell. What a path remembers goes from row to row, never from block to block.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from backbus.jit.decorators import loop, step
from backbus.job import simulator as m
from backbus.market.panel import Floats, Ints
from backbus.simulator import random
from backbus.simulator.maths import cosh_of, exp_of, log_of
from backbus.simulator.random import Numbers

_MOST_JUMPS = 10_000
_FOLDED = math.sqrt(2.0 / math.pi)
"""The mean size of a standard normal."""


@dataclass(frozen=True)
class Scale:
    """What a year's numbers are in a step."""

    numbers: Numbers
    steps: int
    bars_per_year: float

    @property
    def dt(self) -> float:
        """Years that a step takes."""
        return 1.0 / (self.bars_per_year * self.steps)


class Path(ABC):
    """The changes of one asset, from the first row on."""

    mean = 0.0
    """Of a change, which shapes of a day leave alone."""
    size = 0.0
    """How large a change is in the mean: what activity is measured by."""

    leaps = False
    """Whether a move is a step of one size, between which the price wanders until it is that far away."""

    @abstractmethod
    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        """The next rows' changes into ``out``, their deviations into ``wander``, from ``normals`` [steps, rows]."""


@loop
def diffuse(normals: Floats, mean: float, deviation: float, out: Floats) -> None:
    """Brownian motion."""
    for k in range(normals.shape[0]):
        for row in range(normals.shape[1]):
            out[1 + k, row] = mean + deviation * normals[k, row]


@loop
def walk(normals: Floats, mean: float, size: float, out: Floats) -> None:
    """A step up or down."""
    for k in range(normals.shape[0]):
        for row in range(normals.shape[1]):
            out[1 + k, row] = mean + (size if normals[k, row] > 0.0 else -size)


@step
def poisson(uniform: float, rate: float, none: float) -> int:
    """How many events, of which ``rate`` are expected; ``none`` is the chance that there are none."""
    count = 0
    chance = none
    below = none
    while uniform > below and count < _MOST_JUMPS:
        count += 1
        chance *= rate / count
        below += chance
    return count


@loop
def jump(uniforms: Floats, sizes: Floats, rate: float, none: float, mean: float, deviation: float, out: Floats) -> None:
    """Jumps, compound Poisson: between a bar and the one before, where nobody trades at the prices in between."""
    for k in range(uniforms.shape[0]):
        for row in range(uniforms.shape[1]):
            if uniforms[k, row] > none:
                count = poisson(uniforms[k, row], rate, none)
                out[0, row] += count * mean + math.sqrt(float(count)) * deviation * sizes[k, row]


@loop
def vary(  # noqa: PLR0913  (a loop's door)
    normals: Floats,
    others: Floats,
    drift: float,
    dt: float,
    reversion: float,
    mean: float,
    volatility: float,
    correlation: float,
    variance: Floats,
    out: Floats,
    wander: Floats,
) -> None:
    """Heston's variance by full truncation, and the price beside it."""
    v = variance[0]
    own = math.sqrt(1.0 - correlation * correlation)
    for row in range(normals.shape[1]):
        for k in range(normals.shape[0]):
            positive = max(v, 0.0)
            root = math.sqrt(positive * dt)
            out[1 + k, row] = (drift - 0.5 * positive) * dt + root * normals[k, row]
            wander[k, row] = root
            noise = correlation * normals[k, row] + own * others[k, row]
            v += reversion * (mean - positive) * dt + volatility * root * noise
    variance[0] = v


@loop
def cluster(
    normals: Floats,
    drift: float,
    omega: float,
    alpha: float,
    beta: float,
    variance: Floats,
    out: Floats,
    wander: Floats,
) -> None:
    """GARCH(1,1): the variance of a bar from the shock of the one before."""
    h = variance[0]
    steps = normals.shape[0]
    for row in range(normals.shape[1]):
        deviation = math.sqrt(h / steps)
        shock = 0.0
        for k in range(steps):
            move = deviation * normals[k, row]
            shock += move
            wander[k, row] = deviation
            out[1 + k, row] = (drift - 0.5 * h) / steps + move
        h = omega + alpha * (shock * shock) + beta * h
    variance[0] = h


@loop
def revert(normals: Floats, level: float, decay: float, deviation: float, place: Floats, out: Floats) -> None:
    """Ornstein and Uhlenbeck's process, without an error of discretisation."""
    x = place[0]
    for row in range(normals.shape[1]):
        for k in range(normals.shape[0]):
            new = level + (x - level) * decay + deviation * normals[k, row]
            out[1 + k, row] = new - x
            x = new
    place[0] = x


@loop
def switch(
    normals: Floats,
    uniforms: Floats,
    below: Floats,
    means: Floats,
    deviations: Floats,
    regime: Ints,
    out: Floats,
    wander: Floats,
) -> None:
    """Brownian motion whose numbers follow a chain. ``below`` [from, to] adds up chances; ``regime`` [0] is that of
    the row before, or with 1 added and its sign turned that of the first row itself."""
    now = regime[0]
    for row in range(normals.shape[1]):
        if now < 0:
            now = -now - 1
        else:
            chosen = 0
            while chosen < below.shape[1] - 1 and uniforms[0, row] > below[now, chosen]:
                chosen += 1
            now = chosen
        for k in range(normals.shape[0]):
            out[1 + k, row] = means[now] + deviations[now] * normals[k, row]
            wander[k, row] = deviations[now]
    regime[0] = now


@loop
def pick(uniforms: Floats, leave: float, count: int, place: Ints, out: Ints) -> None:
    """Rows of history: the next one, or with the chance ``leave`` any. ``place`` [0] is the last one, −1 at first."""
    at = place[0]
    for row in range(len(out)):
        if at < 0 or uniforms[0, row] < leave:
            at = min(np.int64(uniforms[1, row] * count), count - 1)
        else:
            at = at + 1 if at + 1 < count else 0
        out[row] = at
    place[0] = at


class _Walk(Path):
    leaps = True

    def __init__(self, path: m.RandomWalk, scale: Scale) -> None:
        self.size = path.volatility * math.sqrt(scale.dt)
        self.mean = path.drift * scale.dt - log_of(cosh_of(self.size))

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        walk(normals, self.mean, self.size, out)
        wander.fill(self.size)


class _Gbm(Path):
    def __init__(self, path: m.Gbm, scale: Scale) -> None:
        self.mean = (path.drift - 0.5 * path.volatility**2) * scale.dt
        self._deviation = path.volatility * math.sqrt(scale.dt)
        self.size = _FOLDED * self._deviation

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        diffuse(normals, self.mean, self._deviation, out)
        wander.fill(self._deviation)


class _Merton(Path):
    def __init__(self, path: m.Merton, scale: Scale, number: int) -> None:
        self._numbers, self._number, self._path = scale.numbers, number, path
        self._rate = path.jumps * scale.dt
        expected = exp_of(path.jump_mean + 0.5 * path.jump_deviation * path.jump_deviation) - 1.0
        self.mean = (path.drift - 0.5 * path.volatility**2 - path.jumps * expected) * scale.dt
        self._deviation = path.volatility * math.sqrt(scale.dt)
        self.size = _FOLDED * self._deviation

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        diffuse(normals, self.mean, self._deviation, out)
        wander.fill(self._deviation)
        steps, rows = normals.shape
        chances = self._numbers.uniforms(random.JUMPS, self._number, first_row, rows, steps)
        sizes = self._numbers.normals(random.JUMP_SIZES, self._number, first_row, rows, steps)
        mean, deviation = self._path.jump_mean, self._path.jump_deviation
        jump(chances, sizes, self._rate, exp_of(-self._rate), mean, deviation, out)


class _Heston(Path):
    def __init__(self, path: m.Heston, scale: Scale, number: int) -> None:
        self._numbers, self._number, self._path, self._dt = scale.numbers, number, path, scale.dt
        self._variance = np.array([path.volatility**2])
        self.size = _FOLDED * math.sqrt(path.mean * scale.dt)
        self.mean = (path.drift - 0.5 * path.mean) * scale.dt

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        path, (steps, rows) = self._path, normals.shape
        others = self._numbers.normals(random.SECOND, self._number, first_row, rows, steps)
        vary(
            normals,
            others,
            path.drift,
            self._dt,
            path.reversion,
            path.mean,
            path.volatility_of_variance,
            path.correlation,
            self._variance,
            out,
            wander,
        )


class _Garch(Path):
    def __init__(self, path: m.Garch, scale: Scale) -> None:
        long = path.volatility**2 / scale.bars_per_year
        self._drift, self._omega = path.drift / scale.bars_per_year, long * (1.0 - path.alpha - path.beta)
        self._alpha, self._beta, self._variance = path.alpha, path.beta, np.array([long])
        self.size = _FOLDED * math.sqrt(long / scale.steps)
        self.mean = (self._drift - 0.5 * long) / scale.steps

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        cluster(normals, self._drift, self._omega, self._alpha, self._beta, self._variance, out, wander)


class _OrnsteinUhlenbeck(Path):
    def __init__(self, path: m.OrnsteinUhlenbeck, scale: Scale, price: float) -> None:
        self._level, self._place = log_of(path.level or price), np.array([log_of(price)])
        self._decay = exp_of(-path.reversion * scale.dt)
        spread = (1.0 - self._decay * self._decay) / (2.0 * path.reversion)
        self._deviation = path.volatility * math.sqrt(spread)
        self.size = _FOLDED * self._deviation

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        revert(normals, self._level, self._decay, self._deviation, self._place, out)
        wander.fill(self._deviation)


class _Regimes(Path):
    def __init__(self, path: m.RegimeSwitching, scale: Scale, number: int) -> None:
        self._numbers, self._number = scale.numbers, number
        volatility = np.array([regime.volatility for regime in path.regimes])
        drift = np.array([regime.drift for regime in path.regimes])
        chances = _chances(path)
        self._below = np.cumsum(chances, axis=1)
        self._means, self._deviations = (drift - 0.5 * volatility**2) * scale.dt, volatility * math.sqrt(scale.dt)
        self._regime = np.array([-path.first - 1])
        shares = stationary(chances)
        self.size = _FOLDED * float(shares @ self._deviations)
        self.mean = float(shares @ self._means)

    def move(self, normals: Floats, first_row: int, out: Floats, wander: Floats) -> None:
        chances = self._numbers.uniforms(random.REGIMES, self._number, first_row, normals.shape[1], 1)
        switch(normals, chances, self._below, self._means, self._deviations, self._regime, out, wander)


def _chances(path: m.RegimeSwitching) -> Floats:
    """[from, to] per bar."""
    if path.transitions is not None:
        return np.array(path.transitions)
    count = len(path.regimes)
    leaving = np.array([1.0 / (regime.rows or 1.0) for regime in path.regimes])
    chances = np.repeat(leaving[:, None] / (count - 1), count, axis=1)
    np.fill_diagonal(chances, 1.0 - leaving)
    return chances


def stationary(chances: Floats) -> Floats:
    """The share of bars that a chain spends in each regime in the long run: [regimes].

    By Gauss' elimination of what flows in and out, in plain order: the same bits everywhere.
    """
    count = len(chances)
    lines = (chances.T - np.eye(count)).tolist()
    lines[-1] = [1.0] * count
    right = [0.0] * (count - 1) + [1.0]
    for column in range(count):
        best = max(range(column, count), key=lambda line: abs(lines[line][column]))
        lines[column], lines[best] = lines[best], lines[column]
        right[column], right[best] = right[best], right[column]
        if lines[column][column] == 0.0:
            return np.full(count, 1.0 / count)  # more than one long run: none is meant
        for line in range(count):
            if line != column and lines[line][column] != 0.0:
                part = lines[line][column] / lines[column][column]
                lines[line] = [x - part * y for x, y in zip(lines[line], lines[column], strict=True)]
                right[line] -= part * right[column]
    return np.array([right[line] / lines[line][line] for line in range(count)])


def path_of(asset: m.Asset, scale: Scale, number: int) -> Path | None:
    """How asset ``number`` moves; None where it follows history."""
    match asset.path:
        case m.RandomWalk() as path:
            return _Walk(path, scale)
        case m.Gbm() as path:
            return _Gbm(path, scale)
        case m.Merton() as path:
            return _Merton(path, scale, number)
        case m.Heston() as path:
            return _Heston(path, scale, number)
        case m.Garch() as path:
            return _Garch(path, scale)
        case m.OrnsteinUhlenbeck() as path:
            return _OrnsteinUhlenbeck(path, scale, asset.price)
        case m.RegimeSwitching() as path:
            return _Regimes(path, scale, number)
    return None
