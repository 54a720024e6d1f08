"""What the result of a run advises to look at next: a pure function of its report and its job's settings.

Why orders were refused and which setting decides it, a result that is too good to be true, a strategy that never spoke.
It is made where it is shown and stands in no report: equal reports have equal advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backbus.performance.report import Report
from backbus.performance.summary import number, percent
from backbus.trading.codes import REASONS, Reason

SHARPE_TOO_GOOD = 4.0
"""Over a year or more: chosen. A strategy that knows the next close has 6.6 on the sample's four shares, the best of
9,203 crosses of averages that do not has less than 1."""
RETURN_TOO_GOOD = 3.0
"""In a year: four times the capital."""

FEW = 0.05
"""Of all orders that were wanted: so few that were refused are no matter of a setting."""

_LIMITS = {
    Reason.GROSS_LIMIT: "gross",
    Reason.NET_LIMIT: "net",
    Reason.WEIGHT_LIMIT: "weight",
    Reason.POSITIONS_LIMIT: "positions",
    Reason.TURNOVER_LIMIT: "turnover",
}
"""Which of ``portfolio.limits`` a reason is of."""

Settings = Mapping[str, Any]


def advice_of(report: Report, settings: Settings | None = None) -> tuple[str, ...]:
    """Sentences, the weightiest first; ``settings`` are the job's plain values, where they are known."""
    known = settings or {}
    return (*_too_good(report), *_silent(report, known), *_refused(report, known), *_cut(report))


def _too_good(report: Report) -> Iterator[str]:
    metrics = report.metrics
    a_year = 0.0 < report.year <= report.sessions
    grown = metrics.annual_return if a_year else metrics.total_return
    told = []
    if a_year and metrics.sharpe is not None and metrics.sharpe > SHARPE_TOO_GOOD:
        told.append(f"a Sharpe ratio of {number(metrics.sharpe)}")
    if grown is not None and grown > RETURN_TOO_GOOD:
        told.append(f"a return of {percent(grown)}" + (" a year" if a_year else ""))
    if told:
        yield (
            f"{' and '.join(told)}: this may be too good to be true; `backbus check JOB.toml` shows whether the "
            "strategy looks ahead, and costs, splits and gaps of the data are worth a look"
        )


def _silent(report: Report, settings: Settings) -> Iterator[str]:
    if report.counts.signals or not report.rows:
        return
    read = report.rows + report.warmup
    rows = f"{read:,} row" + ("" if read == 1 else "s")
    strategy = settings.get("strategy", {})
    long = [f"{name} = {value}" for name, value in strategy.items() if type(value) is int and value >= read]
    if long:
        yield (
            f"the strategy gave no signal: there are {rows}, and {', '.join(long)} needs more; "
            "read more of the data (data.start, data.end), or set it lower"
        )
    else:
        yield f"the strategy gave no signal in {rows}: what it waits for did not happen"


def _refused(report: Report, settings: Settings) -> Iterator[str]:
    for reason, count in sorted(report.counts.refused_because.items(), key=lambda one: (-one[1], one[0])):
        if reason == REASONS[Reason.NOT_A_MEMBER]:
            continue  # the report's notes have it
        were = "order was" if count == 1 else "orders were"
        few = count <= FEW * (report.counts.orders + report.counts.refused)
        why = "" if few else _why(reason, report, settings)
        yield f"{count:,} {were} refused: {reason}" + (f"; {why}" if why else "")


def _why(reason: str, report: Report, settings: Settings) -> str:
    portfolio = settings.get("portfolio")
    if portfolio is None:
        return ""
    if reason == REASONS[Reason.BUYING_POWER]:
        return _too_large(report, portfolio)
    if reason == REASONS[Reason.BELOW_ONE_LOT]:
        return f"set portfolio.lot ({portfolio['lot']:g}) lower, or portfolio.cash ({portfolio['cash']:,.0f}) higher"
    if reason == REASONS[Reason.SHORTS_NOT_ALLOWED]:
        return "set portfolio.shorts = true to let it sell what it does not hold"
    name = {REASONS[code]: name for code, name in _LIMITS.items()}.get(reason)
    return "" if name is None else f"portfolio.limits.{name} is {portfolio['limits'][name]:g}"


def _too_large(report: Report, portfolio: Settings) -> str:
    sizing, leverage, assets = portfolio["sizing"], portfolio["leverage"], report.assets
    of_each = f"for each of {assets} assets" if assets > 1 else "for its asset"
    room = leverage / max(1, assets)
    match sizing["model"]:
        case "percent_of_equity" if sizing["percent"] > 100.0 * room:
            told = f"sizing is {sizing['percent']:g} % of equity {of_each}"
            return f"{told}: set portfolio.sizing.percent to {_down(100.0 * room):g} or less"
        case "target_weight" if sizing["weight"] > room:
            told = f"sizing is a weight of {sizing['weight']:g} {of_each}"
            return f"{told}: set portfolio.sizing.weight to {_down(100.0 * room) / 100.0:g} or less"
        case "fixed_cash" if sizing["cash"] > portfolio["cash"] * room:
            told = f"sizing is {sizing['cash']:,.0f} {of_each}, of {portfolio['cash']:,.0f} at the start"
            return f"{told}: set portfolio.sizing.cash lower, or portfolio.cash higher"
        case _:
            return "set portfolio.cash higher, or what portfolio.sizing asks for lower"


def _down(value: float) -> float:
    """To a figure that is easily typed, and no more: whole ones from 1 on."""
    return float(int(value)) if value >= 1.0 else int(value * 1000.0) / 1000.0


def _cut(report: Report) -> Iterator[str]:
    if report.counts.cut:
        orders = "order was" if report.counts.cut == 1 else "orders were"
        yield f"{report.counts.cut:,} {orders} cut to less than was wanted: `backbus explain` tells why"
