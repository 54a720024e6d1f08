"""Members that work out what others will say give the engine's answer as those do that wait, whatever the network does;
and where another says something else, that is named, and done over with care.

``BACKBUS_SEEDS`` is how many random runs are tried of each combination; ``BACKBUS_FIRST_SEED`` is the first of them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from backbus.engine.foretold import Foretold
from backbus.engine.predicting import PredictingPortfolio, PredictingStrategy, cut_at_rows
from backbus.errors import Mispredicted, StrategyError
from backbus.execution.handler import ExecutionHandler
from backbus.market.panel import Layout
from backbus.market.ticks import PHASES
from backbus.strategy import Strategy
from backbus.streams.event import Event
from backbus.streams.topology import Kind
from backbus.trading import records as rec
from backbus.trading.numbers import rules_of
from tests.simulation.cases import Case, some_case
from tests.simulation.network import Faults, Handlers, Network, digests
from tests.simulation.test_one_answer import answer_over, check, engines_answer
from tests.simulation.traders import BookReader, Chatter
from tests.unit.records_of_runs import said_by_engine

SEEDS = int(os.environ.get("BACKBUS_SEEDS", "150"))
FIRST = int(os.environ.get("BACKBUS_FIRST_SEED", "0"))
BATCH = 25

PORTFOLIO, STRATEGY, BOTH = ("portfolio",), ("strategy",), ("portfolio", "strategy")


def seeds(first: int, *, with_book: bool) -> list[int]:
    """A batch of cases; of those alone whose strategy reads the book, where it is to predict."""
    if not with_book:
        return list(range(first, first + BATCH))
    return reading()[first - FIRST : first - FIRST + BATCH]


@functools.cache
def reading() -> list[int]:
    """The first cases whose strategy reads the book."""
    found: list[int] = []
    seed = FIRST
    while len(found) < SEEDS:
        if some_case(seed).strategy.reads_book:
            found.append(seed)
        seed += 1
    return found


@pytest.mark.parametrize("predicting", [PORTFOLIO, STRATEGY, BOTH], ids="-and-".join)
@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS, BATCH))
def test_who_predicts_gives_the_engines_answer(first: int, predicting: tuple[str, ...]) -> None:
    for seed in seeds(first, with_book="strategy" in predicting):
        try:
            check(seed, predicting)
        except Exception as error:
            error.add_note(f"seed {seed}: {some_case(seed).job.plain()}")
            raise


@pytest.mark.parametrize("first", range(FIRST, FIRST + SEEDS // 3, BATCH))
def test_nobody_who_predicts_needs_repetitions_to_get_on(first: int) -> None:
    for seed in seeds(first, with_book=True):
        case = some_case(seed)
        faults = Faults(delay_s=case.faults.delay_s, stutter=case.faults.stutter, repeats=False)
        make = functools.partial(case.handlers, BOTH)
        report, _ = answer_over(Network(f"quiet {seed}", make, case.panel.layout, case.window, faults), case)
        assert report == engines_answer(case)[0], seed


# --- who says something else --------------------------------------------------------------------------------------


class LyingOrderLayer(ExecutionHandler):
    """Says another third fill than it computed."""

    lie: Callable[[Any], Any]
    _counted = 0

    def _match(self, block: Any, limit: int) -> int:
        count = super()._match(block, limit)
        at = 2 - self._counted
        self._counted += count
        if not 0 <= at < count:
            return count
        said = type(self).lie(self._fills[:count].copy(), at)
        self._fills[: len(said)] = said
        return len(said)


def changed(fills: Any, at: int) -> Any:
    fills["fee"][at] += 1.0
    return fills


def left_out(fills: Any, at: int) -> Any:
    return np.delete(fills, at)


def added(fills: Any, at: int) -> Any:
    return np.insert(fills, at, fills[at])


class LateOrderLayer(ExecutionHandler):
    """Says its third fill only with the next ones, after it had said that there was nothing more up to there."""

    _counted = 0
    _late: Any = None

    def _match(self, block: Any, limit: int) -> int:
        count = super()._match(block, limit)
        fills, at = self._fills[:count].copy(), 2 - self._counted
        if self._late is not None and count:
            fills, self._late = np.concatenate((self._late, fills)), None
        elif 0 <= at < count:
            self._late, fills = fills[at : at + 1], np.delete(fills, at)
        self._counted += count
        self._fills[: len(fills)] = fills
        return len(fills)


def lying(case: Case, predicting: tuple[str, ...], order_layer: type[ExecutionHandler]) -> Handlers:
    members = case.handlers(predicting)
    layout = case.panel.layout
    members["execution"] = order_layer(rules_of(case.job, layout), layout, progress_rows=max(1, case.window // 4))
    return members


def trading_cases(style: type[Strategy] = BookReader) -> Iterator[Case]:
    """Some of a strategy that fill more than five orders, on a network that is merely slow."""
    found = 0
    for seed in range(FIRST, FIRST + 100_000):
        case = some_case(seed)
        if isinstance(case.strategy, style) and engines_answer(case)[0].counts.fills > 5:
            found += 1
            yield Case(case.panel, case.job, case.strategy, case.block, case.window, Faults(delay_s=0.001))
        if found == 3:
            return


def fields(words: str) -> set[str]:
    return {part.split()[0] for part in words.split(", ")}


@pytest.mark.parametrize("predicting", [PORTFOLIO, STRATEGY, BOTH], ids="-and-".join)
@pytest.mark.parametrize("lie", [changed, left_out, added], ids=lambda lie: lie.__name__)
def test_a_lying_order_layer_is_named_and_the_careful_attempt_has_its_answer(
    lie: Any, predicting: tuple[str, ...]
) -> None:
    order_layer = type("Liar", (LyingOrderLayer,), {"lie": staticmethod(lie)})
    for case in trading_cases(Chatter if predicting == PORTFOLIO else BookReader):
        # A portfolio that waits can make nothing of fills that are missing: there the next attempt has an honest layer.
        without = (), ExecutionHandler if lie is left_out else order_layer
        network = Network(
            "liar",
            functools.partial(lying, case, predicting, order_layer),
            case.panel.layout,
            case.window,
            case.faults,
            functools.partial(lying, case, *without),
        )
        found, _ = answer_over(network, case)
        assert network.endings == ["Mispredicted"]
        place, _, versions = network.mispredicted.partition(": ")
        first = 3 if lie is added else 2  # the second of two that are the same is the one too many
        assert place.startswith(f"record {first} of FILL differs, row "), network.mispredicted
        said, _, worked_out = versions.partition(", " + predicting[-1] + " had worked out ")
        if not worked_out:  # both compare, and whichever comes first tells
            said, _, worked_out = versions.partition(", portfolio had worked out ")
        said = said.removeprefix("execution said ")
        assert said != worked_out and worked_out
        if lie is changed:
            assert fields(said) == fields(worked_out) == {"fee"}
            assert float(said.split()[1]) == float(worked_out.split()[1]) + 1.0
        waited = Network("slow", functools.partial(lying, case, *without), case.panel.layout, case.window, case.faults)
        assert found == answer_over(waited, case)[0]


def test_what_an_order_layer_says_too_late_is_missing_where_it_should_have_been() -> None:
    case = next(trading_cases())
    members = lying(case, BOTH, LateOrderLayer)
    with pytest.raises((Mispredicted, AssertionError)) as caught:
        Network("late", lambda: members, case.panel.layout, case.window, Faults(delay_s=0.001)).run()
    # The network itself notices what comes after its time; a member, that it was not there in time.
    assert "record 2 of FILL differs" in str(caught.value) or "within its lookahead" in str(caught.value)


class LyingPortfolio(PredictingPortfolio):
    """Places another third order than it worked out, and keeps its books by the one that it worked out."""

    _placed = 0

    def _said(self, orders: Any) -> Iterator[Event]:
        at = 2 - self._placed
        self._placed += len(orders)
        if 0 <= at < len(orders):
            orders = orders.copy()
            orders["quantity"][at] *= 2.0
        yield from super()._said(orders)


def test_a_strategy_names_an_order_that_it_worked_out_otherwise() -> None:
    case = next(trading_cases())
    layout, batch = case.panel.layout, max(1, case.window // 4)

    def make() -> Handlers:
        members = case.handlers(BOTH)
        members["portfolio"] = LyingPortfolio(rules_of(case.job, layout), layout, batch_rows=batch)
        return members

    with pytest.raises(Mispredicted, match=r"record 2 of ORDER differs.*portfolio said quantity .*, strategy had"):
        Network("other orders", make, layout, case.window, Faults(delay_s=0.001)).run()


class OtherEquity(PredictingPortfolio):
    """Tells of more cash than there is, once everything is over."""

    def _equity(self) -> Iterator[Event]:
        if self.rows_done == self._layout.rows and len(self._curves):
            self._curves[-1].cash[-1] += 1.0
        yield from super()._equity()


def test_equity_that_was_worked_out_otherwise_differs_between_its_ends() -> None:
    case = next(trading_cases())
    layout, batch = case.panel.layout, max(1, case.window // 4)

    def make() -> Handlers:
        members = case.handlers(BOTH)
        members["portfolio"] = OtherEquity(rules_of(case.job, layout), layout, batch_rows=batch)
        return members

    members = Network("other equity", make, layout, case.window, Faults(delay_s=0.001)).run()
    written = digests(members, "writers")["portfolio", Kind.EQUITY]
    assert digests(members, "vouched")["strategy", Kind.EQUITY] != written


# --- a strategy that fails ----------------------------------------------------------------------------------------


class Faints(BookReader):
    """Cannot stand one fill."""

    row: int = 0
    fee: float = 0.0

    def on_fill(self, fill: Any) -> None:
        if (fill.row, fill.fee) == (self.row, self.fee):
            raise ZeroDivisionError("no more")


def fainting() -> tuple[Case, str]:
    """A case whose strategy fails at what the third FILL record tells, and what the engine says of it."""
    for case in trading_cases():
        third = said_by_engine(case.job, case.panel, case.strategy).fills[2]
        if third["quantity"]:
            break
    row, fee = int(third["tick"]) // PHASES, float(third["fee"])
    strategy = Faints(**case.strategy.model_dump(), row=row, fee=fee)
    case = Case(case.panel, case.job, strategy, case.block, case.window, Faults(delay_s=0.001))
    with pytest.raises(StrategyError) as wanted:
        engines_answer(case)
    return case, str(wanted.value)


def test_a_strategy_fails_by_prediction_where_it_fails_in_one_process() -> None:
    case, wanted = fainting()
    for predicting in (STRATEGY, BOTH):
        make = functools.partial(case.handlers, predicting)
        with pytest.raises(StrategyError) as found:
            Network("fails", make, case.panel.layout, case.window, case.faults).run()
        assert str(found.value) == wanted


def test_a_strategy_does_not_fail_for_a_fill_that_never_was() -> None:
    """The order layer's third fill is another one, so the error follows from the prediction alone: nobody hears it."""
    case, _ = fainting()
    order_layer = type("Liar", (LyingOrderLayer,), {"lie": staticmethod(changed)})
    careful = functools.partial(lying, case, (), order_layer)
    network = Network(
        "another fill",
        functools.partial(lying, case, BOTH, order_layer),
        case.panel.layout,
        case.window,
        case.faults,
        careful,
    )
    found, _ = answer_over(network, case)
    assert network.endings == ["Mispredicted"]
    assert found.counts.fills > 2
    assert "record 2 of FILL differs" in network.mispredicted


