"""zipline: slippage and commission, case by case of its tests.

They are in ``tests/finance/test_slippage.py`` and ``test_commissions.py``. An order there meets a bar's close; here it
meets a bar whose every price is that close, in the row after the one that it is given in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.compared.figures import Row
from tools.compared.playing import Played, play
from tools.compared.sources import called, calls, keywords, named, tree, value

ENGINE = "zipline"
CHECKOUT = "zipline"
ABOUT = """
Orders meet the close of a bar there, so the bars here have that price throughout. Amounts and prices are of fills; of
commissions each fill's, or what a row's cash changed by. [The job](../tools/compared/jobs/zipline.toml).
`VolatilityVolumeShare`, a square root of the share of volume with constants by futures symbol, has no like here.
"""
FINANCE = Path("tests") / "finance"
AT_LIMIT = "after slippage the price is beyond the limit: no fill there; here slippage ends at the limit"
IMPACT = {"slippage": {"model": "volume_share", "impact": 0.1, "limit": 0.025}}
NO_FILL = "none"
Bars = Sequence[tuple[float, float]]
"""Price and volume of each."""


def rows(checkout: Path) -> Iterator[Row]:
    """Slippage, then commission."""
    slippage = checkout / FINANCE / "test_slippage.py"
    yield from volume_share(slippage)
    yield from limits(slippage)
    yield from stops(slippage)
    yield from basis_points(slippage)
    yield from fees(checkout / FINANCE / "test_commissions.py")
    yield from capital(checkout / FINANCE / "test_commissions.py")


def played(bars: Bars, quantity: float, terms: Mapping[str, Any] | None = None, **execution: Any) -> Played:
    """An order for ``quantity`` given in a row of the first price, which the bars follow."""
    return given(bars, [quantity], terms, execution)


def given(bars: Bars, quantities: Sequence[float], terms: Mapping[str, Any] | None, execution: Any) -> Played:
    """Several of them."""
    import pandas as pd

    rows = [(bars[0][0], 1e6), *bars]
    stamps = pd.date_range("2006-01-05", periods=len(rows))
    prices = [price for price, _ in rows]
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=stamps)
    frame["volume"] = [volume for _, volume in rows]
    orders = [{"row": 0, "buy" if quantity > 0 else "sell": abs(quantity), **(terms or {})} for quantity in quantities]
    return play("zipline", bars={"A": frame}, strategy={"orders": orders}, execution=execution)


def first(run: Played) -> tuple[float | str, float | str]:
    """Price and quantity of the first fill."""
    return (run.fills[0].price, run.fills[0].quantity) if run.fills else (NO_FILL, NO_FILL)


def both(case: str, their: tuple[str, str], run: Played, why: str = "") -> Iterator[Row]:
    """The rows of a price and an amount."""
    for figure, theirs, ours in zip(("price", "amount"), their, first(run), strict=True):
        yield Row(case, figure, theirs, ours, why)


def expected(test: ast.AST) -> list[tuple[str, str]]:
    """Price and amount of each transaction that a test writes down."""
    found = []
    for node in ast.walk(test):
        if isinstance(node, ast.Dict):
            told = {ast.literal_eval(key): one for key, one in zip(node.keys, node.values, strict=True) if key}
            if "price" in told and "amount" in told:
                found.append((plain(told["price"]), plain(told["amount"])))
    return found


def plain(node: ast.expr) -> str:
    """A number, out of ``float(...)`` or ``int(...)``."""
    return str(value(node.args[0] if isinstance(node, ast.Call) else node))


def volume_share(file: Path) -> Iterator[Row]:
    """A share of a bar's volume, its impact, and bars without volume."""
    tests = tree(file)
    (their,) = expected(named(tests, "test_volume_share_slippage"))
    yield from both("volume share of a share", their, played([(3.0, 200.0)], 100, **IMPACT))
    waits = played([(3.0, 0.0)], 100, **IMPACT)
    yield Row("volume share, a bar without trades", "fills", "0", len(waits.fills))
    (their,) = expected(named(tests, "test_volume_share_slippage_with_future"))
    whole = {"slippage": {"model": "volume_share", "impact": 0.3, "limit": 1.0}}
    yield from both("volume share of a future", their, played([(5.0, 100.0)], 10, **whole))


