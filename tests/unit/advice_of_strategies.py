"""Strategies and functions of the user's own that cannot be had, or ask for what is not there, each with what is said
to help."""

from __future__ import annotations

from typing import Any

from tests.unit.advice_of_runs import Runs, Way

HEAD = "from backbus import Strategy\n"


def _arrays(line: str, name: str = "Mine", more: str = "") -> str:
    """A strategy that holds what a line says."""
    return f"{HEAD}{more}class {name}(Strategy):\n    def signals(self, bars):\n        return self.hold_long({line})\n"


def _events(line: str) -> str:
    return f"{HEAD}class Mine(Strategy):\n    def on_bar(self, bar):\n        if {line}:\n            self.go_long()\n"


def _history(field: str, bars: int) -> str:
    """A strategy that looks back."""
    head, body = _events(f"bar.history({field!r}, {bars})[0] > 0").split("    def", 1)
    return f"from typing import ClassVar\n{head}    lookback: ClassVar[int] = 3\n    def{body}"


PLAIN = _arrays("bars.close > bars.sma(3)")
TWO = PLAIN + _arrays("bars.close > bars.sma(5)", "Other").removeprefix(HEAD)
RATES = "".join(
    ["date,open,high,low,close,volume,rate\n", *(f"2020-01-{day:02d},1,2,1,1,1,{day}\n" for day in range(1, 25))]
)


def _file(says: str, text: str, *ways: Way, use: str = "mine.py", via: str = "run", **job: Any) -> Runs:
    """Of a strategy in a file."""
    return Runs(says, {"strategy": {"use": use}, **job}, ways, via, {"mine.py": text, "rates.csv": RATES})


FILES = (
    _file(
        "strategy.use: there is no file main.py; .* relative to the job",
        PLAIN,
        {"strategy.use": "mine.py"},
        use="main.py",
    ),
    _file(
        "there is no built-in strategy 'SmaCros'; did you mean 'SmaCross'",
        PLAIN,
        {"strategy.use": "SmaCross"},
        use="SmaCros",
    ),
    _file(
        "there is no built-in strategy 'mine'; there are .*, or name a file: my_file.py:MyClass",
        PLAIN,
        {"strategy.use": "mine.py:Mine"},
        {"strategy.use": "BuyAndHold"},
        use="mine",
    ),
    _file("mine.py cannot be read: ", PLAIN + "\0", {"=mine.py": PLAIN}),
    _file("mine.py, line 4: ", PLAIN.replace("))", ")"), {"=mine.py": PLAIN}),
    _file(
        "mine.py, line 2: imports rules, which is neither .*; put it there or install it",
        _arrays("bars.close > rules.mean(bars)", more="import rules\n"),
        {"=rules.py": "def mean(bars):\n    return bars.sma(3)\n"},
    ),
    _file(
        "line 2: a relative import leads out .* write the module's name without dots",
        _arrays("bars.close > mean(bars)", more="from .rules import mean\n"),
        {
            "=mine.py": _arrays("bars.close > mean(bars)", more="from rules import mean\n"),
            "=rules.py": "def mean(bars):\n    return bars.sma(3)\n",
        },
    ),
    _file(
        "mine.py has no class Mines; did you mean 'Mine'", PLAIN, {"strategy.use": "mine.py:Mine"}, use="mine.py:Mines"
    ),
    _file("mine.py has no class X; it defines Mine, Other", TWO, {"strategy.use": "mine.py:Other"}, use="mine.py:X"),
    _file(
        "mine.py:Mine is not a Strategy: write class Mine.Strategy.",
        PLAIN.replace("(Strategy)", ""),
        {"=mine.py": PLAIN},
        use="mine.py:Mine",
    ),
    _file("mine.py defines Mine, Other; say which: mine.py:ClassName", TWO, {"strategy.use": "mine.py:Other"}),
    _file("mine.py defines no strategy; say which", "", {"=mine.py": PLAIN}),
)

