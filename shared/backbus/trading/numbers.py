"""A job as numbers: the records that step functions read, made once of its settings and of the layout of its panel.

Which numbers follow from others, and so which work a loop may leave out, is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backbus.errors import JobError, no_symbol
from backbus.jit.arrays import read_only
from backbus.job import portfolio as p
from backbus.job.job import Job
from backbus.job.own_models import BoundModel, OwnSizing
from backbus.market.columns import EVENTS, LEAVING
from backbus.market.panel import Layout
from backbus.trading import rules as r
from backbus.trading.binding import bind
from backbus.trading.commission import BY_FILL, set_commission
from backbus.trading.records import Records
from backbus.trading.slippage import FOLLOWING_THE_MARKET, any_caps, set_slippage

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
    rules["rows"], rules["daily"] = layout.rows, layout.daily
    _set_account(rules, job.portfolio)
    rules["fill_at_close"] = execution.fill == "close"
    rules["path"], rules["trail_by_close"] = r.PATHS.index(execution.path), execution.trail_by == "close"
    rules["volume_cap"], rules["wait_for_volume"] = execution.volume_cap or 0.0, execution.no_volume == "wait"
    lines = instruments_of(job, layout.symbols).copy()
    lines["bars_per_year"] = getattr(job.portfolio.sizing, "bars_per_year", None) or _bars_per_year(job, layout)
    own: tuple[BoundModel, ...] = bind(job, layout.symbols, rules, lines) if any(job.own_models()) else ()
    lines = read_only(lines)
    _set_flags(rules, job, layout, lines)
    return r.Rules(record, lines, job.spread_column, own)


def _bars_per_year(job: Job, layout: Layout) -> float | list[float]:
    """Bars of the data in a year; [assets] where each has its own calendar."""
    if layout.bars_per_year and job.performance.periods_per_year is None:
        return list(layout.bars_per_year)
    return job.year_of(layout.year) * layout.bars_per_session


def _set_flags(rules: Any, job: Job, layout: Layout, lines: Records) -> None:
    """What follows from all the rest: what may fill in part, which rows must be looked at, whether lists are needed."""
    portfolio, execution = job.portfolio, job.execution
    models = lines["slippage_model"]
    rules["has_futures"] = bool(lines["settles"].any())
    rules["capped"] = execution.volume_cap is not None or execution.no_volume == "wait" or any_caps(lines)
    rules["slippage_follows_market"] = bool(np.isin(models, FOLLOWING_THE_MARKET).any())
    rules["lookback_rows"] = max((getattr(slippage, "lookback", 0) or 0 for slippage in job.slippages), default=0)
    by_hand = lines["tiers"].any() or bool(np.isin(lines["fee_model"], BY_FILL).any())
    rules["has_financing"] = bool(rules["cash_rate"] or rules["debit_rate"] or lines["borrow"].any())
    rules["by_quotes"] = bool(job.data.quotes)
    rules["has_corporate_actions"] = any(name in layout.columns for name in EVENTS)
    foreign = bool((lines["rate_of"] >= 0).any())
    follows = rules["slippage_follows_market"] or rules["has_corporate_actions"] or foreign
    rules["costs_follow_market"] = follows or rules["own_models"]
    rules["own_sessions"] = bool(layout.calendars)
    rules["universe"] = 0 if layout.universe is None else 1 + LEAVING.index(layout.universe)
    rules["looks_at_closes"] = bool(rules["checks_account"] or rules["universe"])
    rules["no_row_skipped"] = (
        rules["costs_follow_market"]
        or rules["has_financing"]
        or rules["looks_at_closes"]
        or portfolio.limits.turnover is not None
    )
    special = rules["no_row_skipped"] or rules["limited"] or not lines["traded"].all()
    special = special or rules["by_quotes"]
    rules["needs_order_lists"] = portfolio.exits != p.Exits() or rules["capped"] or by_hand or special


def _set_account(rules: Any, portfolio: p.PortfolioSettings) -> None:
    """Put an account into a ``RULES`` record."""
    rules["cash"], rules["leverage"], rules["shorts"] = portfolio.cash, portfolio.leverage, portfolio.shorts
    own_margin = portfolio.margin is not None and portfolio.margin.use is not None
    rules["cash_only"] = not portfolio.shorts and portfolio.leverage == 1.0 and not own_margin
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
            rules["size"] = 1.0
        case p.VolatilityTarget() as sizing:
            rules["size"] = sizing.target
            rules["max_weight"], rules["volatility_rows"] = sizing.max_weight, sizing.lookback
        case OwnSizing() as sizing:
            rules["volatility_rows"] = sizing.lookback or 0
    exits, interest, limits = portfolio.exits, portfolio.interest, portfolio.limits
    rules["take_profit"], rules["stop_loss"] = exits.take_profit or 0.0, exits.stop_loss or 0.0
    rules["trailing_loss"] = exits.trail or 0.0
    rules["trailing_gain"] = np.nan if exits.trail_from is None else exits.trail_from
    rules["trailing_then"] = np.nan if exits.trail_then is None else exits.trail_then
    rules["cash_buffer"], rules["drift_band"] = portfolio.cash_buffer, portfolio.drift_band
    rules["cash_rate"], rules["debit_rate"], rules["year_days"] = interest.cash, interest.debit, interest.days
    if portfolio.margin is not None:
        rules["maintenance"] = portfolio.margin.maintenance or 0.0
        rules["call_rule"] = r.CALL_RULES.index(portfolio.margin.call)
    for name in (*LIMITS, "drawdown"):
        limit = getattr(limits, name)
        rules[f"{name}_limit"] = np.inf if limit is None else limit
    rules["limited"] = any(getattr(limits, name) is not None for name in LIMITS)
    rules["fees_in_size"] = portfolio.fees_in_size
    rules["ends_flat"] = portfolio.at_end == "close"
    rules["has_margin"] = portfolio.margin is not None
    rules["checks_account"] = portfolio.margin is not None or limits.drawdown is not None or rules["ends_flat"]


def instruments_of(job: Job, symbols: Sequence[str]) -> Records:
    """[assets] ``INSTRUMENT`` records: what holds for all assets, and what instruments say beyond; later ones win."""
    portfolio = job.portfolio
    lines = np.zeros(len(symbols), dtype=r.INSTRUMENT)
    lines["lot"], lines["multiplier"], lines["borrow"] = portfolio.lot, 1.0, portfolio.interest.borrow
    lines["rate_of"], lines["traded"], lines["asset"] = -1, 1, np.arange(len(symbols))
    set_slippage(lines, job.execution.slippage)
    set_commission(lines, job.execution.commission)
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
                set_slippage(line, instrument.slippage)
            if instrument.commission is not None:
                set_commission(line, instrument.commission)
    return read_only(lines)


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