def limits(file: Path) -> Iterator[Row]:
    """Limit and stop-limit orders whose price slippage would worsen. A bar of 3.5 comes after one of 4, or of 3."""
    tests = tree(file)
    long, short = expected(named(tests, "test_orders_limit"))
    for side, quantity, near, far, before, their in (
        ("long", 100, 3.5, 3.6, 4.0, long),
        ("short", -100, 3.5, 3.4, 3.0, short),
    ):
        bars = [(before, 2000.0), (3.5, 2000.0)]
        for kind, stop in (("limit", {}), ("stop-limit", {"stop": before})):
            at_limit = played(bars, quantity, {"limit": near, **stop}, **IMPACT)
            yield from both(f"{kind}, {side}, at its limit", (NO_FILL, NO_FILL), at_limit, AT_LIMIT)
            beyond = played(bars, quantity, {"limit": far, **stop}, **IMPACT)
            yield from both(f"{kind}, {side}, within its limit", their, beyond)
        unmet = played(bars, quantity, {"limit": 3.0 if quantity > 0 else 4.0, "stop": before}, **IMPACT)
        yield from both(f"stop-limit, {side}, beyond its limit", (NO_FILL, NO_FILL), unmet)


def stops(file: Path) -> Iterator[Row]:
    """The table of stop orders: met where the price is beyond."""
    table = next(
        node.value
        for node in ast.walk(named(tree(file), "OrdersStopTestCase"))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "STOP_ORDER_CASES"
    )
    assert isinstance(table, ast.Dict)
    for name, case in zip(table.keys, table.values, strict=True):
        order, event, outcome = (part(case, key) for key in ("order", "event", "expected"))
        stop, quantity = number(order, "stop"), number(order, "amount")
        price, volume = number(event, "close"), number(event, "volume")
        before = price if quantity * (price - stop) < 0 else stop - 0.1 * (1 if quantity > 0 else -1)
        run = played([(before, 0.0), (price, volume)], quantity, {"stop": stop}, **IMPACT)
        transaction = part(outcome, "transaction")
        pair = (NO_FILL, NO_FILL)
        if isinstance(transaction, ast.Dict):
            pair = (plain(part(transaction, "price")), plain(part(transaction, "amount")))
        assert name is not None
        yield from both(f"stop, {ast.literal_eval(name)}".replace(" | ", ", "), pair, run)


def part(node: ast.expr, key: str) -> ast.expr:
    """The value of a key of a mapping that is written down."""
    assert isinstance(node, ast.Dict)
    return next(one for name, one in zip(node.keys, node.values, strict=True) if name and ast.literal_eval(name) == key)


def number(node: ast.expr, key: str) -> float:
    """A number of a mapping that is written down."""
    return float(value(part(node, key)))


def basis_points(file: Path) -> Iterator[Row]:
    """Basis points with a cap on the share of a bar's volume."""
    tests = named(tree(file), "FixedBasisPointsSlippageTestCase")
    for case in table_of(named(tests, "test_fixed_bps_slippage")):
        name, bps, share, quantity, price, amount = (value(one) for one in case)
        costs = {"slippage": {"model": "bps", "bps": bps}, "volume_cap": share}
        yield from both(name, (str(price), str(amount)), played([(3.0, 200.0)], quantity, **costs))
    costs = {"slippage": {"model": "bps", "bps": 5}, "volume_cap": 0.1}
    for case in table_of(named(tests, "test_volume_limit")):
        name, one, other, *amounts = (value(cell) for cell in case)
        run = given([(3.0, 200.0)], [one, other], None, costs)
        found = [fill.quantity for fill in run.fills if fill.row == 1]
        mine = [found[0] if found else 0.0, found[1] if len(found) > 1 else 0.0]
        for order, their, here in zip(("first", "second"), amounts, mine, strict=True):
            yield Row(f"two orders, one cap: {name}", f"amount of the {order}", str(their), here)
    run = given([(3.0, 200.0)], [20, 20], None, costs)
    yield Row("two orders, one cap: nothing left", "transactions", "1", len([f for f in run.fills if f.row == 1]))


def table_of(test: ast.AST) -> list[list[ast.expr]]:
    """The rows that a test is parameterised by."""
    assert isinstance(test, ast.FunctionDef) and isinstance(test.decorator_list[0], ast.Call)
    listed = test.decorator_list[0].args[0]
    assert isinstance(listed, ast.List)
    return [row.elts for row in listed.elts if isinstance(row, ast.Tuple)]


