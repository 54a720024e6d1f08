"""Sweeps that are refused, or noted, each with what is said to help."""

from __future__ import annotations

from typing import Any

from tests.unit.advice_of_runs import Runs, Way
from tests.unit.advice_of_settings import GONE, MADE

CROSS = {"use": "SmaCross"}
GRID = {"fast": [2, 3], "slow": [5, 7]}
LONG = {"fast": [2, 3], "slow": [5, 25]}
WIDE = {"from": 1, "to": 100_000, "step": 1}
LEAKS = "np.roll(bars.close.values, -self.k, axis=0) > bars.close.values"
LEAK = f"""
import numpy as np
from backbus import Strategy

class Leak(Strategy):
    k: int = 1

    def signals(self, bars):
        return self.hold_long({LEAKS})
"""
GREEDY = """
import numpy as np
from backbus import Strategy

class Greedy(Strategy):
    k: int = 0

    def signals(self, bars):
        ones = np.ones(2**25)
        return self.hold_long(bars.close > bars.sma(5 + self.k))
"""


def _sweep(says: str, *ways: Way, data: Any = None, days: int = 60, via: str = "sweep", **sweep: Any) -> Runs:
    """Of a cross of averages; ways are settings of ``sweep``, or whole ones that begin with a dot."""
    job = {"strategy": CROSS, "sweep": {"parameters": GRID, "resamples": 0, **sweep}}
    if data is not None:
        job["data"] = {"files": "prices.csv", **data}
    told = tuple(
        {(name[1:] if name.startswith(".") else f"sweep.{name}"): value for name, value in way.items()} for way in ways
    )
    return Runs(says, job, told, via, days=days)


def _made(says: str, *ways: Way, rows: int = 50, **sweep: Any) -> Runs:
    return Runs(
        says,
        {"data": {}, "strategy": CROSS, "simulator": {**MADE, "rows": rows}, "sweep": {"resamples": 0, **sweep}},
        ways,
    )


FOLDS = (
    _sweep(
        "50 sessions of train and 20 of test are 70, and the data has 60",
        {"walk_forward.train": 40},
        {"walk_forward.test": 10},
        walk_forward={"train": 50, "test": 20},
    ),
    _sweep(
        "walk_forward.history: 70 sessions of history, 20 of train and 10 of test are 100",
        {"walk_forward.history": 0},
        walk_forward={"train": 20, "test": 10, "history": 70},
    ),
    _sweep("sweep.cpcv.groups: 12 groups .* 8 groups are the most", {"cpcv.groups": 8}, cpcv={"groups": 12}, days=17),
    _sweep(
        "sweep.cpcv.groups: 12 groups .* 17 to trade after 10 of history: 8 groups are the most",
        {"cpcv.groups": 8},
        cpcv={"groups": 12, "history": 10},
        days=27,
    ),
    _sweep(
        "sweep.cpcv.history: 3 groups .* 2 to trade after 58 of history: shorten it",
        {"cpcv.history": 30},
        cpcv={"groups": 3, "history": 58},
    ),
    _sweep(
        "3 groups .* and the data has 5 to trade: name more data",
        {".data.end": GONE},
        cpcv={"groups": 3},
        data={"end": "2020-01-05"},
    ),
    _sweep(
        "turnover does not follow from returns alone",
        {"objective": "sortino"},
        cpcv={"groups": 3},
        objective="turnover",
    ),
    _sweep(
        "the returns of 1000000 points in 120 sessions take 9.. MiB, and 512 are the most; try fewer points",
        {"points": 4},
        cpcv={"groups": 3},
        method="random",
        points=1_000_000,
        days=120,
    ),
    _sweep(
        "4845 splits of 40000 points in 60 sessions look at more than 1e\\+10 returns",
        {"points": 4, "cpcv.test_groups": 1},
        {"cpcv.groups": 5},
        cpcv={"groups": 20, "test_groups": 4},
        method="random",
        points=40_000,
    ),
    _sweep("sweep.cpcv.purge: purge and embargo leave 0", {"cpcv.purge": 5}, cpcv={"groups": 3, "purge": 50}),
    _sweep("sweep.cpcv.embargo: purge and embargo leave 0", {"cpcv.embargo": 5}, cpcv={"groups": 3, "embargo": 50}),
)

