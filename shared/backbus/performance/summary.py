"""A report as a table for the terminal: what it was, what it did, what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backbus.performance.report import Report

if TYPE_CHECKING:
    from rich.console import RenderableType

NOTHING = "–"
_SYMBOLS_SHOWN = 5


def percent(value: float | None) -> str:
    """A fraction as a percentage: 0.1234 is 12.34 %."""
    return NOTHING if value is None else f"{value * 100:,.2f} %"


def number(value: float | None) -> str:
    """A plain figure with two decimals."""
    return NOTHING if value is None else f"{value:,.2f}"


def _period(report: Report) -> str:
    """From when to when: dates, and with their times where rows are parts of sessions."""
    if report.rows > report.sessions and report.first_time is not None:
        return f"{report.first_time} to {report.last_time} UTC"
    return f"{report.first_session or NOTHING} to {report.last_session or NOTHING}"


def summary_lines(report: Report) -> list[tuple[str, str]]:
    """The lines of the table: label and value; two empty strings part one group from the next."""
    metrics, counts = report.metrics, report.counts
    symbols = ", ".join(report.symbols[:_SYMBOLS_SHOWN])
    if report.assets > _SYMBOLS_SHOWN:
        symbols += f" and {report.assets - _SYMBOLS_SHOWN} more"
    lines = [
        ("Symbols", symbols),
        ("Period", _period(report)),
        ("Rows, sessions", f"{report.rows:,}, {report.sessions:,}"),
        ("A year has", f"{report.year:g} {report.year_because}"),
        ("", ""),
        ("Final equity", number(report.final_equity)),
        ("Total return", percent(metrics.total_return)),
        ("Annual return", percent(metrics.annual_return)),
        ("Volatility", percent(metrics.volatility)),
        ("Sharpe", number(metrics.sharpe)),
        ("Sortino", number(metrics.sortino)),
        ("Calmar", number(metrics.calmar)),
        ("Max drawdown", f"{percent(metrics.max_drawdown)} over {metrics.max_drawdown_sessions:,} sessions"),
        ("Longest drawdown", f"{metrics.longest_drawdown_sessions:,} sessions"),
        ("Best, worst day", f"{percent(metrics.best_day)}, {percent(metrics.worst_day)}"),
        ("", ""),
        ("Exposure", percent(metrics.exposure)),
        ("Gross exposure", percent(metrics.average_gross_exposure)),
        ("Turnover per year", percent(metrics.turnover)),
        ("Trades", f"{metrics.trades:,} closed, {metrics.open_trades:,} open"),
        ("Win rate", percent(metrics.win_rate)),
        ("Profit factor", number(metrics.profit_factor)),
        ("Average win, loss", f"{number(metrics.average_win)}, {number(metrics.average_loss)}"),
        ("Fees, slippage", f"{number(metrics.fees)}, {number(metrics.slippage)}"),
    ]
    if report.booked:
        parts = [f"{kind} {number(amount)}" for kind, amount in report.booked.items()]
        lines.append(("Cash from holding", ", ".join(parts)))
    if metrics.benchmark_return is not None:
        lines += [
            ("", ""),
            ("Benchmark return", percent(metrics.benchmark_return)),
            ("Alpha", percent(metrics.alpha)),
            ("Beta", number(metrics.beta)),
            ("Tracking error", percent(metrics.tracking_error)),
            ("Information ratio", number(metrics.information_ratio)),
        ]
    unhappy = [
        f"{count:,} {what}"
        for count, what in (
            (counts.refused, "refused"),
            (counts.cut, "cut"),
            *((count, f"for a {reason}") for reason, count in counts.forced.items()),
            (counts.cancelled, "cancelled"),
            (counts.expired, "expired"),
            (counts.ended, "ended with another"),
        )
        if count
    ]
    lines += [
        ("", ""),
        ("Signals", f"{counts.signals:,}"),
        ("Orders", ", ".join([f"{counts.orders:,} placed", f"{counts.fills:,} fills", *unhappy])),
        ("Fingerprint", report.fingerprint),
    ]
    return lines


def summary_table(report: Report) -> RenderableType:
    """The report for ``rich.print``, with its notes and warnings underneath."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(report.name), show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", overflow="fold")
    for label, value in summary_lines(report):
        if label:
            table.add_row(label, Text(value))
        else:
            table.add_section()
    remarks = [Text(f"note: {note}") for note in report.notes]
    remarks += [Text(f"warning: {warning}", style="yellow") for warning in report.warnings]
    return Group(table, *remarks)
