"""A report as people read it: what it was, what it did, what came of it; and how every figure is called and written.

A report comes in, with the job's settings and what its tables tell where these are known; lines for a screen or a page
go out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from backbus.performance.report import Report

NOTHING = "–"
_SYMBOLS_SHOWN = 5


def percent(value: float | None) -> str:
    """A fraction as a percentage: 0.1234 is 12.34 %."""
    return NOTHING if value is None else f"{value * 100:,.2f} %"


def number(value: float | None) -> str:
    """A plain figure with two decimals."""
    return NOTHING if value is None else f"{value:,.2f}"


def count(value: float | None) -> str:
    """A whole number."""
    return NOTHING if value is None else f"{value:,.0f}"


class FigureForm(NamedTuple):
    """How a figure is called and written."""

    title: str
    written: Callable[[float | None], str]
    gains: bool = False
    """Whether what is below zero is a loss."""


FORMS: Mapping[str, FigureForm] = MappingProxyType(
    {
        "final_equity": FigureForm("Final equity", number),
        "total_return": FigureForm("Total return", percent, True),
        "annual_return": FigureForm("Annual return", percent, True),
        "volatility": FigureForm("Volatility", percent),
        "sharpe": FigureForm("Sharpe", number, True),
        "sortino": FigureForm("Sortino", number, True),
        "calmar": FigureForm("Calmar", number, True),
        "max_drawdown": FigureForm("Max drawdown", percent, True),
        "max_drawdown_sessions": FigureForm("Max drawdown sessions", count),
        "longest_drawdown_sessions": FigureForm("Longest drawdown", count),
        "exposure": FigureForm("Exposure", percent),
        "average_gross_exposure": FigureForm("Gross exposure", percent),
        "turnover": FigureForm("Turnover per year", percent),
        "trades": FigureForm("Trades", count),
        "open_trades": FigureForm("Open trades", count),
        "win_rate": FigureForm("Win rate", percent),
        "profit_factor": FigureForm("Profit factor", number),
        "average_win": FigureForm("Average win", number),
        "average_loss": FigureForm("Average loss", number, True),
        "best_day": FigureForm("Best day", percent, True),
        "worst_day": FigureForm("Worst day", percent, True),
        "fees": FigureForm("Fees", number),
        "slippage": FigureForm("Slippage", number),
        "benchmark_return": FigureForm("Benchmark return", percent, True),
        "alpha": FigureForm("Alpha", percent, True),
        "beta": FigureForm("Beta", number),
        "tracking_error": FigureForm("Tracking error", percent),
        "information_ratio": FigureForm("Information ratio", number, True),
    }
)
"""Of every figure of ``Metrics``, by its name."""


DISTRIBUTION_TITLES: Mapping[str, str] = MappingProxyType(
    {"mean": "Mean", "spread": "Deviation", "q05": "5 %", "q25": "25 %", "q50": "50 %", "q75": "75 %", "q95": "95 %"}
    | {"negative": "Below 0"}
)
"""What is told of a figure over many markets or paths, by its name in a summary."""


def title_of(name: str) -> str:
    """How a figure is called; of others, such as a sum of one's own, the name with spaces."""
    return FORMS[name].title if name in FORMS else name.replace("_", " ").capitalize()


def written(name: str, value: float | None) -> str:
    """A figure as it is written."""
    return FORMS[name].written(value) if name in FORMS else number(value)


def sign_of(name: str, value: float | None) -> int:
    """1 of a gain, -1 of a loss, 0 of what is neither."""
    if value is None or name not in FORMS or not FORMS[name].gains:
        return 0
    return (value > 0.0) - (value < 0.0)


class Particulars(NamedTuple):
    """What the tables of a run tell that its report does not."""

    fell_from: str | None
    """Session of the deepest drawdown's peak; None where equity never fell."""
    fell_to: str | None
    """Session of its bottom."""
    recovered: str | None
    """Session in which equity was back at the peak; None where it was not by the end."""
    held_bars: float | None
    """Mean bars from entry to exit of the trades that closed."""
    held_days: float | None
    """The same in calendar days."""


class SummaryLine(NamedTuple):
    """A line of a summary: an empty label parts one group from the next."""

    label: str
    figure: str = ""
    words: str = ""
    sign: int = 0
    """1 of a gain, -1 of a loss."""


_PART = SummaryLine("")


def summary_lines(
    report: Report, settings: Mapping[str, Any] | None = None, particulars: Particulars | None = None
) -> list[SummaryLine]:
    """The lines of a run; ``settings`` are its job's plain values."""
    return [
        *_what_it_was(report, settings or {}),
        _PART,
        *_what_came_of_it(report, settings or {}, particulars),
        _PART,
        *_how_it_traded(report, particulars),
        *_beside_the_benchmark(report),
        _PART,
        *_what_was_ordered(report),
        SummaryLine("Fingerprint", words=report.fingerprint),
    ]


def _figure(report: Report, name: str, words: str = "") -> SummaryLine:
    value = getattr(report.metrics, name)
    return SummaryLine(FORMS[name].title, written(name, value), words, sign_of(name, value))


def _period(report: Report) -> str:
    """From when to when: dates, and with their times where rows are parts of sessions."""
    if report.rows > report.sessions and report.first_time is not None:
        return f"{report.first_time} to {report.last_time} UTC"
    return f"{report.first_session or NOTHING} to {report.last_session or NOTHING}"


