"""Settings that are refused when a job is read, each with what its message says to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

GONE = object()
"""In place of a value: the setting is removed."""

STRATEGY = {"strategy": {"use": "None"}}
ASSET = {"symbol": "A", "path": {"model": "random_walk", "volatility": 0.2}}
MADE = {"rows": 50, "assets": [ASSET]}
TWO = {"rows": 50, "assets": [ASSET, {**ASSET, "symbol": "B"}]}
LOWS = {"drift": 0.0, "volatility": 0.1}
LIKE = {"rows": 3, "assets": [{"symbol": "X", "path": {"model": "history", "of": "A"}}]}
FROM = {"files": "a.csv", "universe": "u.csv"}
BITS = {"parameters": {"fast": [1, 2]}}


class Refused(NamedTuple):
    """A job that is refused, by what, and what helps: the fields that are changed."""

    says: str
    job: Mapping[str, Any]
    helps: Mapping[str, Any]


def _data(says: str, settings: Mapping[str, Any], **helps: Any) -> Refused:
    return Refused(says, {"data": dict(settings)}, {f"data.{name}": value for name, value in helps.items()})


def _sweep(says: str, settings: Mapping[str, Any], **helps: Any) -> Refused:
    changed = {f"sweep.{name.replace('__', '.')}": value for name, value in helps.items()}
    return Refused(says, {"sweep": dict(settings)}, changed)


def _axis(says: str, axis: Any, better: Any) -> Refused:
    return Refused(says, {"sweep": {"parameters": {"fast": axis}}}, {"sweep.parameters.fast": better})


def _path(says: str, path: Mapping[str, Any], **helps: Any) -> Refused:
    better = {name: value for name, value in {**path, **helps}.items() if value is not GONE}
    return Refused(
        says,
        {"simulator": {**MADE, "assets": [{**ASSET, "path": dict(path)}]}},
        {"simulator.assets": [{**ASSET, "path": better}]},
    )


def _simulator(says: str, settings: Mapping[str, Any], **helps: Any) -> Refused:
    return Refused(
        says, {"simulator": {**TWO, **settings}}, {f"simulator.{name}": value for name, value in helps.items()}
    )


def _instrument(says: str, line: Mapping[str, Any], **helps: Any) -> Refused:
    better = {name: value for name, value in {**line, **helps}.items() if value is not GONE}
    return Refused(says, {"instruments": [dict(line)]}, {"instruments": [better]})


def _commission(says: str, line: Mapping[str, Any], **helps: Any) -> Refused:
    return Refused(says, {"execution": {"commission": dict(line)}}, {"execution.commission": {**line, **helps}})


def _form(says: str, form: str, better: str) -> Refused:
    return Refused(says, {"data": {"files": "a.csv", "dates": {"form": form}}}, {"data.dates.form": better})


DATA = (
    _data("name each symbol once, and at least one", {"symbols": ["A", "A"]}, symbols=["A"]),
    _data("name each symbol once, and at least one", {"symbols": []}, symbols=["A"]),
    _data("files and dataset cannot both be given", {"files": "a.csv", "dataset": "x"}, files=GONE),
    _data("database is missing its query", {"database": "a.db"}, query="SELECT 1"),
    _data(
        'adjust = "events" goes with bars as they are', {"files": "a.csv", "adjust": "events", "bars": "1w"}, bars=GONE
    ),
    _data("align needs a calendar", {"files": "a.csv", "align": True}, calendar="XNYS"),
    _data("decimal is settled when a dataset is imported", {"dataset": "x", "decimal": ","}, decimal=GONE),
    _data(
        'takes effect in a run: set adjust = "events"', {"files": "a.csv", "columns": ["delisting"]}, adjust="events"
    ),
    _data("'valume' is no column of ours", {"files": "a.csv", "names": {"valume": "V"}}, names={"volume": "V"}),
    _data("'rate' is no column of ours", {"files": "a.csv", "names": {"rate": "V"}}, columns=["rate"]),
    _data("'close' is no name of a further column", {"files": "a.csv", "columns": ["close"]}, columns=["rate"]),
    _data("name each column once", {"files": "a.csv", "columns": ["a", "a"]}, columns=["a"]),
    _data("name each timeframe once", {"files": "a.csv", "timeframes": ["1w", "1w"]}, timeframes=["1w"]),
    _data("unknown time zone 'New York'", {"files": "a.csv", "timezone": "New York"}, timezone="America/New_York"),
    _data("write a part of a day that divides 24 hours", {"files": "a.csv", "timeframes": ["7h"]}, timeframes=["1mo"]),
    _data("or an amount, such as 500 ticks", {"files": "a.csv", "bars": "7 apples"}, bars="500 ticks"),
    _data("or an amount, such as 500 ticks", {"files": "a.csv", "bars": "1.5 ticks"}, bars="1e6 volume"),
    _data("name its table by data.universe", {"files": "a.csv", "leaving": "keep"}, universe="u.csv"),
    _data("the universe makes the column 'member'", {"universe": "u.csv", "columns": ["member"]}, columns=GONE),
    _data("calendars make the column", {"calendars": {"XNYS": ["A"]}, "columns": ["own_session"]}, columns=GONE),
    _form("it has no year", "%d.%m", "%d.%m.%Y"),
    _form("it has no month", "%Y-%d", "%Y-%b-%d"),
    _form("%I counts to twelve and needs %p", "%Y-%m-%d %I:%M", "%Y-%m-%d %I:%M %p"),
    _form("'%Q' is no code of a date; known are", "%Y-%m-%d %Q", "ms"),
    _form("%Y is there twice", "%Y %Y-%m-%d", "%Y-%m-%d"),
    _form("%Y and %y say the same thing", "%y %Y-%m-%d", "%Y-%m-%d"),
    _form("%M needs %H", "%Y-%m-%d %M", "%Y-%m-%d %H:%M"),
)

SWEEPS = (
    _axis("has .*, which is no number, text, date", [object()], [1]),
    _axis("to is missing; write a list, a range", {"from": 1, "step": 1}, {"from": 1, "to": 3, "step": 1}),
    _axis("from must be a number", {"from": "1", "to": 3, "step": 1}, {"from": 1, "to": 3, "step": 1}),
    _axis("to is not finite; write a finite number", {"from": 1, "to": float("inf"), "step": 1}, [1]),
    _axis("to is beyond ±2", {"from": 1, "to": 1e17, "step": 1}, {"from": 1, "to": 9, "step": 1}),
    _axis("step is nearer to 0 than", {"from": 1, "to": 9, "step": 1e-300}, {"from": 1, "to": 9, "step": 1}),
    _axis("is an empty list; give at least one value", [], [1]),
    _axis("step is 0; write how far apart", {"from": 1, "to": 9, "step": 0}, {"from": 1, "to": 9, "step": 1}),
    _axis("turn the sign of step or swap the ends", {"from": 9, "to": 1, "step": 2}, {"from": 9, "to": 1, "step": -2}),
    _axis("turn the sign of step or swap the ends", {"from": 9, "to": 1, "step": 2}, {"from": 1, "to": 9, "step": 2}),
    _axis("more values than can be counted", {"from": 0, "to": 1e15, "step": 1e-9}, {"from": 0, "to": 9, "step": 1}),
    _axis(
        'scale is "uniform" or "log"',
        {"low": 1, "high": 2, "scale": "sqrt", "steps": 2},
        {"low": 1, "high": 2, "scale": "log", "steps": 2},
    ),
    _axis("low .2. must be below high .1.", {"low": 2, "high": 1, "steps": 2}, {"low": 1, "high": 2, "steps": 2}),
    _axis(
        "a log scale needs low above 0",
        {"low": 0, "high": 1, "scale": "log", "steps": 2},
        {"low": 0.1, "high": 1, "scale": "log", "steps": 2},
    ),
    _axis("steps is how many values to take", {"low": 0, "high": 1, "steps": 1}, {"low": 0, "high": 1, "steps": 2}),
    _axis("write a list, a range .*; a name with dots stands in quotes", {"bps": [1]}, [1]),
    _axis("has 1 twice; give each value once", [1, 1], [1]),
    _axis("has inf; write a finite number", [float("inf")], [1]),
    _axis("has .*, which is beyond", [2**60], [2**50]),
    _axis(
        "'seed' is not one of low, high, scale, steps",
        {"low": 0, "high": 1, "seed": 2},
        {"low": 0, "high": 1, "steps": 2},
    ),
    _axis("is a distribution; on a grid add steps", {"low": 0, "high": 1}, {"low": 0, "high": 1, "steps": 2}),
    _sweep("is below test", {**BITS, "walk_forward": {"train": 9, "test": 5, "step": 2}}, walk_forward__step=5),
    _sweep("is not below groups", {**BITS, "cpcv": {"groups": 3, "test_groups": 3}}, cpcv__test_groups=2),
    _sweep("splits; .* are the most", {**BITS, "cpcv": {"groups": 50, "test_groups": 25}}, cpcv__test_groups=2),
    _sweep(
        "cannot go with walk_forward; write two jobs",
        {**BITS, "walk_forward": {"train": 9, "test": 5}, "cpcv": {"groups": 3}},
        cpcv=GONE,
    ),
    _sweep(
        "cannot go with method adaptive",
        {**BITS, "method": "adaptive", "points": 9, "cpcv": {"groups": 3}},
        method="random",
    ),
    _sweep("method random needs to know how many points", {**BITS, "method": "random"}, points=9),
    _sweep(
        "name each figure once, and at least one", {**BITS, "objective": ["sharpe", "-sharpe"]}, objective="-turnover"
    ),
    _sweep("is empty; name at least one parameter", {"parameters": {}}, parameters={"fast": [10, 20, 50]}),
    _sweep("is no name of a parameter or a field", {"parameters": {"a b": [1]}}, parameters={"fast": [1]}),
    _sweep(
        "all points trade the same market; .sweep.monte_carlo.",
        {"parameters": {"simulator.seed": [1]}},
        parameters={"fast": [1]},
    ),
    _sweep("run.block_rows cannot be swept", {"parameters": {"run.block_rows": [1]}}, parameters={"fast": [1]}),
    _sweep(
        "is there twice; name it once",
        {"parameters": {"fast": [1], "strategy.fast": [1]}},
        parameters={"fast": [1]},
    ),
    _sweep(
        "is a part of .*; sweep one of them",
        {"parameters": {"execution.commission": [{"model": "none"}], "execution.commission.bps": [1]}},
        parameters={"execution.commission.bps": [1]},
    ),
    Refused(
        "cannot go with monte_carlo; write two jobs",
        {"simulator": MADE, "sweep": {"monte_carlo": {"markets": 3}, "walk_forward": {"train": 9, "test": 5}}},
        {"sweep.walk_forward": GONE},
    ),
    Refused(
        "the points of a Monte-Carlo job are its markets: leave out parameters",
        {"simulator": MADE, "sweep": {**BITS, "monte_carlo": {"markets": 3}}},
        {"sweep.parameters": GONE},
    ),
    Refused(
        "runs over simulated markets: add .simulator.", {"sweep": {"monte_carlo": {"markets": 3}}}, {"simulator": MADE}
    ),
)

MARKETS = (
    Refused(
        "nothing in it needs history: remove .data.", {"simulator": MADE, "data": {"files": "a.csv"}}, {"data": GONE}
    ),
    _simulator("write an interval that divides a day", {"interval": "7h"}, interval="5m"),
    _path("keep the sum below 1", {"model": "garch", "volatility": 0.2, "alpha": 0.5, "beta": 0.5}, beta=0.4),
    _path(
        "first is 2, but regimes are numbered 0 to 1",
        {"model": "regimes", "regimes": [{**LOWS, "rows": 9}] * 2, "first": 2},
        first=1,
    ),
    _path(
        "regime 0 needs rows, how long it lasts",
        {"model": "regimes", "regimes": [LOWS, LOWS]},
        regimes=[{**LOWS, "rows": 9}] * 2,
    ),
    _path("or give transitions for all", {"model": "regimes", "regimes": [LOWS, LOWS]}, transitions=[[0.5, 0.5]] * 2),
    _path(
        "give either transitions, or rows",
        {"model": "regimes", "regimes": [{**LOWS, "rows": 9}] * 2, "transitions": [[0.5, 0.5]] * 2},
        transitions=GONE,
    ),
    _path(
        "transitions must be 2 lines of 2 chances",
        {"model": "regimes", "regimes": [LOWS] * 2, "transitions": [[1.0]]},
        transitions=[[0.5, 0.5]] * 2,
    ),
    _path(
        "must be chances from 0 to 1 that add up to 1",
        {"model": "regimes", "regimes": [LOWS] * 2, "transitions": [[0.5, 0.4]] * 2},
        transitions=[[0.5, 0.5]] * 2,
    ),
    _simulator("give one of every, matrix and loadings", {"correlation": {}}, correlation={"every": 0.5}),
    _simulator(
        "the least is",
        {"assets": [{**ASSET, "copies": 3}], "correlation": {"every": -0.9}},
        correlation={"every": -0.5},
    ),
    _simulator(
        "loadings must be 2 lines", {"correlation": {"loadings": [[0.5]]}}, correlation={"loadings": [[0.5], [0.5]]}
    ),
    _simulator(
        "its squares add up to more than 1",
        {"correlation": {"loadings": [[2.0], [0.5]]}},
        correlation={"loadings": [[0.5], [0.5]]},
    ),
    _simulator(
        "the matrix must be 2 lines of 2 numbers",
        {"correlation": {"matrix": [[1.0]]}},
        correlation={"matrix": [[1, 0.5], [0.5, 1]]},
    ),
    _simulator(
        "must have 1 on its diagonal",
        {"correlation": {"matrix": [[2, 0], [0, 1]]}},
        correlation={"matrix": [[1, 0], [0, 1]]},
    ),
    _simulator(
        "the matrix is not symmetric",
        {"correlation": {"matrix": [[1, 0.5], [0, 1]]}},
        correlation={"matrix": [[1, 0.5], [0.5, 1]]},
    ),
    _simulator(
        "take smaller correlations",
        {"correlation": {"matrix": [[1, 1.5], [1.5, 1]]}},
        correlation={"matrix": [[1, 0.9], [0.9, 1]]},
    ),
    _simulator("two assets are named 'A'", {"assets": [ASSET, ASSET]}, assets=[ASSET]),
    _simulator(
        "steps must be at least 3",
        {"assets": [{**ASSET, "path": {"model": "history", "of": "X"}}], "steps": 2},
        steps=3,
    ),
    _simulator(
        "reaches row 59, but the last one is 49",
        {"scenarios": [{"scenario": "crash", "row": 40, "rows": 20, "depth": 0.5}]},
        rows=60,
    ),
    _simulator(
        "befalls 'C', which is not among the assets",
        {"scenarios": [{"scenario": "gap", "row": 4, "size": 0.1, "symbols": "C"}]},
        scenarios=[{"scenario": "gap", "row": 4, "size": 0.1, "symbols": "B"}],
    ),
    _simulator(
        "needs at least 2 steps within a bar",
        {"steps": 1, "scenarios": [{"scenario": "flash_crash", "row": 4, "depth": 0.1}]},
        steps=2,
    ),
    _simulator(
        "leave symbols out",
        {"scenarios": [{"scenario": "correlation", "row": 4, "rows": 4, "value": 0.5, "symbols": "A"}]},
        scenarios=[{"scenario": "correlation", "row": 4, "rows": 4, "value": 0.5}],
    ),
)

TRADING = (
    Refused("and .simulator. makes others: remove it", {"simulator": LIKE, "data": FROM}, {"data.universe": GONE}),
    Refused(
        "name a file of dates and rates",
        {"performance": {"risk_free": {}}},
        {"performance.risk_free": {"file": "r.csv"}},
    ),
    Refused(
        "write it like 2008-10-06",
        {"performance": {"risk_free": {"rates": {"1/2/24": 0.1}}}},
        {"performance.risk_free": {"rates": {"2024-01-02": 0.1}}},
    ),
    Refused(
        "set trail, how far behind it follows",
        {"portfolio": {"exits": {"trail_from": 0.1}}},
        {"portfolio.exits.trail": 0.1},
    ),
    Refused(
        "trail_then needs trail_from",
        {"portfolio": {"exits": {"trail": 0.1, "trail_then": 0.05}}},
        {"portfolio.exits.trail_from": 0.03},
    ),
    Refused(
        "must be closer than trail .*leave trail_then out",
        {"portfolio": {"exits": {"trail": 0.1, "trail_from": 0.1, "trail_then": 0.2}}},
        {"portfolio.exits.trail_then": GONE},
    ),
    _commission(
        "each of the tiers has volume and fee",
        {"model": "per_share", "fee": 0.01, "tiers": [{"volume": 1, "bps": 1}]},
        tiers=[{"volume": 1, "fee": 0.005}],
    ),
    _commission(
        "volumes of tiers rise",
        {"model": "per_share", "fee": 0.01, "tiers": [{"volume": 2, "fee": 0.005}, {"volume": 1, "fee": 0.001}]},
        tiers=[{"volume": 1, "fee": 0.005}],
    ),
    _commission(
        "maximum .1.0. is below minimum .2.0.",
        {"model": "per_share", "fee": 0.01, "minimum": 2.0, "maximum": 1.0},
        maximum=3.0,
    ),
    Refused(
        "give spread, in price units, or the column",
        {"execution": {"slippage": {"model": "half_spread"}}},
        {"execution.slippage.spread": 0.1},
    ),
    Refused(
        "slippage reads one column of spreads, not 2",
        {
            "data": {"columns": ["a", "b"]},
            "execution": {"slippage": {"model": "half_spread", "column": "a"}},
            "instruments": [{"symbols": "X", "slippage": {"model": "half_spread", "column": "b"}}],
        },
        {"instruments": [{"symbols": "X", "slippage": {"model": "half_spread", "column": "a"}}]},
    ),
    Refused(
        "add it to data.columns",
        {"execution": {"slippage": {"model": "half_spread", "column": "a"}}},
        {"data.columns": ["a"]},
    ),
    Refused(
        "half a spread on top would be paid twice: use another execution.slippage",
        {"data": {"quotes": True}, "execution": {"slippage": {"model": "half_spread", "spread": 0.1}}},
        {"execution.slippage": GONE},
    ),
    Refused('price = "mid" is of quotes: set quotes = true', {"data": {"price": "mid"}}, {"data.quotes": True}),
    Refused(
        'portfolio.size_at = "open" cannot go with',
        {"portfolio": {"size_at": "open"}, "execution": {"fill": "close"}},
        {"execution.fill": GONE},
    ),
    Refused(
        "is above the initial margin",
        {"portfolio": {"leverage": 4.0, "margin": {"maintenance": 0.5}}},
        {"portfolio.leverage": 2.0},
    ),
    Refused(
        "is no name that the function could say: parameters.",
        {"execution": {"slippage": {"model": "own", "use": "mine", "parameters": {"a b": 1.0}}}},
        {"execution.slippage.parameters": {"a_b": 1.0}},
    ),
    Refused(
        "give maintenance, a share of the positions' worth, or use, a function of your own",
        {"portfolio": {"margin": {"call": "all"}}},
        {"portfolio.margin.maintenance": 0.2},
    ),
    Refused(
        "parameters are those of a function of your own: name it in use",
        {"portfolio": {"margin": {"maintenance": 0.2, "parameters": {"a": 1.0}}}},
        {"portfolio.margin.parameters": GONE},
    ),
    Refused(
        "leverage follows from what margin.use says: remove it",
        {"portfolio": {"leverage": 2.0, "margin": {"use": "mine"}}},
        {"portfolio.leverage": GONE},
    ),
    _instrument("symbols names at least one asset", {"symbols": []}, symbols="A"),
    _instrument("a future needs its margin", {"symbols": "A", "kind": "future"}, margin=1000.0),
    _instrument("margin is for futures", {"symbols": "A", "margin": 1000.0}, margin=GONE),
    _instrument(
        "not above their margin",
        {"symbols": "A", "kind": "future", "margin": 10.0, "maintenance": 20.0},
        maintenance=9.0,
    ),
)

ALL = (*DATA, *SWEEPS, *MARKETS, *TRADING)
