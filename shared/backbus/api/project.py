"""``init``: a project that runs at once: a job, a strategy, prices, a test."""

from __future__ import annotations

import keyword
from pathlib import Path

from backbus.errors import UsageError

_JOB = """\
# {name}: what is run, on what, and by which rules. All settings: docs/jobs.md of backbus
name = "{name}"

[data]
files = "data/*.csv"        # one file per asset; `backbus data check data` says how they are read
calendar = "XNYS"

[strategy]
use = "strategy.py"
fast = 20
slow = 60

[portfolio]
cash = 100_000
sizing = {{ model = "percent_of_equity", percent = 45 }}

[execution]
slippage = {{ model = "bps", bps = 2 }}
commission = {{ model = "per_share", fee = 0.005, minimum = 1.0 }}

[sweep.parameters]          # `backbus sweep job.toml` tries them all
fast = [10, 20, 30]
slow = [60, 90, 120]
"""

_STRATEGY = '''\
"""Holds an asset while its short average is above its long one."""

from backbus import Strategy, param


class Trend(Strategy):
    fast: int = param(20, ge=1)
    slow: int = param(60, ge=2)

    def signals(self, bars):
        return self.hold_long(bars.sma(self.fast) > bars.sma(self.slow))
'''

_TEST = '''\
"""Run by pytest, in this folder."""

from pathlib import Path

from backbus import Job, check, run

JOB = Path(__file__).with_name("job.toml")


def test_it_trades_and_comes_again():
    first, again = (run(Job.load(JOB), tables=False) for _ in range(2))
    assert first.summary.counts.fills > 0
    assert first.fingerprint == again.fingerprint


def test_it_does_not_look_ahead():
    assert check(Job.load(JOB)).clean
'''

_README = """\
# {name}

```sh
backbus run job.toml        # the backtest
backbus show --last         # again
backbus check job.toml      # does the strategy look ahead?
backbus sweep job.toml      # which averages, and how much of the best is luck
pytest                      # (pip install pytest) it trades, comes again and looks at no future
```

`data/` holds made-up prices of two shares (a seeded market with calm and stormy days): put yours in
their place, and `backbus data check data` says how they are read.
"""

_PATH = {"model": "garch", "drift": 0.12, "volatility": 0.2, "alpha": 0.08, "beta": 0.9}
_MARKET = {
    "seed": 7,
    "rows": 1000,
    "start": "2020-01-02",
    "calendar": "XNYS",
    "assets": [
        {"symbol": "ACME", "price": 100.0, "path": _PATH},
        {"symbol": "GLOBEX", "price": 40.0, "path": {**_PATH, "volatility": 0.3}},
    ],
}


def init(folder: Path) -> list[Path]:
    """Make a project in a folder that is not there yet, or empty; returns its files. Raises UsageError."""
    from backbus.data import write_csv
    from backbus.engine.inputs import open_inputs
    from backbus.job.job import Job

    name = folder.resolve().name
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already, and not empty: name another folder")
    if not name or keyword.iskeyword(name):
        raise UsageError(f"{name!r} is no name of a project; take letters and digits")
    market = Job.parse({"strategy": {"use": "BuyAndHold"}, "simulator": _MARKET})
    texts = {
        "job.toml": _JOB.format(name=name),
        "strategy.py": _STRATEGY,
        "test_strategy.py": _TEST,
        "README.md": _README.format(name=name),
    }
    (folder / "data").mkdir(parents=True)
    source = open_inputs(market).source
    write_csv(source, folder / "data", calendar="XNYS")
    for place, text in texts.items():
        (folder / place).write_text(text, encoding="utf-8")
    prices = [folder / "data" / f"{symbol}.csv" for symbol in source.layout.symbols]
    return [*(folder / place for place in texts), *prices]
