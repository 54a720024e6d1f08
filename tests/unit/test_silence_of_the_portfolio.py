"""How long the portfolio says that it will be silent, by hand: what of its orders must be looked at again, and when."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.market.ticks import CLOSE_DECIDE, CLOSE_SIGNAL, OPEN_DECIDE, PHASES, tick_of
from backbus.portfolio.handler import PortfolioHandler
from backbus.streams.stream import StreamWriter
from backbus.streams.topology import Kind
from backbus.trading.codes import End, SignalKind, Term
from backbus.trading.numbers import rules_of
from backbus.trading.records import FILL, ORDINALS_OF_ONE, SIGNAL, Records, empty, order_id
from tests.unit.order_market import HOLE, QUIET, bars, flat, job_of

Said = tuple[int, int, float]
"""Asset, kind and value of a SIGNAL record."""
LONG = (SignalKind.DIRECTION, 1.0)


def worked(
    job: Job,
    market: Panel,
    row: int,
    said: Sequence[Said],
    fills: int = 0,
    filled: Records | None = None,
    known: int | None = None,
) -> tuple[int, int]:
    """ORDER's last watermark, and the rows that are worked off, when the first ``known`` bars are, or all, what was
    said in ``row`` is all that is said, and FILL is complete up to the tick ``fills`` and has ``filled`` alone."""
    rows = len(market)
    portfolio = PortfolioHandler(rules_of(job, market.layout), market.layout, reads_book=False, batch_rows=rows)
    signals = empty(SIGNAL, len(said))
    for record, (asset, kind, value) in zip(signals, said, strict=True):
        record["tick"], record["asset"] = tick_of(row, CLOSE_SIGNAL), asset
        record["kind"], record["value"] = kind, value
    data, signal, fill = (StreamWriter(kind, "tests") for kind in (Kind.NEW_DATA, Kind.SIGNAL, Kind.FILL))
    said_of_orders = list(portfolio.start())
    for event in (
        data.write(market.block.rows(0, known or rows), PHASES * (known or rows)),
        signal.write(signals, PHASES * rows),
        fill.write(filled, fills),
    ):
        said_of_orders += portfolio.receive(event)
    return [event.watermark for event in said_of_orders if event.kind is Kind.ORDER][-1], portfolio.rows_done


def silent(job: Job, market: Panel, row: int, said: Sequence[Said], fills: int = 0) -> int:
    """How long ORDER is silent then."""
    return worked(job, market, row, said, fills)[0]


def test_an_order_that_waits_in_a_hole_is_looked_at_in_the_next_row() -> None:
    market = bars([QUIET, QUIET], [QUIET, HOLE], [QUIET, QUIET], [QUIET, QUIET])
    both = [(0, *LONG), (1, *LONG)]
    job = job_of({"sizing": {"model": "equal_weight"}})
    # A fills at the open of row 1; the open of row 2 decides about B
    assert silent(job, market, 0, both, fills=PHASES) == tick_of(2, OPEN_DECIDE)
    # without the hole nothing is left to be decided
    assert silent(job, bars(*[[QUIET, QUIET]] * 4), 0, both, fills=PHASES) == 4 * PHASES


def test_an_order_on_the_close_whose_asset_has_a_hole_is_looked_at_in_the_next_row() -> None:
    job = job_of({"sizing": {"model": "equal_weight"}}, {"fill": "close"})
    both = [(0, *LONG), (1, *LONG)]
    # B has a hole in the row of its signal: the signal waits, and is decided at the close of row 1
    market = bars([QUIET, QUIET], [QUIET, HOLE], [QUIET, QUIET], [QUIET, QUIET])
    assert silent(job, market, 1, both, fills=PHASES) == tick_of(2, CLOSE_DECIDE)


def test_an_order_on_the_next_close_is_looked_at_there() -> None:
    on_close = [(0, Term.AT_CLOSE, 1.0), (0, SignalKind.QUANTITY, 5.0)]
    assert silent(job_of(), bars(*[QUIET] * 4), 0, on_close) == tick_of(1, CLOSE_DECIDE)
    assert silent(job_of(), bars(*[QUIET] * 4), 0, on_close, fills=PHASES) == tick_of(1, CLOSE_DECIDE)


def test_a_resting_limit_that_may_open_something_is_looked_at_at_every_open() -> None:
    limit = [(0, Term.LIMIT, 90.0), (0, SignalKind.QUANTITY, 5.0)]
    # FILL covers row 1, whose open was decided; that of row 2 follows, and can be decided too
    assert silent(job_of(), bars(*[QUIET] * 4), 0, limit, fills=2 * PHASES) == tick_of(3, OPEN_DECIDE)


def test_a_resting_limit_that_only_sells_what_is_held_is_not_looked_at_again() -> None:
    limit = [(0, Term.LIMIT, 190.0), (0, Term.REDUCE, 1.0), (0, SignalKind.QUANTITY, -5.0)]
    assert silent(job_of(), bars(*[QUIET] * 4), 0, limit, fills=PHASES) == 4 * PHASES


@pytest.mark.parametrize("exits", [[], [(0, Term.STOP_LOSS, 80.0)]])
def test_a_split_is_worked_off_when_the_market_has_come_to_it_and_its_ended_orders_wait_for_nothing(
    exits: list[Said],
) -> None:
    market = bars(*map(flat, [100, 100, 1000, 900]), split={2: 0.1}, dividend={})
    limit = [(0, Term.LIMIT, 90.0), *exits, (0, SignalKind.QUANTITY, 5.0)]
    # half a share is left of the order after the split in row 2
    assert worked(job_of(), market, 0, limit, fills=2 * PHASES) == (tick_of(2, OPEN_DECIDE), 2)
    order = order_id(0, 0, ORDINALS_OF_ONE)
    ends = empty(FILL, 1 + bool(exits))
    ends["tick"], ends["order"] = 2 * PHASES, [order, order + 2][: len(ends)]
    ends["rule"] = [End.SPLIT_AWAY, End.PARENT_ENDED][: len(ends)]
    assert worked(job_of(), market, 0, limit, fills=2 * PHASES + 1, filled=ends) == (4 * PHASES, 4)


def test_while_something_is_held_that_a_margin_call_may_close_each_close_is_looked_at() -> None:
    margin, market = {"leverage": 2.0, "margin": {"maintenance": 0.25}}, bars(*[QUIET] * 4)
    filled = empty(FILL, 1)
    filled["tick"], filled["order"] = PHASES + 1, order_id(0, 0, ORDINALS_OF_ONE)
    filled["quantity"], filled["price"], filled["unit"] = 5.0, 100.0, 1.0
    for job, silent_to in ((job_of(margin), tick_of(2, CLOSE_DECIDE)), (job_of(), 4 * PHASES)):
        # nothing works any more after the open of row 1
        asked = [(0, SignalKind.QUANTITY, 5.0)]
        assert worked(job, market, 0, asked, 2 * PHASES, filled, known=2) == (silent_to, 2)
