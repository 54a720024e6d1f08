"""Random models of a user's own in random runs: one answer in the engine, in handlers however they are cut, compiled
and plain; and what was found payable is paid."""

from __future__ import annotations

import math
import random
from typing import Any

from hypothesis import given as drawn

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.models.functions import Call, OwnFunction, Recording
from tests.unit.own_functions import given
from tests.unit.random_runs import case_with, seeds, thoroughly


def price(order: Any, market: Any, parameters: Any) -> Any:
    """Dearer for more, for assets of a higher number, at some hours, and by what was seen of the market."""
    by = parameters.flat + parameters.by_size * min(abs(order.quantity) / (1.0 + market.mean_volume), 1.0)
    by += parameters.by_share * order.share + market.deviation * parameters.by_deviation
    if market.time // 86_400.0 % 3.0 == 0.0:
        by += parameters.some_days * (1.0 + market.asset)
    return order.price * (1.0 + by) if order.quantity > 0.0 else order.price * max(1.0 - by, 0.0)


def fee(fill: Any, market: Any, parameters: Any) -> Any:
    """A fee with a floor for the whole order, less for what waited."""
    so_far = fill.filled_value + fill.value
    whole = max(so_far * parameters.rate + math.sqrt(so_far) * parameters.root, parameters.least)
    if fill.resting > 0.0:
        whole *= 0.5
    return whole - fill.charged if whole > fill.charged else 0.0


def size(signal: Any, market: Any, parameters: Any) -> Any:
    """A share of equity by the last returns, in odd numbers."""
    share = parameters.share / (1.0 + parameters.calm * signal.deviation) if signal.deviation >= 0.0 else 0.1
    units = abs(signal.signal) * share * max(signal.equity, 0.0) / (signal.worth * (1.0 + market.asset))
    return units if signal.signal > 0.0 else -units


def needs(position: Any, market: Any, parameters: Any) -> Any:
    """More for what is large."""
    needed = parameters.initial * position.value * (1.0 + position.value / (position.value + parameters.large))
    return needed, needed * parameters.kept


def models(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tables of a portfolio and of an execution, some of them with functions."""
    dice = random.Random(seed)
    portfolio: dict[str, Any] = {}
    execution: dict[str, Any] = {}
    if dice.random() < 0.7:
        names = ("flat", "by_size", "by_share", "by_deviation", "some_days")
        execution["slippage"] = {
            "model": "own",
            "use": "price",
            "lookback": dice.choice([None, 3]),
            "limit": dice.choice([None, 0.1, 0.5]),
            "parameters": {name: dice.uniform(0.0, 0.02) for name in names},
        }
    if dice.random() < 0.7:
        parameters = {"rate": dice.uniform(0.0, 0.01), "root": dice.uniform(0.0, 0.1), "least": dice.uniform(0.0, 3.0)}
        execution["commission"] = {"model": "own", "use": "fee", "parameters": parameters}
    if dice.random() < 0.5:
        parameters = {"share": dice.uniform(0.1, 2.0), "calm": dice.uniform(0.0, 50.0)}
        lookback = dice.choice([None, 2, 5])
        portfolio["sizing"] = {"model": "own", "use": "size", "lookback": lookback, "parameters": parameters}
    if dice.random() < 0.5 or not (portfolio or execution):
        parameters = {"initial": dice.uniform(0.05, 0.6), "kept": dice.uniform(0.1, 1.0), "large": 50_000.0}
        portfolio |= {"leverage": 1.0, "margin": {"use": "needs", "parameters": parameters}}
    return portfolio, execution


def as_plain_python(job: Job) -> Job:
    """The job with the same functions, of which none is compiled."""
    calls: list[Call] = []
    functions = {name: f for name, f in job.functions.items() if isinstance(f, OwnFunction)}
    return job.given({name: Recording(name, function, calls) for name, function in functions.items()})


@drawn(seeds)
@thoroughly
def test_random_models_have_one_answer(seed: int) -> None:
    portfolio, execution = models(seed)
    case = case_with(seed, portfolio, execution)
    job = given(case.job, price, fee, size, needs)
    report = Engine(job, case.panel, case.strategy).run()
    for block, window in ((1, 2), (5, 16), (64, 256)):
        assert run_handlers(job, case.panel, case.strategy, block=block, window=window) == report
        cut = job.model_copy(update={"run": job.run.model_copy(update={"block": block})})
        assert Engine(cut, case.panel, case.strategy).run().fingerprint == report.fingerprint
    plain = Engine(as_plain_python(job), case.panel, case.strategy).run()
    assert plain.fingerprint == report.fingerprint