COLD = (
    _sweep('with data.start = "2020-01-25" all know the same', {".data.start": "2020-01-25"}, parameters=LONG),
    _sweep(
        'with data.start = "2020-02-25" and data.warmup left out all know',
        {".data.start": "2020-02-25", ".data.warmup": GONE},
        parameters=LONG,
        data={"start": "2020-02-01", "warmup": 0},
    ),
    _sweep(
        "4 to 10 of 10 sessions passed .* some never could: sweep shorter ones, or name data that begins earlier",
        {"parameters.slow": [5, 6]},
        {".data.start": "2020-02-01", ".data.end": GONE},
        parameters=LONG,
        data={"end": "2020-01-10"},
    ),
    _made(
        "with simulator.rows = 400 or more that is a small part",
        {"simulator.rows": 400},
        parameters=LONG,
    ),
    _sweep(
        "in fold 1 0 to 14 of 15 .*; sweep.walk_forward.history = 24 gives all of them the same",
        {"walk_forward.history": 24},
        parameters=LONG,
        walk_forward={"train": 15, "test": 10},
    ),
    _sweep(
        "sweep.walk_forward.history = 24 gives all of them the same",
        {"walk_forward.history": 24},
        parameters=LONG,
        walk_forward={"train": 15, "test": 10, "history": 20},
    ),
    _sweep(
        "sweep.walk_forward.history = 15 or more, with data.warmup left out, gives",
        {"walk_forward.history": 24, ".data.warmup": GONE},
        parameters=LONG,
        walk_forward={"train": 15, "test": 10},
        data={"warmup": 0},
    ),
    _sweep(
        "sweep.walk_forward.history = 24 gives all of them the same, which takes data of 4 more sessions",
        {"walk_forward.history": 24, ".data.end": "2020-02-23"},
        parameters=LONG,
        walk_forward={"train": 20, "test": 10},
        data={"end": "2020-02-19"},
    ),
    _sweep(
        "sweep.cpcv.history = 24 gives all of them the same",
        {"cpcv.history": 24},
        parameters=LONG,
        cpcv={"groups": 3, "history": 10},
    ),
)

NAMES = (
    _sweep("there is no figure 'sharp'; did you mean 'sharpe'", {"objective": "sharpe"}, objective="sharp"),
    _sweep(
        "there is no figure 'luck'; there are final_equity, total_return,",
        {"objective": "total_return"},
        objective="-luck",
    ),
    _sweep("alpha compares with a benchmark; name one in", {".performance.benchmark": "A"}, objective="alpha"),
    _sweep("none of the first points .* must be below slow", {"parameters.fast": [2]}, parameters={"fast": [40]}),
    _sweep(
        "SmaCross has no such parameter; did you mean 'fast'",
        {"parameters": {"fast": [2]}},
        parameters={"fsat": [2]},
    ),
    _sweep(
        "'fill' is a value, not a table: sweep execution.fill itself",
        {"parameters": {"execution.fill": ["open", "close"]}},
        parameters={"execution.fill.at": ["open", "close"]},
    ),
    Runs(
        "is missing; add .sweep.parameters. with at least one parameter",
        {"strategy": CROSS},
        ({"sweep.parameters": {"fast": [2, 3]}},),
    ),
    Runs(
        "all rows are warm-up, and none is left to trade",
        {"strategy": CROSS, "data": {}, "sweep": {"parameters": GRID, "resamples": 0}},
        ({"via": "sweep of a panel"},),
        via="warm",
    ),
    Runs(
        "mend it, or sweep it all the same with sweep.allow_look_ahead = true",
        {"strategy": {"use": "leak.py"}, "sweep": {"parameters": {"k": [1, 2]}, "resamples": 0}},
        ({"sweep.allow_look_ahead": True}, {"=leak.py": LEAK.replace(LEAKS, "bars.close > bars.sma(1 + self.k)")}),
        files={"leak.py": LEAK},
    ),
    Runs(
        "allow it more with sweep.memory_mib",
        {"strategy": {"use": "greedy.py"}, "sweep": {"parameters": {"k": [1, 2]}, "resamples": 0, "memory_mib": 32}},
        ({"sweep.memory_mib": 512},),
        via="process",
        files={"greedy.py": GREEDY},
    ),
    Runs(
        "needs optuna, which is not installed: pip install .optuna>=4.",
        {"strategy": CROSS, "sweep": {"parameters": GRID, "resamples": 0, "method": "adaptive", "points": 4}},
        ({"via": "sweep"}, {"sweep.method": "random"}),
        via="without",
    ),
)