# --- the pieces ---------------------------------------------------------------------------------------------------

LAYOUT = Layout(("A", "B"), 100, 0, 86_400_000_000_000)


def fills(*ticks: int) -> Any:
    found = rec.empty(rec.FILL, len(ticks))
    found[:] = np.zeros(1, rec.FILL)
    found["tick"] = ticks
    return found


def test_records_are_compared_once_and_below_the_tick_alone() -> None:
    foretold = Foretold(Kind.FILL, "portfolio", LAYOUT)
    foretold.expect(fills(1, 7, 13))
    foretold.hear(fills(1, 7))
    foretold.compare(13)
    with pytest.raises(
        Mispredicted, match=r"record 2 of FILL differs, row 2 \(OPEN_MATCH\), A: execution said nothing"
    ):
        foretold.compare(14)


def test_how_a_nan_and_a_zero_are_written_makes_no_difference() -> None:
    foretold = Foretold(Kind.FILL, "portfolio", LAYOUT)
    ours, theirs = fills(1, 7), fills(1, 7)
    theirs["fee"] = -0.0
    ours["reference"] = np.nan
    theirs["reference"] = np.frombuffer(np.uint64(0xFFF8000000000001).tobytes(), np.float64)[0]
    foretold.expect(ours)
    foretold.hear(theirs)
    foretold.compare(100)
    foretold.expect(fills(13))
    foretold.hear(changed(fills(13), 0))
    with pytest.raises(Mispredicted, match=r"record 2 of FILL differs, row 2.*said fee 1.0, portfolio had .* fee 0.0$"):
        foretold.compare(100)


