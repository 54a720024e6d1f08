"""What a strategy that reads the book hears of its orders, by hand: each thing once, in the row where it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.strategy import Strategy
from tests.unit.order_market import QUIET, bars, flat, job_of

Run = Callable[[Job, Panel, Strategy], Any]


def in_blocks_of_two(job: Job, market: Panel, strategy: Strategy) -> Any:
    return Engine(job.model_copy(update={"run": job.run.model_copy(update={"block": 2})}), market, strategy).run()


WAYS: dict[str, Run] = {
    "engine": lambda job, market, strategy: Engine(job, market, strategy).run(),
    "engine in blocks": in_blocks_of_two,
    "handlers": lambda job, market, strategy: run_handlers(job, market, strategy, block=2, window=8),
}
every_way = pytest.mark.parametrize("way", WAYS)


@every_way
def test_each_fill_is_told_once_though_other_orders_of_its_row_do_not_fill(way: str) -> None:
    heard: list[Any] = []

    class Hears(Strategy):
        def on_bar(self, bar: Any, book: Any) -> None:
            if bar.row < 4:
                self.order(10, limit=90.0)
                self.order(5)
                self.order(1)

        def on_fill(self, fill: Any) -> None:
            heard.append((fill.row, fill.quantity, fill.price))

    WAYS[way](job_of(), bars(*[QUIET] * 6), Hears())
    assert heard == [(row, quantity, 100.0) for row in (1, 2, 3, 4) for quantity in (5.0, 1.0)]


@every_way
def test_each_end_is_told_once_and_in_its_row(way: str) -> None:
    heard: list[Any] = []

    class Hears(Strategy):
        def on_bar(self, bar: Any, book: Any) -> None:
            heard.extend((bar.row, order.quantity, order.state, order.reason) for order in book.news)
            if bar.row == 0:
                self.order(10, limit=90.0, time_in_force="day")
                self.order(3)
                self.order(7, limit=80.0)
            if bar.row == 2:
                self.cancel(book.orders[0])

    WAYS[way](job_of(), bars(*[QUIET] * 5), Hears())
    assert heard == [
        (1, 10.0, "ended", "expired with its session"),  # that it was placed: it is shown as it is by now
        (1, 3.0, "filled", ""),
        (1, 7.0, "working", ""),
        (1, 10.0, "ended", "expired with its session"),
        (3, 7.0, "ended", "the strategy took it back"),
    ]


@every_way
def test_the_end_of_an_order_in_a_split_is_told_in_the_row_of_the_split(way: str) -> None:
    heard: list[Any] = []

    class Hears(Strategy):
        def on_bar(self, bar: Any, book: Any) -> None:
            heard.extend((bar.row, order.state, order.reason) for order in book.news if not order.works)
            if bar.row == 0:
                self.order(5, limit=90.0, stop_loss=80.0)

    WAYS[way](job_of(), bars(*map(flat, [100, 100, 1000, 900]), split={2: 0.1}, dividend={}), Hears())
    assert heard == [
        (2, "ended", "less than one lot was left of it after a split"),
        (2, "ended", "the order that it belongs to ended"),
    ]