def _what_it_was(report: Report, settings: Mapping[str, Any]) -> list[SummaryLine]:
    symbols = ", ".join(report.symbols[:_SYMBOLS_SHOWN])
    if report.assets > _SYMBOLS_SHOWN:
        symbols += f" and {report.assets - _SYMBOLS_SHOWN} more"
    lines = []
    if "strategy" in settings:
        lines.append(SummaryLine("Strategy", words=named_values(settings["strategy"], "use")))
    lines.append(SummaryLine("Symbols", words=symbols))
    if "portfolio" in settings:
        lines.append(SummaryLine("Sizing", words=named_values(settings["portfolio"]["sizing"], "model")))
    if "execution" in settings:
        lines.append(SummaryLine("Costs", words=costs_in_words(settings)))
    return [
        *lines,
        SummaryLine("Period", words=_period(report)),
        SummaryLine("Rows, sessions", words=f"{report.rows:,}, {report.sessions:,}"),
        SummaryLine("A year has", words=f"{report.year:g} {report.year_because}"),
    ]


def _what_came_of_it(report: Report, settings: Mapping[str, Any], particulars: Particulars | None) -> list[SummaryLine]:
    metrics = report.metrics
    cash = settings["portfolio"]["cash"] if "portfolio" in settings else None
    lines = [SummaryLine("Start capital", number(cash))] if cash is not None else []
    fell = f"over {metrics.max_drawdown_sessions:,} sessions"
    if particulars is not None and particulars.fell_from is not None:
        end = "not recovered by the end" if particulars.recovered is None else f"recovered on {particulars.recovered}"
        fell = f"{particulars.fell_from} to {particulars.fell_to}, {end}, {metrics.max_drawdown_sessions:,} sessions"
    first = ("final_equity", "total_return", "annual_return", "volatility", "sharpe", "sortino", "calmar")
    return [
        *lines,
        *(_figure(report, name) for name in first),
        _figure(report, "max_drawdown", fell),
        _figure(report, "longest_drawdown_sessions", "sessions from a peak until it was reached again"),
        _figure(report, "best_day"),
        _figure(report, "worst_day"),
    ]


def _how_it_traded(report: Report, particulars: Particulars | None) -> list[SummaryLine]:
    metrics = report.metrics
    lines = [
        _figure(report, "exposure", "of the rows ended with a position"),
        _figure(report, "average_gross_exposure", "of equity in positions, in the mean"),
        _figure(report, "turnover", "of equity bought and sold again"),
        SummaryLine(FORMS["trades"].title, count(metrics.trades), f"closed, {metrics.open_trades:,} open"),
    ]
    if particulars is not None and particulars.held_bars is not None and particulars.held_days is not None:
        days = f"{particulars.held_days:,.1f} days"
        lines.append(SummaryLine("Holding time", f"{particulars.held_bars:,.1f}", f"bars in the mean, {days}"))
    lines += [_figure(report, name) for name in ("win_rate", "profit_factor", "average_win", "average_loss")]
    lines += [_figure(report, name) for name in ("fees", "slippage")]
    if report.booked:
        parts = [f"{kind} {number(amount)}" for kind, amount in report.booked.items()]
        lines.append(SummaryLine("Cash from holding", words=", ".join(parts)))
    return lines


def _beside_the_benchmark(report: Report) -> list[SummaryLine]:
    held = report.buy_and_hold
    if held is not None:
        what = "the same, bought for equal parts at the first close and held to the last, without costs"
        return [_PART, SummaryLine("Buy and hold", percent(held), what, (held > 0.0) - (held < 0.0))]
    if report.metrics.benchmark_return is None:
        return []
    names = ("benchmark_return", "alpha", "beta", "tracking_error", "information_ratio")
    return [_PART, *(_figure(report, name) for name in names)]


def _what_was_ordered(report: Report) -> list[SummaryLine]:
    counts = report.counts
    unhappy = [
        f"{many:,} {what}"
        for many, what in (
            (counts.refused, "refused"),
            (counts.cut, "cut"),
            *((many, f"for a {reason}") for reason, many in counts.forced.items()),
            (counts.cancelled, "cancelled"),
            (counts.expired, "expired"),
            (counts.ended, "ended with another"),
        )
        if many
    ]
    return [
        SummaryLine("Signals", count(counts.signals)),
        SummaryLine("Orders", count(counts.orders), ", ".join(["placed", f"{counts.fills:,} fills", *unhappy])),
    ]


def named_values(table: Mapping[str, Any], first: str) -> str:
    """A table of a job in a line: its name, then those of its values that say something."""
    told = [f"{name} {_value(value)}" for name, value in table.items() if name != first and _says(value)]
    return ", ".join([str(table.get(first, "")), *told])


def _says(value: Any) -> bool:
    return value is False or value not in (None, [], (), {}, 0.0)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def costs_in_words(settings: Mapping[str, Any]) -> str:
    """Slippage and commission of a job in a line."""
    told = settings["execution"]
    parts = [f"{kind} {named_values(told[kind], 'model')}" for kind in ("slippage", "commission")]
    own = [
        str(one["symbols"])
        for one in settings.get("instruments") or ()
        if any(one.get(kind) is not None for kind in ("slippage", "commission"))
    ]
    return "; ".join([*parts, *([f"of their own: {', '.join(own)}"] if own else [])])