def test_orders_are_cut_at_rows() -> None:
    records = rec.empty(rec.ORDER, 7)
    records["tick"] = (4, 4, 10, 10, 10, 16, 16)
    size = records.dtype.itemsize
    parts = [(part["tick"].tolist(), mark) for part, mark in cut_at_rows(records, 18, 2 * size)]
    assert parts == [([4, 4], 6), ([10, 10, 10], 12), ([16, 16], 18)]
    assert [mark for _, mark in cut_at_rows(records, 18, 7 * size)] == [18]
    assert [(len(part), mark) for part, mark in cut_at_rows(records[:0], 18, size)] == [(0, 18)]
    assert [(len(part), mark) for part, mark in cut_at_rows(records[2:5], 12, size)] == [(3, 12)]


def test_what_is_said_in_parts_is_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbus.engine.predicting.MESSAGE_BYTES", rec.ORDER.itemsize)
    monkeypatch.setattr("backbus.engine.predicting.SLICE_ROWS", 3)
    for seed in reading()[:20]:
        check(seed, BOTH)


def test_a_slow_strategy_speaks_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backbus.engine.predicting.SLICE_ROWS", 5)
    case = next(case for case in map(some_case, reading()) if len(case.panel) > 30)
    layout = case.panel.layout
    handler = PredictingStrategy(case.strategy, rules_of(case.job, layout), layout, progress_rows=1)
    block = case.panel.block
    told = handler.receive(Event(Kind.NEW_DATA, "data", 0, len(block), 6 * len(block), block))
    marks = [event.watermark for event in told if event.kind is Kind.SIGNAL]
    assert marks == [6 * min(row, len(block)) for row in range(5, len(block) + 5, 5)]
