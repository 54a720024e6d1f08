"""A model of the user's own that does what none may ends the run with one error that names it, compiled or not."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.errors import StrategyError
from backbus.jit.calls import COMPILES
from backbus.job.job import Job
from backbus.strategy import Strategy
from tests.unit.order_market import QUIET, asks, bars, job_of, play, scripted, small
from tests.unit.own_functions import given, own

MARKET = bars(*[QUIET] * 8)
BUYS_AND_SELLS: list[Any] = [(1, 0, 1.0), (4, 0, -1.0)]
CALLS = itertools.count()
SEEN: list[float] = []


def runs(job: Job, strategy: Strategy | None = None) -> list[str]:
    """What the engine and the handlers say when they fail."""
    told = []
    says = strategy or scripted(BUYS_AND_SELLS)
    for run in (lambda: Engine(job, MARKET, says).run(), lambda: run_handlers(job, MARKET, says)):
        with pytest.raises(StrategyError) as caught:
            run()
        told.append(str(caught.value))
    return told


# --- slippage ------------------------------------------------------------------------------------------------------


def not_a_number(order: Any, market: Any, parameters: Any) -> Any:
    return math.nan


def infinite(order: Any, market: Any, parameters: Any) -> Any:
    return math.inf


def below_zero(order: Any, market: Any, parameters: Any) -> Any:
    return -1.0


def divides(order: Any, market: Any, parameters: Any) -> Any:
    return order.price / (order.quantity - order.quantity)


def raises(order: Any, market: Any, parameters: Any) -> Any:
    raise ValueError("no price here")


def text(order: Any, market: Any, parameters: Any) -> Any:
    return f"{order.price}"


def nothing(order: Any, market: Any, parameters: Any) -> Any:
    return None


def by_chance(order: Any, market: Any, parameters: Any) -> Any:
    return order.price + random.random()


def counts(order: Any, market: Any, parameters: Any) -> Any:
    return order.price + next(CALLS)


def another_name(order: Any, market: Any, parameters: Any) -> Any:
    return order.prize


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (not_a_number, "slippage not_a_number of mine.py gave nan for Deal(quantity="),
        (infinite, "gave inf for Deal("),
        (below_zero, "gave -1.0 for Deal(quantity=1000, price=100, share=0), Beforehand("),
        (divides, "slippage divides of mine.py raised ZeroDivisionError: "),
        (raises, "raised ValueError: no price here, for Deal("),
        (text, "gave '100.0' for Deal("),
        (nothing, "gave None for Deal("),
        (by_chance, "slippage by_chance of mine.py gives two answers, "),
        (counts, "slippage counts of mine.py gives two answers, "),
        (another_name, "raised AttributeError: 'Deal' object has no attribute 'prize'"),
    ],
)
def test_a_bad_slippage_is_named_with_what_it_was_told_and_what_it_said(function: Any, says: str) -> None:
    for told in runs(given(job_of(execution={"slippage": own(function)}), function)):
        assert says in told
        assert "parameters()" in told


def test_the_error_of_a_model_shows_the_users_own_line() -> None:
    job = given(job_of(execution={"slippage": own(raises)}), raises)
    with pytest.raises(StrategyError) as caught:
        Engine(job, MARKET, scripted(BUYS_AND_SELLS)).run()
    assert 'raise ValueError("no price here")' in (caught.value.traceback or "")


def test_what_was_wrong_is_said_of_the_first_call_that_was() -> None:
    job = given(job_of(execution={"slippage": own(only_buys)}), only_buys)
    for told in runs(job):
        assert "gave -5.0 for Deal(quantity=-" in told


def only_buys(order: Any, market: Any, parameters: Any) -> Any:
    return order.price if order.quantity > 0.0 else -5.0


# --- the others ----------------------------------------------------------------------------------------------------


def fee_of_nan(fill: Any, market: Any, parameters: Any) -> Any:
    return math.sqrt(fill.quantity) if fill.quantity > 0.0 else math.nan


def wrong_side(signal: Any, market: Any, parameters: Any) -> Any:
    return -signal.signal


def endless(signal: Any, market: Any, parameters: Any) -> Any:
    return signal.equity * math.inf


def keeps_more(position: Any, market: Any, parameters: Any) -> Any:
    return position.value * 0.1, position.value * 0.2


def one_number(position: Any, market: Any, parameters: Any) -> Any:
    return position.value


@pytest.mark.parametrize(
    ("fields", "function", "says"),
    [
        (
            {"execution": {"commission": own(fee_of_nan)}},
            fee_of_nan,
            "commission fee_of_nan of mine.py gave nan for Charged(",
        ),
        (
            {"portfolio": {"sizing": own(wrong_side)}},
            wrong_side,
            "sizing wrong_side of mine.py gave -1.0 for Wish(signal=1, ",
        ),
        ({"portfolio": {"sizing": own(endless)}}, endless, "gave inf for Wish("),
        ({"portfolio": {"margin": {"use": "keeps_more"}}}, keeps_more, "margin keeps_more of mine.py gave ("),
        ({"portfolio": {"margin": {"use": "one_number"}}}, one_number, "margin one_number of mine.py gave 1"),
    ],
)
def test_bad_fees_sizes_and_margins_are_named(fields: dict[str, Any], function: Callable[..., Any], says: str) -> None:
    for told in runs(given(job_of(fields.get("portfolio"), fields.get("execution")), function)):
        assert says in told


def keeps_what_it_saw(order: Any, market: Any, parameters: Any) -> Any:
    SEEN.append(order.price)
    return order.price


def test_a_model_that_remembers_something_is_refused_when_the_run_ends() -> None:
    for told in runs(given(job_of(execution={"slippage": own(keeps_what_it_saw)}), keeps_what_it_saw)):
        assert "slippage keeps_what_it_saw of mine.py remembers something from call to call (" in told


def dear_parts(order: Any, market: Any, parameters: Any) -> Any:
    return order.price * 2000.0 / abs(order.quantity)


def test_a_smaller_order_that_costs_more_leaves_no_debt_behind_unseen() -> None:
    job = given(job_of({"shorts": False}, {"slippage": own(dear_parts)}), dear_parts)
    for told in runs(job):
        assert "slippage dear_parts of mine.py: an order that could be paid took more than there was (cash -" in told


def on_some_days(fill: Any, market: Any, parameters: Any) -> Any:
    return 50.0 if market.time // 86_400.0 % 2.0 == 0.0 else 1.0


def test_what_waits_is_looked_at_again_where_its_fee_has_grown() -> None:
    rows = [(100.0, 101.0, 99.0, 100.0)] * 3 + [(100.0, 101.0, 94.0, 95.0)] * 3
    says = {0: asks(10.0, limit=95.0), 1: asks(10.0, limit=95.0)}
    for row in (0, 1):
        job = given(small({"commission": own(on_some_days)}, cash=960.0), on_some_days)
        found = play(bars(*rows), {row: says[row]}, job)
        assert min(found.cash) >= 0.0
        assert [quantity for _, _, _, quantity, _ in found.fills] == [9.0]


# --- what is said ---------------------------------------------------------------------------------------------------


def rounds(order: Any, market: Any, parameters: Any) -> Any:
    return float(f"{order.price:.2f}")


@pytest.mark.skipif(not COMPILES, reason="all is plain Python")
def test_plain_python_is_said_with_what_it_costs() -> None:
    job = given(job_of(execution={"slippage": own(rounds)}), rounds)
    report = Engine(job, MARKET, scripted(BUYS_AND_SELLS)).run()
    (note,) = [note for note in report.warnings if "rounds" in note]
    assert note.startswith("slippage rounds of mine.py is plain Python: ")
    assert "µs a call (it cannot be compiled: " in note
    assert run_handlers(job, MARKET, scripted(BUYS_AND_SELLS)) == report