THREE: Bars = [(100.0, 230.0), (101.0, 170.0), (102.0, 100.0)]
"""Bars that fill an order for 500 as their tests have it filled, all of the volume each."""


def commission(model: ast.expr) -> dict[str, Any] | None:
    """Ours of one of their models; None of one by futures symbol."""
    assert isinstance(model, ast.Call)
    names = {"PerContract": ("cost", "exchange_fee", "min_trade_cost")}.get(called(model), ("cost", "min_trade_cost"))
    given = dict(zip(names, model.args, strict=False)) | keywords(model)
    if any(isinstance(one, ast.Dict) for one in given.values()):
        return None
    told = {name: value(one) for name, one in given.items()}
    if called(model) == "PerDollar":
        return {"model": "bps", "bps": told["cost"] * 10_000}
    if called(model) in ("PerTrade", "PerFutureTrade"):
        return {"model": "per_order", "fee": told["cost"]}
    found = {"model": "per_share", "fee": told["cost"], "order": told.get("exchange_fee", 0)}
    return found | {"minimum": told.get("min_trade_cost") or 0}


def fees(file: Path) -> Iterator[Row]:
    """What each fill of an order for 500 pays."""
    unit = named(tree(file), "CommissionUnitTests")
    for test in ("test_per_share_no_minimum", "test_per_share_shrinking_position", "test_per_dollar", "test_per_trade"):
        model = next(calls(named(unit, test), "PerShare", "PerDollar", "PerTrade"))
        quantity = -500 if "shrinking" in test else 500
        mine = [fill.fee for fill in played(THREE, quantity, commission=commission(model), volume_cap=1.0).fills]
        for at, their in enumerate(single(named(unit, test))):
            yield Row(f"{ast.unparse(model)}, {quantity}", f"fee of fill {at + 1}", their, mine[at])
    for test in ("test_per_contract_no_minimum", "test_per_share_with_minimum", "test_per_contract_with_minimum"):
        body = named(unit, test)
        models = {call.lineno: call for call in calls(body, "PerShare", "PerContract")}
        for call in calls(body, "verify_per_unit_commissions"):
            inner = list(calls(call, "PerShare", "PerContract"))
            model = inner[0] if inner else models[max(line for line in models if line < call.lineno)]
            terms = commission(model)
            totals = keywords(call).get("commission_totals")
            if terms is None or totals is None:
                continue
            run, paid = played(THREE, 500, commission=terms, volume_cap=1.0), 0.0
            for at, (their, fill) in enumerate(zip(value(totals), run.fills, strict=True)):
                paid += fill.fee
                yield Row(f"{ast.unparse(model)}", f"fees up to fill {at + 1}", str(their), paid)


def single(test: ast.AST) -> list[str]:
    """The fees of three fills that a test writes down, in one list or one by one."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "expected_commissions":
            return [str(one) for one in value(node.value)]
    once = [keywords(call) for call in calls(test, "verify_per_trade_commissions")]
    if once:
        return [str(value(once[0]["expected_commission"])), "0", "0"]
    return [str(value(call.args[0])) for call in calls(test, "assertAlmostEqual")]


def capital(file: Path) -> Iterator[Row]:
    """What three days' fills of 100 shares at 10, of an order for 300, cost with their fees."""
    whole = named(tree(file), "CommissionAlgorithmTests")
    for test in ("test_per_trade", "test_per_share_no_minimum", "test_per_share_with_minimum", "test_per_dollar"):
        body = named(whole, test)
        scripts = [keywords(call)["commission"] for call in calls(body, "format") if "commission" in keywords(call)]
        for script, call in zip(scripts, calls(body, "verify_capital_used"), strict=True):
            model = next(calls(ast.parse(ast.literal_eval(script)), "PerTrade", "PerShare", "PerDollar"))
            run = played([(10.0, 100.0)] * 3, 300, commission=commission(model), volume_cap=1.0)
            for at, their in enumerate(value(call.args[1])):
                case = f"{ast.unparse(model)}, 300 shares in three days"
                yield Row(case, f"change of cash on day {at + 1}", str(their), run.cash[at + 1] - run.cash[at])