ASKS = (
    _file(
        "the data has no column 'rate'; the job's data.columns is left out: add it there",
        _arrays("bars['rate'] > 3"),
        {"data.columns": ["rate"]},
        data={"files": "rates.csv"},
    ),
    _file(
        "the data has no column 'rate'; the job's data.columns names high2: add it there",
        _events("bar['rate'] > 3"),
        {"data.columns": ["high2", "rate"]},
        data={"files": "rates.csv", "columns": ["high2"], "names": {"high2": "high"}},
    ),
    _file(
        "'close' is no further column, which data.columns could name: write .close",
        _arrays("bars['close'] > 3"),
        {"=mine.py": _arrays("bars.close > 3")},
    ),
    _file(
        "a bar has no field 'rate'; it has .*, and what the job's data.columns names",
        _history("rate", 2),
        {"data.columns": ["rate"]},
        data={"files": "rates.csv"},
    ),
    _file(
        "5 bars of history were asked for; .* Declare it: lookback: ClassVar.int. = 5",
        _history("close", 5),
        {"=mine.py": _history("close", 5).replace("int] = 3", "int] = 5")},
    ),
    _file(
        "there are no bars of '1w'; the job's data.timeframes is left out: add it there",
        _arrays("bars.close > bars.every('1w').sma(2).on(bars)"),
        {"data.timeframes": ["1w"]},
    ),
    _file(
        "there are no bars of '1w'; the job's data.timeframes names 1mo: add it there",
        _events("bar.close > bar.every('1w').close"),
        {"data.timeframes": ["1w", "1mo"]},
        data={"files": "prices.csv", "timeframes": ["1mo"]},
    ),
    _file(
        "Mine failed at .*how much it may take: run.memory_mib on a stack",
        _arrays("np.ones(2**25)[0] < bars.close", more="import numpy as np\n"),
        {"run.memory_mib": 512},
        via="limited",
        run={"memory_mib": 32},
    ),
)

FEE = "def fee(fill, market, parameters):\n    return 2.0 * len(bytearray(1))\n"
"""One that is not compiled: that takes seconds."""
LARGE = FEE.replace("bytearray(1)", "bytearray(2**28)")


def _own(says: str, own: str, *ways: Way, use: str = "mine.py", via: str = "run", **job: Any) -> Runs:
    """Of a function that says what fills cost."""
    case = _file(says, PLAIN + FEE + "number = 7.0\n", *ways, use=use, via=via, **job)
    files = {**case.files, "below/fees.py": FEE, "large.py": LARGE}
    return case._replace(
        job={**case.job, "execution": {"commission": {"model": "own", "use": own}}},
        files=files,
    )


def _uses(name: str) -> Way:
    return {"execution.commission.use": name}


FUNCTIONS = (
    _own("commission.use: mine.py has no function free; did you mean 'fee'", "free", _uses("fee")),
    _own("mine.py has no function xyz; it defines fee", "xyz", _uses("fee")),
    _own("mine.py:number is no function: write def number", "number", _uses("fee")),
    _own("commission.use: there is no file gone.py", "gone.py:fee", _uses("mine.py:fee")),
    _own(
        "below/fees.py lies in another folder .* put it beside it",
        "below/fees.py:fee",
        {**_uses("fees.py:fee"), "=fees.py": FEE},
    ),
    _own(
        "'fee' names no file, and the strategy is in none: write my_models.py:fee",
        "fee",
        {**_uses("my_models.py:fee"), "=my_models.py": FEE},
        use="BuyAndHold",
    ),
    _own(
        "fee .*raised MemoryError.*how much it may take: run.memory_mib on a stack",
        "large.py:fee",
        {"run.memory_mib": 512},
        use="BuyAndHold",
        via="limited",
        run={"memory_mib": 32},
    ),
)

ALL = (*FILES, *ASKS, *FUNCTIONS)
