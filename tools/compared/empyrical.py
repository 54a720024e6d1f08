"""empyrical: the constants of its tests, from an account whose sessions make the returns that they are of.

They are the rows of ``empyrical/tests/test_stats.py``'s parameterised tests: a series, perhaps a benchmark, a period,
and the expected figure. Series that are drawn by chance, or that the file computes, are left out.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tools.compared.figures import Row, number
from tools.compared.playing import Played, play
from tools.compared.sources import called, named, tree

ENGINE = "empyrical"
CHECKOUT = "empyrical"
ABOUT = """
Each series of returns is an account: all of it in one asset whose prices make them
([the job](../tools/compared/jobs/empyrical.toml)). Missing returns are left out. `none` is what is not defined: here
null with a reason, there NaN. Rates of 1 % a session and more, which some of their constants are for, are beyond what
`performance.risk_free` takes.
"""
TEST = Path("empyrical") / "tests" / "test_stats.py"
YEARS = {"DAILY": 252.0, "WEEKLY": 52.0, "MONTHLY": 12.0}
NOTHING = "nothing varies or falls: infinite there, not defined here"
MISSING = "the day without a return counts as one of the year there: 9 days, here 8"
WHY = {
    ("test_cum_returns_final", "negative_returns"): "-0.365907 in both: cut there, not rounded, and tested to 4 places",
    ("test_annual_ret", "mixed_returns"): MISSING,
    ("test_cagr", "mixed_returns"): MISSING,
    ("test_calmar", "mixed_returns"): MISSING,
    ("test_tail_ratio", "mixed_returns"): "0.9557 by their formula too, which their test holds to one place",
}


class Test(NamedTuple):
    """One parameterised test: where in a row its benchmark, its period and its figures stand, and ours of each."""

    name: str
    figures: tuple[str, ...]
    benchmark: int = -1
    period: int = -1
    zero: tuple[int, ...] = ()
    """Places that must be 0.0: a rate, a starting value."""
    window: int = -1


TESTS = (
    Test("test_cum_returns_final", ("total_return",), zero=(1,)),
    Test("test_max_drawdown", ("max_drawdown",)),
    Test("test_annual_ret", ("annual_return",), period=1),
    Test("test_cagr", ("annual_return",), period=1),
    Test("test_annual_volatility", ("volatility",), period=1),
    Test("test_calmar", ("calmar",), period=1),
    Test("test_sharpe_ratio", ("sharpe",), zero=(1,)),
    Test("test_sortino", ("sortino",), zero=(1,), period=2),
    Test("test_omega", ("omega",), zero=(1, 2)),
    Test("test_tail_ratio", ("tail_ratio",)),
    Test("test_excess_sharpe", ("information_ratio",), benchmark=1),
    Test("test_alpha_beta", ("alpha", "beta"), benchmark=1),
    Test("test_beta", ("beta",), benchmark=1),
    Test("test_down_capture", ("down_capture",), benchmark=1),
    Test("test_roll_max_drawdown", ("rolling max_drawdown",), window=1),
    Test("test_roll_sharpe_ratio", ("rolling sharpe",), window=1),
)


def rows(checkout: Path) -> Iterator[Row]:
    """Every row of ``TESTS`` whose series is written down."""
    yield from of(TESTS, checkout)


def of(tests: Sequence[Test], checkout: Path) -> Iterator[Row]:
    """Every row of some tests whose series is written down."""
    source = (checkout / TEST).read_text(encoding="utf-8")
    stats = named(tree(checkout / TEST), "TestStats")
    known = written(stats)
    for test in tests:
        for parts in table(named(stats, test.name)):
            yield from _compared(test, parts, known, source)


def _compared(test: Test, parts: list[ast.expr], known: Mapping[str, list[float]], source: str) -> Iterator[Row]:
    series = values(parts[0], known)
    benchmark = values(parts[test.benchmark], known) if test.benchmark > 0 else []
    if not series or benchmark is None or any(not zero(parts[place]) for place in test.zero):
        return
    year = YEARS.get(getattr(parts[test.period], "attr", ""), 0.0) if test.period > 0 else YEARS["DAILY"]
    if not year:
        return
    if benchmark:  # they are joined by day, and begin on the same one but where a first day was cut off
        series, benchmark = joined(series, benchmark)
    series = [one for one in series if not math.isnan(one)]
    of = "a short series" if isinstance(parts[0], ast.Call) else ast.unparse(parts[0])
    of += f" to {ast.unparse(parts[test.benchmark])}" if benchmark else ""
    case = f"{of}, a year of {year:g}"
    window = ast.literal_eval(parts[test.window]) if test.window > 0 else 0
    played = account(series, benchmark, year, window)
    expected = parts[-1].elts if isinstance(parts[-1], ast.Tuple | ast.List) else [parts[-1]]
    if window:
        rolled = [one for one in played.rolling[test.figures[0].split()[1]].tolist() if not math.isnan(one)]
        for at, (one, here) in enumerate(zip(reversed(expected), reversed(rolled), strict=False)):
            yield Row(case, f"{test.figures[0]} of {window}, {at + 1} from the end", written_as(one, source), here)
        return
    for figure, one in zip(test.figures, expected, strict=True):
        their, mine = written_as(one, source), figure_of(played, figure, year)
        if their in ("inf", "none") or number(their) is not None:  # not what they compute themselves
            yield Row(case, figure, their, mine, NOTHING if their == "inf" else WHY.get((test.name, of), ""))


def table(test: ast.AST) -> Iterator[list[ast.expr]]:
    """The rows that a test is parameterised by."""
    assert isinstance(test, ast.FunctionDef)
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and called(decorator) == "expand":
            listed = decorator.args[0]
            assert isinstance(listed, ast.List)
            yield from (row.elts for row in listed.elts if isinstance(row, ast.Tuple))


def written(stats: ast.AST) -> dict[str, list[float]]:
    """The series that a class writes down as numbers over 100."""
    assert isinstance(stats, ast.ClassDef)
    found = {}
    for line in stats.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and isinstance(line.value, ast.Call):
            numbers = hundredths(line.value)
            if numbers is not None:
                found[line.targets[0].id] = numbers
    return found


def hundredths(call: ast.Call) -> list[float] | None:
    """The numbers of ``pd.Series(np.array([...]) / 100, ...)``, None of anything else."""
    first = call.args[0] if call.args else None
    if not isinstance(first, ast.BinOp) or not isinstance(first.left, ast.Call):
        return None
    listed = first.left.args[0]
    assert isinstance(listed, ast.List)
    return [math.nan if isinstance(one, ast.Attribute) else ast.literal_eval(one) / 100.0 for one in listed.elts]


def values(node: ast.expr, known: Mapping[str, list[float]]) -> list[float] | None:
    """A series of a row: a name, its negative, or but for its first day; None of anything else."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Call):
        return hundredths(node)
    if isinstance(node, ast.Constant) and node.value == 0.0:
        return [0.0] * 9
    if isinstance(node, ast.UnaryOp) and (inner := values(node.operand, known)):
        return [-one for one in inner]
    if isinstance(node, ast.Subscript) and (inner := values(node.value, known)):
        return [math.nan, *inner[1:]]
    return None


