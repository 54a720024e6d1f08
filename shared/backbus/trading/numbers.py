"""A job as numbers: the records that step functions read, made once of its settings and of the layout of its panel.

Which numbers follow from others, and so which work a loop may leave out, is decided here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backbus.errors import JobError, no_symbol
from backbus.job import costs as c
from backbus.job import portfolio as p
from backbus.job.job import Job
from backbus.market import rules as r
from backbus.market.columns import EVENTS
from backbus.market.panel import Layout
from backbus.market.records import Records

INVERSE = "1/"
"""What stands before a symbol whose price is how much of the currency one unit of the account's buys."""
LOTS = {"future": 1.0, "fx": 1.0, "crypto": 1e-8}
"""The lot of each kind of instrument that names none; shares have the job's own."""
LIMITS = ("gross", "net", "weight", "positions", "turnover")
"""Limits that orders are cut to; a loss is looked at in every row instead."""


def rules_of(job: Job, layout: Layout) -> r.Rules:
    """The job's numbers, read-only. Raises JobError where it names symbols that the panel does not have."""
    record = np.zeros(1, dtype=r.RULES)
    rules = record[0]
    execution = job.execution
    rules["assets"], rules["rows"], rules["daily"] = layout.assets, layout.rows, layout.daily
    _set_account(rules, job.portfolio, layout.assets, job.year)
    rules["fill_at_close"] = execution.fill == "close"
    rules["path"], rules["trail_by_close"] = r.PATHS.index(execution.path), execution.trail_by == "close"
    rules["volume_cap"], rules["wait_for_volume"] = execution.volume_cap or 0.0, execution.no_volume == "wait"
    lines = instruments_of(job, layout.symbols)
    _set_flags(rules, job, layout, lines)
    return r.Rules(record, lines, job.spread_column)


def _set_flags(rules: Any, job: Job, layout: Layout, lines: Records) -> None:
    """What follows from all the rest: what may fill in part, which rows must be looked at, whether lists are needed."""
    portfolio, execution = job.portfolio, job.execution
    models = lines["slippage_model"]
    rules["settles"] = bool(lines["settles"].any())
    rules["capped"] = (
        execution.volume_cap is not None or execution.no_volume == "wait" or bool((models == r.VOLUME_SHARE).any())
    )
    rules["each_row"] = bool(np.isin(models, (r.SPREAD_SEEN, r.SQUARE_ROOT)).any())
    rules["tape_rows"] = max((getattr(slippage, "lookback", 0) for slippage in job.slippages), default=0)
    by_hand = lines["tiers"].any() or bool((lines["fee_model"] == r.MAKER_TAKER).any())
    rules["carries"] = bool(rules["cash_rate"] or rules["debit_rate"] or lines["borrow"].any())
    rules["acts"] = any(name in layout.columns for name in EVENTS)
    foreign = bool((lines["rate_of"] >= 0).any())
    rules["observes"] = rules["each_row"] or rules["acts"] or foreign
    rules["stepwise"] = (
        rules["observes"] or rules["carries"] or rules["checks"] or portfolio.limits.turnover is not None
    )
    special = rules["stepwise"] or rules["limited"] or not lines["traded"].all()
    rules["lists"] = portfolio.exits != p.Exits() or rules["capped"] or by_hand or special


def _set_account(rules: Any, portfolio: p.PortfolioSettings, assets: int, year: float) -> None:
    """Put an account into a ``RULES`` record; ``year`` is in sessions."""
    rules["cash"], rules["leverage"], rules["shorts"] = portfolio.cash, portfolio.leverage, portfolio.shorts
    rules["cash_only"] = not portfolio.shorts and portfolio.leverage == 1.0
    rules["sizing"], rules["size_at_open"] = r.SIZINGS.index(portfolio.sizing.model), portfolio.size_at == "open"
    match portfolio.sizing:
        case p.FixedQuantity(quantity=quantity):
            rules["size"] = quantity
        case p.FixedCash(cash=cash):
            rules["size"] = cash
        case p.PercentOfEquity(percent=percent):
            rules["size"] = percent / 100.0
        case p.TargetWeight(weight=weight):
            rules["size"] = weight
        case p.EqualWeight():
            rules["size"] = 1.0 / assets
        case p.VolatilityTarget() as sizing:
            rules["size"] = sizing.target / assets
            rules["max_weight"], rules["bars_per_year"] = sizing.max_weight, sizing.bars_per_year or year
            rules["volatility_rows"] = sizing.lookback
    exits, interest, limits = portfolio.exits, portfolio.interest, portfolio.limits
    rules["take_profit"], rules["stop_loss"] = exits.take_profit or 0.0, exits.stop_loss or 0.0
    rules["trailing_loss"] = exits.trail or 0.0
    rules["buffer"], rules["band"] = portfolio.cash_buffer, portfolio.drift_band
    rules["cash_rate"], rules["debit_rate"], rules["year_days"] = interest.cash, interest.debit, interest.days
    if portfolio.margin is not None:
        rules["maintenance"] = portfolio.margin.maintenance
        rules["call_rule"] = r.CALL_RULES.index(portfolio.margin.call)
    for name in (*LIMITS, "drawdown"):
        limit = getattr(limits, name)
        rules[f"{name}_limit"] = np.inf if limit is None else limit
    rules["limited"] = any(getattr(limits, name) is not None for name in LIMITS)
    rules["checks"] = portfolio.margin is not None or limits.drawdown is not None