def _constraint(says: str, *constraints: Any, **parameters: Any) -> Runs:
    """The first one is refused, the others are ways on."""
    wrong, *better = constraints
    return _sweep(
        says,
        *({"constraints": each} for each in better),
        constraints=wrong,
        parameters={"fast": [2, 3], "slow": [5, 7], **parameters},
    )


CONSTRAINTS = (
    _constraint("write a condition such as fast < slow", " ", "fast < slow"),
    _constraint("'fast <' is no condition: ", "fast <", "fast < slow"),
    _constraint(
        "is nested too deeply; write several constraints", "not " * 60 + "fast > slow", ["fast < slow", "fast < 3"]
    ),
    _constraint("has a number that is too large; 1e\\+300 is the most", "fast < 1e301", "fast < 1e299"),
    _constraint("'fast \\*\\* 2' is not understood; there are", "fast ** 2 < slow", "fast * fast < slow"),
    _constraint("max\\(\\) takes two values or more", "max(fast) < slow", "max(fast, 2) < slow"),
    _constraint("in is followed by a list", "fast in 2", "fast in [2, 3]"),
    _constraint("length is not swept; there are fast, slow", "length < slow", "fast < slow"),
    _constraint(
        "cannot be told for portfolio.cash = 100000.0: divide by zero .*; where that can be, ask first",
        "1 / (portfolio.cash - 100000) > 0",
        "portfolio.cash > 100000 and 1 / (portfolio.cash - 100000) > 0",
        **{"portfolio.cash": [100_000.0, 200_000.0]},
    ),
    _constraint("< does not compare such values", "fast < 'a'", "fast < 4"),
    _constraint("a constraint wants conditions", "fast + slow", "fast + slow < 20"),
    _constraint("reject all 4 points; loosen one of them", "fast > 4", "fast > 2"),
)

SIZES = (
    _sweep(
        "the sweep has 10 000 000 000 points, .*; more than 1000000 are refused: take coarser steps, or method = .ran",
        {"parameters": {"fast": {**WIDE, "to": 9, "step": 2}, "slow": {**WIDE, "from": 10, "step": 50_000}}},
        {"method": "random", "points": 10_000},
        parameters={"fast": WIDE, "slow": {**WIDE, "from": 2, "to": 100_001}},
    ),
    _sweep(
        "more than 3 are refused: .* with points = 3, or raise",
        {"limit": 4},
        {"method": "random", "points": 3},
        limit=3,
    ),
    _sweep(
        "the sweep has 600 000 000 combinations to look at, and 500000000 are the most: take coarser steps, or method",
        {"parameters": {"portfolio.cash": [1e5, 2e5]}},
        {"method": "random", "points": 4},
        parameters={"portfolio.cash": {"from": 100_001, "to": 600_100_000, "step": 1}},
        limit=10_000_000_000,
    ),
    _sweep(
        "the sweep has 6 points, .*: try fewer, or raise the limit",
        {"points": 3},
        {"limit": 6},
        method="random",
        points=6,
        limit=3,
    ),
    _sweep(
        "reject 20 draws of point 0; loosen one of them",
        {"constraints": "fast > 2"},
        method="random",
        points=3,
        constraints="fast > 3",
        via="few draws",
    ),
    _sweep(
        "reject all 3 points; loosen one of them",
        {"constraints": "fast < slow"},
        method="latin_hypercube",
        points=3,
        constraints="fast > 3",
    ),
    _made(
        "the sweep has 2 000 000 points, .*: take fewer markets, or raise the limit",
        {"sweep.monte_carlo.markets": 3},
        monte_carlo={"markets": 2_000_000},
    ),
    _made(
        "the equities of 900000 markets take 687 MiB, and 512 are the most; try fewer",
        {"sweep.monte_carlo.markets": 3},
        rows=100,
        monte_carlo={"markets": 900_000},
    ),
)

ALL = (*FOLDS, *COLD, *NAMES, *CONSTRAINTS, *SIZES)