def joined(series: list[float], benchmark: list[float]) -> tuple[list[float], list[float]]:
    """Both on the days on which both are."""
    both = [pair for pair in zip(series, benchmark, strict=False) if not any(math.isnan(one) for one in pair)]
    return [one for one, _ in both], [other for _, other in both]


def zero(node: ast.expr) -> bool:
    """Whether a place of a row is 0."""
    return isinstance(node, ast.Constant) and node.value == 0


def written_as(node: ast.expr, source: str) -> str:
    """An expected figure as it is written."""
    if isinstance(node, ast.Attribute):
        return "none" if node.attr == "nan" else node.attr
    text = ast.get_source_segment(source, node) or ""
    return "0.0" if text == "-0.0" else text


def account(series: list[float], benchmark: list[float], year: float, window: int) -> Played:
    """A run whose sessions return ``series``, beside a benchmark's."""
    import pandas as pd

    bars = {"A": _bars(series)} | ({"B": _bars(benchmark)} if benchmark else {})
    measured: dict[str, Any] = {"periods_per_year": year} | ({"benchmark": "B"} if benchmark else {})
    stamps = pd.date_range("2024-01-01 12:00", periods=2 * len(series) + 2, freq="12h")
    frames = {
        name: pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=stamps)
        for name, prices in bars.items()
    }
    return play("empyrical", bars=frames, window=window, performance=measured, data={"dates": {"marks": "end"}})


def _bars(series: list[float]) -> list[float]:
    """Closes at noon and at the end of each day, of the day before the first one too."""
    prices = [100.0, 100.0]
    for change in series:
        prices += [prices[-1], prices[-1] * (1.0 + change)]
    return prices


def figure_of(played: Played, figure: str, year: float) -> float | str:
    """One of ours, ``none`` where it is not defined; the information ratio by sessions, as theirs is."""
    report = played.report
    found = getattr(report.metrics, figure) if hasattr(report.metrics, figure) else getattr(report.tails, figure)
    if found is None:
        return "none"
    return found / math.sqrt(year) if figure == "information_ratio" else float(found)
