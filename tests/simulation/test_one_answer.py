"""However slow, lossy and mortal the network is: handlers behind it give the engine's answer, and never block.

``BACKBUS_SEEDS`` is how many random runs are tried; ``BACKBUS_FIRST_SEED`` is the first of them.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Container
from typing import Any

import numpy as np
import pytest

from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.performance.tables import Columns, Piece
from backbus.strategy import Strategy
from backbus.trading.codes import End
from tests.simulation.cases import Case, some_case
from tests.simulation.network import Deadlock, Faults, Network, digests
from tests.unit.order_market import HOLE, bars
from tests.unit.panels import tables_of

SEEDS = int(os.environ.get("BACKBUS_SEEDS", "300"))
FIRST = int(os.environ.get("BACKBUS_FIRST_SEED", "0"))
BATCH = 50
"""Seeds to a test: few enough that a failing test says where to look, and that the list of tests stays readable."""


def _rows(piece: Piece) -> int:
    return len(next(iter(piece[1].values())))


def engines_answer(case: Case) -> tuple[Any, dict[str, Columns]]:
    """The report and the tables of the run in one process."""
    pieces: list[Piece] = []
    report = Engine(case.job, case.panel, case.strategy, pieces.extend).run()
    return report, tables_of(piece for piece in pieces if _rows(piece))


def answer_over(network: Network, case: Case) -> tuple[Any, dict[str, Columns]]:
    """The report and the tables of the run over a network, both ends of whose streams must agree."""
    members = network.run()
    written = {kind: seen for (_, kind), seen in digests(members, "writers").items()}
    for (reader, kind), seen in [*digests(members, "readers").items(), *digests(members, "vouched").items()]:
        assert seen == written[kind], f"{reader} read or worked out another {kind} than was written"
    performance: Any = members["performance"]
    return performance.report(case.panel.notes), tables_of(piece for piece in performance.take_pieces() if _rows(piece))


def check(seed: int, predicting: Container[str] = ()) -> Counter[str]:
    """Run a case both ways, compare, and say what happened in it."""
    case = some_case(seed)
    make = functools.partial(case.handlers, predicting)
    network = Network(f"network {seed}", make, case.panel.layout, case.window, case.faults)
    wanted, wanted_tables = engines_answer(case)
    report, found_tables = answer_over(network, case)
    assert report.fingerprint == wanted.fingerprint
    assert report == wanted
    assert found_tables.keys() == wanted_tables.keys()
    for name, columns in wanted_tables.items():
        for column, values in columns.items():
            np.testing.assert_array_equal(found_tables[name][column], values, err_msg=f"{name}.{column}")
    counts = wanted.counts
    return Counter(
        runs=1,
        attempts=network.attempt,
        deliveries=network.deliveries,
        lost=network.lost,
        signals=counts.signals,
        orders=counts.orders,
        fills=counts.fills,
        refused=counts.refused,
        cut=counts.cut,
        cancelled=counts.cancelled,
        expired=counts.expired,
        **Counter(network.endings),
    )


happened: Counter[str] = Counter()
counted = pytest.mark.shares("seeds of the faulty network")
"""Of the tests that count what happened, and the one that reads it: run by one worker."""


@counted
@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BATCH))
def test_handlers_behind_a_faulty_network_give_the_engines_answer(first: int) -> None:
    for seed in range(first, min(first + BATCH, FIRST + SEEDS)):
        try:
            happened.update(check(seed))
        except Exception as error:
            error.add_note(f"seed {seed}: {some_case(seed).job.plain()}")
            raise


@counted
def test_the_seeds_saw_everything_that_can_happen_to_an_order_and_to_an_attempt() -> None:
    if happened["runs"] < 200:
        pytest.skip("too few random runs were tried before this test")
    print(dict(happened))
    for what in ("fills", "refused", "cut", "cancelled", "expired", "lost", "StreamGap", "Crash"):
        assert happened[what] > 0, what


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS // 2, BATCH))
def test_where_nothing_is_lost_nothing_has_to_be_repeated(first: int) -> None:
    """Every lookahead is said when it is known: a run that needs repetitions to get on would crawl at their pace."""
    for seed in range(first, min(first + BATCH, FIRST + SEEDS)):
        case = some_case(seed)
        faults = Faults(delay_s=case.faults.delay_s, stutter=case.faults.stutter, repeats=False)
        network = Network(f"quiet {seed}", case.handlers, case.panel.layout, case.window, faults)
        try:
            report, _ = answer_over(network, case)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        assert report == engines_answer(case)[0]


def test_a_lost_message_is_noticed_even_if_nothing_follows_it() -> None:
    """Every message may be the last one: losing all but the repeated marks must end in a gap, never in silence."""
    case = some_case(3)
    faults = Faults(drop=0.5, faulty_attempts=4)
    network = Network("lossy", case.handlers, case.panel.layout, case.window, faults)
    network.run()
    assert set(network.endings) == {"StreamGap"}


def test_a_run_that_cannot_go_on_is_called_a_deadlock() -> None:
    """The watch itself works: without the order layer's answers nothing gets on, and the simulation says so."""
    case = some_case(3)

    def mute() -> Any:
        members = case.handlers()
        members["execution"].receive = lambda event: ()  # type: ignore[method-assign]
        return members

    with pytest.raises(Deadlock):
        Network("mute", mute, case.panel.layout, case.window, Faults()).run()


class AsksLate(Strategy):
    """Wants an asset that never trades again, and much later an order that is refused."""

    def on_bar(self, bar: Any) -> None:
        if bar.row == 0 and bar.symbol == "B":
            self.go_long()
        if bar.row == 4 and bar.symbol == "A":
            self.buy(0.001)


def test_an_order_that_is_left_over_has_one_end_though_lists_began_after_it() -> None:
    """The portfolio keeps lists from the refused order on, the order layer never hears of it, the engine keeps them
    from the block's first row: what is said of the left-over order is the same."""
    quiet = (100.0, 101.0, 99.0, 100.0)
    market = bars([quiet, quiet], *[[quiet, HOLE]] * 5)
    job = Job.parse({"strategy": {"use": "None"}, "portfolio": {"cash": 1000.0}})
    case = Case(market, job, AsksLate(), 1, 2, Faults())
    wanted, wanted_tables = engines_answer(case)
    network = Network("left over", case.handlers, market.layout, case.window, case.faults)
    report, found_tables = answer_over(network, case)
    assert report == wanted
    assert report.counts.expired == 1
    assert (
        found_tables["order_ends"]["reason"].tolist()
        == wanted_tables["order_ends"]["reason"].tolist()
        == [End.RUN_OVER]
    )
