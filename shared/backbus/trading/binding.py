"""Which of a user's functions is called for which asset: addresses in the records that loops read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backbus.errors import JobError
from backbus.job.costs import Commission, Slippage
from backbus.job.job import Job
from backbus.job.own_models import BoundModel, OwnModel
from backbus.trading.records import Records


def bind(job: Job, symbols: Sequence[str], rules: Any, lines: Records) -> tuple[BoundModel, ...]:
    """Put the functions that a job names into its ``RULES`` record and its [assets] ``INSTRUMENT`` records.

    Raises JobError where nobody has brought them, StrategyError where one cannot be called."""
    own: list[BoundModel] = []

    def bound(kind: str, use: str, parameters: Mapping[str, float]) -> BoundModel:
        if use not in job.functions:
            raise JobError(f"nobody has loaded the function {use!r}", field=f"{kind}.use")
        own.append(job.functions[use].bound(kind, parameters))
        return own[-1]

    rules["own_models"] = 1
    execution, portfolio = job.execution, job.portfolio
    costs: list[tuple[list[int], Slippage | None, Commission | None]]
    costs = [(list(range(len(symbols))), execution.slippage, execution.commission)]
    costs += [(line.chosen(symbols), line.slippage, line.commission) for line in job.instruments]
    for assets, slippage, commission in costs:
        if isinstance(slippage, OwnModel):
            model = bound("slippage", slippage.use, slippage.parameters)
            lines["own_slippage"][assets], lines["slippage_context"][assets] = model.address, model.context
        if isinstance(commission, OwnModel):
            model = bound("commission", commission.use, commission.parameters)
            lines["own_fee"][assets], lines["fee_context"][assets] = model.address, model.context
    rules["own_costs"] = bool(own)
    sizing, margin = portfolio.sizing, portfolio.margin
    if isinstance(sizing, OwnModel):
        model = bound("sizing", sizing.use, sizing.parameters)
        rules["own_sizing"], rules["sizing_context"] = model.address, model.context
    if margin is not None and margin.use is not None:
        model = bound("margin", margin.use, margin.parameters)
        rules["own_margin"], rules["margin_context"] = model.address, model.context
    return tuple(own)