def instruments_of(job: Job, symbols: Sequence[str]) -> Records:
    """[assets] ``INSTRUMENT`` records: what holds for all assets, and what instruments say beyond; later ones win."""
    portfolio = job.portfolio
    lines = np.zeros(len(symbols), dtype=r.INSTRUMENT)
    lines["lot"], lines["multiplier"], lines["borrow"] = portfolio.lot, 1.0, portfolio.interest.borrow
    lines["rate_of"], lines["traded"] = -1, 1
    _set_slippage(lines, job.execution.slippage)
    _set_commission(lines, job.execution.commission)
    rates = {currency: _rate_of(currency, symbols, portfolio) for currency in portfolio.rates}
    for instrument in job.instruments:
        for at in instrument.chosen(symbols):
            line = lines[at : at + 1]
            line["multiplier"], line["settles"] = instrument.multiplier, instrument.kind == "future"
            line["margin"] = instrument.margin or 0.0
            line["maintenance"] = instrument.maintenance or instrument.margin or 0.0
            line["traded"] = instrument.traded
            if instrument.borrow is not None:
                line["borrow"] = instrument.borrow
            if instrument.currency is not None:
                line["rate_of"], line["inverse"] = _known_rate(instrument.currency, rates, portfolio.currency)
            own = instrument.lot
            line["lot"] = LOTS.get(instrument.kind, portfolio.lot) if own is None else own
            if instrument.tick is not None:
                steps = 1.0 / instrument.tick
                line["tick"] = instrument.tick
                line["per_tick"] = round(steps) if steps >= 1.0 and abs(steps - round(steps)) < 1e-9 * steps else 0.0
            if instrument.slippage is not None:
                _set_slippage(line, instrument.slippage)
            if instrument.commission is not None:
                _set_commission(line, instrument.commission)
    lines.flags.writeable = False
    return lines


def _known_rate(currency: str, rates: Mapping[str, tuple[int, bool]], account: str) -> tuple[int, bool]:
    """The rate of an instrument's currency; -1 where that is the account's."""
    if currency == account:
        return -1, False
    if currency not in rates:
        known = ", ".join([account, *rates])
        raise JobError(
            f"no rate of {currency!r} is known (the account has {known}): name the symbol whose price it is in "
            f'[portfolio.rates], for example {currency} = "{currency}{account}"',
            field="instruments.currency",
        )
    return rates[currency]


def _rate_of(currency: str, symbols: Sequence[str], portfolio: p.PortfolioSettings) -> tuple[int, bool]:
    """The asset that a currency's rate is the price of, and whether that is the other way round."""
    field = f"portfolio.rates.{currency}"
    if currency == portfolio.currency:
        raise JobError("is the account's own currency, whose rate is 1: remove it", field=field)
    named = portfolio.rates[currency]
    symbol = named.removeprefix(INVERSE)
    if symbol not in symbols:
        raise JobError(no_symbol(symbol, symbols), field=field)
    return symbols.index(symbol), symbol != named


def _set_slippage(lines: Records, slippage: c.Slippage) -> None:
    """Put a slippage model into ``INSTRUMENT`` records."""
    match slippage:
        case c.NoSlippage():
            lines["slippage_model"] = r.NO_SLIPPAGE
        case c.BasisPointsSlippage(bps=bps):
            lines["slippage_model"], lines["slippage"] = r.BASIS_POINTS_SLIPPAGE, bps / 10_000.0
        case c.HalfSpread(spread=spread):
            lines["slippage_model"] = r.SPREAD_SEEN if spread is None else r.HALF_SPREAD
            lines["slippage"] = 0.5 if spread is None else spread / 2.0
        case c.VolumeShare(impact=impact, limit=limit):
            lines["slippage_model"], lines["slippage"], lines["slippage_limit"] = r.VOLUME_SHARE, impact, limit
        case c.SquareRoot(impact=impact):
            lines["slippage_model"], lines["slippage"] = r.SQUARE_ROOT, impact


def _set_commission(lines: Records, commission: c.Commission) -> None:
    """Put a commission model into ``INSTRUMENT`` records."""
    if isinstance(commission, c.Preset):
        commission = c.PRESETS[commission.name]
    tiers: tuple[c.Tier, ...] = ()
    match commission:
        case c.NoCommission():
            lines["fee_model"] = r.NO_FEE
        case c.PerShare(fee=fee, minimum=minimum, maximum=maximum, maximum_percent=percent):
            lines["fee_model"], lines["fee"] = r.PER_SHARE, fee
            lines["fee_minimum"], lines["fee_maximum"] = minimum, math.inf if maximum is None else maximum
            lines["fee_share"] = math.inf if percent is None else percent / 100.0
            tiers = commission.tiers
        case c.PerOrder(fee=fee):
            lines["fee_model"], lines["fee"] = r.PER_ORDER, fee
        case c.BasisPointsCommission(bps=bps):
            lines["fee_model"], lines["fee"] = r.BASIS_POINTS_FEE, bps / 10_000.0
            tiers = commission.tiers
        case c.MakerTaker(maker=maker, taker=taker):
            lines["fee_model"], lines["fee"], lines["maker"] = r.MAKER_TAKER, taker / 10_000.0, maker / 10_000.0
    lines["tiers"] = len(tiers)
    for at, tier in enumerate(tiers):
        lines["tier_from"][:, at] = tier.volume
        lines["tier_fee"][:, at] = tier.fee if tier.fee is not None else (tier.bps or 0.0) / 10_000.0
