"""vectorbt: the orders of its tables of target weights, record by record (``tests/test_portfolio.py``)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.compared.figures import Row
from tools.compared.playing import Played
from tools.compared.rebalancing import rebalanced
from tools.compared.sources import called, calls, keywords, named, tree

ENGINE = "vectorbt"
CHECKOUT = "vectorbt"
ABOUT = """
Prices of 1, 2, 3, 4 and 5 in five rows, 100 in cash, fractions of units. Weights are asked for and met at each close
([the job](../tools/compared/jobs/rebalance.toml)). `tests/peers` holds both engines against each other on generated
prices, order by order.
"""
TEST = Path("tests") / "test_portfolio.py"
PRICE = (1.0, 2.0, 3.0, 4.0, 5.0)
NAMES = "abc"


class Order(NamedTuple):
    """A record: a column, a row, size, price, fee, and 1 where it sells."""

    column: int
    row: int
    size: str
    price: str
    fee: str
    side: int


def rows(checkout: Path) -> Iterator[Row]:
    """Each table of constant target weights."""
    source = (checkout / TEST).read_text(encoding="utf-8")
    tests = named(tree(checkout / TEST), "TestFromOrders")
    for test in ("test_target_percent", "test_update_value"):
        for call in calls(named(tests, test), "record_arrays_close"):
            yield from table(call, source)


def table(call: ast.Call, source: str) -> Iterator[Row]:
    """One assertion: a portfolio, and the records that it is to have."""
    asked, expected = call.args
    if (
        not isinstance(asked, ast.Attribute)
        or not isinstance(asked.value, ast.Call)
        or not isinstance(expected, ast.Call)
    ):
        return
    if called(expected) != "array":
        return
    portfolio, records = asked.value, list(orders(expected, source))
    given = keywords(portfolio)
    rate, slip = (float(ast.literal_eval(given[name])) if name in given else 0.0 for name in ("fees", "slippage"))
    if "update_value" in given and ast.literal_eval(given["update_value"]):
        return  # the account's value moves within a row there: no rule of one moment
    shared = "cash_sharing" in given
    size = ast.literal_eval(given["size"])
    weights = [size] * 3 if shared else size[0]
    execution: dict[str, Any] = {"fill": "close", "commission": {"model": "bps", "bps": rate * 10_000}}
    execution["slippage"] = {"model": "bps", "bps": slip * 10_000}
    direction = called(portfolio).removeprefix("from_orders_")
    for group in [weights] if shared else [[weight] for weight in weights]:
        first = 0 if shared else weights.index(group[0])
        if (direction == "longonly" and group[0] < 0) or (direction == "shortonly" and group[0] < 0):
            continue
        sign = -1.0 if direction == "shortonly" else 1.0
        account = {"lot": 0, "shorts": direction != "longonly", "leverage": 2.0 if group[0] * sign < 0 else 1.0}
        prices = dict.fromkeys(NAMES[: len(group)], PRICE)
        run = rebalanced(prices, [sign * one for one in group], portfolio={"cash": 100, **account}, execution=execution)
        costs = f", fees {rate:g}, slippage {slip:g}" if rate else ""
        case = f"{direction}, weight {' '.join(f'{one:g}' for one in group)}{costs}"
        yield from compared(case, [one for one in records if shared or one.column == first], run, first)


def compared(case: str, records: list[Order], run: Played, first: int) -> Iterator[Row]:
    """Size, price and fee of each record beside the fill of its row and asset; sizes are differences of positions."""
    held: dict[int, float] = {}
    fills = {(fill.row, NAMES.index(fill.symbol) + first): fill for fill in run.fills}
    for one in records:
        fill = fills.pop((one.row, one.column), None)
        place = f"{case}: row {one.row}" + (f", {NAMES[one.column]}" if " " in case.split("weight ")[1] else "")
        side = -1.0 if one.side else 1.0
        held[one.column] = held.get(one.column, 0.0) + float(one.size) * side
        paid = float(one.fee) / float(one.size)
        for figure, their, mine, scale in (
            ("size", one.size, fill.quantity * side if fill else "none", 1.0),
            ("price", one.price, fill.price if fill else "none", 0.0),
            *((("fee", one.fee, fill.fee if fill else "none", paid),) if paid else ()),
        ):
            yield Row(place, figure, their, mine, of=abs(held[one.column]) * scale)
    yield Row(case, "further orders", "0", len(fills))


def orders(array: ast.Call, source: str) -> Iterator[Order]:
    """The records that are written down."""
    listed = array.args[0]
    assert isinstance(listed, ast.List)
    for record in listed.elts:
        assert isinstance(record, ast.Tuple)
        _, column, row, size, price, fee, side = (ast.get_source_segment(source, one) or "" for one in record.elts)
        yield Order(int(column), int(row), size, price, fee, int(side))
