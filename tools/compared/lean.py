"""LEAN: four of its regression algorithms on the sample data of its repository.

Expected figures are each algorithm's ``ExpectedStatistics``. Prices, factor and map files are read as they lie below
``Data``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tools.compared.figures import Row
from tools.compared.playing import Played, play

ENGINE = "LEAN"
CHECKOUT = "Lean"
ABOUT = """
Jobs on its own files: [MACDTrendAlgorithm](../tools/compared/jobs/lean_macd.toml),
[DividendRegressionAlgorithm](../tools/compared/jobs/lean_dividends.toml),
[BasicTemplateDailyAlgorithm](../tools/compared/jobs/lean_daily.toml) and, of minutes,
[BasicTemplateAlgorithm](../tools/compared/jobs/lean_minute.toml). Its defaults as settings: prices that are
adjusted by its factor files (`data.adjust = "adj_close"`), raw ones with dividends in cash (`"events"`), 0.25 % of the
account kept back (`portfolio.cash_buffer`), the fee within the size (`portfolio.fees_in_size`), an account of twice its
equity (`portfolio.leverage`), Interactive Brokers' fees, market orders of daily bars at the next open, those of minutes
at once at the close of the side that is quoted (`data.quotes`, `execution.fill = "close"`). Drawdowns are rounded to
three places there before they become percent.
"""
ALGORITHMS = Path("Algorithm.CSharp")
STATISTIC = re.compile(r'\{"([^"]+)", "([^"]*)"\}')


class Case(NamedTuple):
    """An algorithm, and the job that is like it."""

    name: str
    job: str


CASES = (
    Case("MACDTrendAlgorithm", "lean_macd"),
    Case("DividendRegressionAlgorithm", "lean_dividends"),
    Case("BasicTemplateDailyAlgorithm", "lean_daily"),
    Case("BasicTemplateAlgorithm", "lean_minute"),
)
CALENDAR = "a year is 365 days there, and sessions here"
UNFILLED = "84 of them filled there too, as fees and account show; which the other one is its figures do not tell"


def statistics(file: Path) -> dict[str, str]:
    """What an algorithm expects of itself, signs of money and percent taken off."""
    text = file.read_text(encoding="utf-8-sig")
    found = STATISTIC.findall(text[text.index("ExpectedStatistics") :])
    plain = {name: told.strip("$%") for name, told in found}
    plain["Drawdown"] = plain["Drawdown"].removesuffix("00")  # rounded to three places before it became percent
    return plain


def rows(checkout: Path) -> Iterator[Row]:
    """The account at the end, fees, orders, and figures that have one meaning."""
    yield from of(CASES, checkout)


def of(cases: Sequence[Case], checkout: Path) -> Iterator[Row]:
    """The same of some algorithms."""
    for case in cases:
        expected = statistics(checkout / ALGORITHMS / f"{case.name}.cs")
        run = play(case.job, checkout.parent)
        for name, (mine, why) in figures(run).items():
            yield Row(case.name, name, expected[name], mine, why)


def figures(run: Played) -> dict[str, tuple[float, str]]:
    """Ours by their names."""
    report = run.report
    metrics = report.metrics
    found: dict[str, tuple[float, str]] = {
        "End Equity": (report.final_equity or 0.0, ""),
        "Total Fees": (run.fees, ""),
        "Total Orders": (float(report.counts.orders), UNFILLED),
        "Net Profit": ((metrics.total_return or 0.0) * 100.0, ""),
        "Drawdown": (-(metrics.max_drawdown or 0.0) * 100.0, ""),
        "Compounding Annual Return": ((metrics.annual_return or 0.0) * 100.0, CALENDAR),
    }
    if metrics.win_rate is not None:
        found["Win Rate"] = (metrics.win_rate * 100.0, "")
    return found
