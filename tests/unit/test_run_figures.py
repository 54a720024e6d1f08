"""Figures of a run: each draws the run's own numbers, or says in words why there is nothing to draw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.errors import UsageError
from backbus.figures.costs import steps
from backbus.figures.registry import NothingToShow, figure, figures, find_figure
from backbus.runs.shown import RunShown
from tests.unit.kept_runs import home, ran

__all__ = ["home"]
NOT_OF_DAYS = ("trades_by_hour",)
"""What a run of days has not."""


def shown(folder: Path) -> RunShown:
    result = read_run(folder)
    assert isinstance(result, Result)
    return result


@pytest.fixture
def run(home: Path) -> RunShown:
    costs = "execution.commission={model='bps', bps=10}"
    return shown(ran(home, "first", costs, "execution.slippage={model='bps', bps=5}"))


@pytest.mark.parametrize("name", list(figures()))
def test_every_figure_draws_a_run_and_says_why_where_it_cannot(run: RunShown, home: Path, name: str) -> None:
    one = figures()[name]
    assert one.meaning
    if name in NOT_OF_DAYS:
        with pytest.raises(NothingToShow):
            one.draw(run)
    else:
        assert one.draw(run).data
    never = shown(ran(home, "never", "data.end='2020-01-03'"))
    try:
        assert one.draw(never).data
    except NothingToShow as said:
        assert str(said)


def test_equity_underwater_and_months_are_the_run_s_numbers(run: RunShown) -> None:
    equity = run.column("equity", "equity")
    drawn = figures()["equity"].draw(run).data[0]
    np.testing.assert_array_equal(drawn.y, equity)
    depth = figures()["underwater"].draw(run).data[0].y
    assert float(np.min(depth)) == pytest.approx(run.summary.metrics.max_drawdown, abs=1e-12)
    months = figures()["monthly_returns"].draw(run).data[0]
    text = [float(one) for one in np.array(months.text)[0, :12] if one]
    assert np.prod([1 + one / 100 for one in text]) - 1 == pytest.approx(run.summary.metrics.total_return, abs=5e-3)


def test_costs_lead_from_gross_to_net(run: RunShown) -> None:
    told = steps(run)
    assert told[0][0] == "gross" and told[-1][0] == "net"
    assert sum(amount for _, amount in told[:-1]) == pytest.approx(told[-1][1])
    assert told[-1][1] == pytest.approx((run.summary.final_equity or 0.0) - run.cash)


def test_a_figure_of_one_s_own_is_registered_in_one_line_and_an_unknown_one_lists_the_others(run: RunShown) -> None:
    @figure("mine", "nothing yet")
    def mine(of: RunShown) -> str:
        return of.summary.name

    assert find_figure("mine").draw(run) == "mine"
    with pytest.raises(UsageError, match="there is no figure 'luck' of a run; choose one of overview, price, equity"):
        find_figure("luck")


PROBE = """
import sys
from importlib.metadata import EntryPoint
from backbus.figures import registry

bad = EntryPoint("broken", "no_such_package.figures", registry.GROUP)
registry.entry_points = lambda group: [bad]

@registry.figure("equity", "mine, and not theirs")
def mine(run):
    return "mine"

found = registry.figures()
print(found["equity"].meaning, "|", len(found) > 15)
try:
    found["broken"].draw(None)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_figure_of_one_s_own_takes_the_place_of_ours_and_a_broken_package_ends_nothing_else() -> None:
    shown = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True).stdout
    first, second = shown.splitlines()
    assert first == "mine, and not theirs | True"
    assert second.startswith("UsageError the package of the figure 'broken' (no_such_package.figures) cannot be loaded")
