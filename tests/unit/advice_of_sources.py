"""Which files, rows, assets and calendars a job may name, and what an import or a dataset takes: refused, each with
what is said to help."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from backbus.data import write_panel
from tests.unit.advice_of_files import GOOD, HOURS, SPLIT, TICKS, WEEKS, H, Told, _lean
from tests.unit.advice_of_settings import GONE
from tests.unit.panels import panel_of


def _panel(warmup: int = 0) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "P.arrow"
        write_panel(panel_of(*(np.arange(1.0, 5.0)[:, None] for _ in range(5)), warmup=warmup), path)
        return path.read_bytes()


NIGHT = "".join(f"2024-01-0{day} {at:02d}:00,1,1,1,1,1\n" for day in (2, 3) for at in range(1, 5))
EMPTY = "2024-01-02,,,,,\n2024-01-03,,,,,\n"
GONE_EARLY = (H + GOOD).replace("Volume\n", "Volume,delisting\n").replace("00\n", "00,\n").replace("200,\n", "200,12\n")
PANEL = {"P.arrow": _panel(), "A.csv": H + GOOD}

FILES = (
    Told("names no file; give CSV files or globs", H + GOOD, {"files": []}, ({"files": "*.csv"},)),
    Told("there is no file 'B.csv' in", H + GOOD, {"files": "B.csv"}, ({"files": "A.csv"},)),
    Told("'b\\*' matches no file in", H + GOOD, {"files": "b*"}, ({"files": "A*"},)),
    Told(
        "is a folder without a file of prices",
        {"A.csv": H + GOOD, "x/readme.md": "no"},
        {"files": "x"},
        ({"files": "."},),
    ),
    Told(
        "is a whole panel and must be the only file",
        PANEL,
        {"files": ["P.arrow", "A.csv"]},
        ({"files": "P.arrow"}, {"files": "A.csv"}),
    ),
    Told("data.files: names no file", {}, {}, ({"=A.csv": H + GOOD},)),
    Told("data.files: names no file", {}, {}, ({"=A.csv": H + GOOD},), "import"),
    Told(
        "is a whole panel and must be the only file",
        PANEL,
        {"files": ["P.arrow", "A.csv"]},
        ({"files": "P.arrow"},),
        "import",
    ),
    Told(
        "there is no file 'x.db' in",
        H + GOOD,
        {"query": "SELECT 1", "database": "x.db"},
        ({"query": GONE, "database": GONE, "files": "A.csv"},),
        "query",
    ),
)

ROWS = (
    Told("is after data.end", H + GOOD, {"start": "2024-01-04", "end": "2024-01-03"}, ({"start": "2024-01-03"},)),
    Told("the data has no 'B'", H + GOOD, {"symbols": ["B"]}, ({"symbols": ["A"]},)),
    Told("no bar until 2023-01-01; the data has 2024-01-02", H + GOOD, {"end": "2023-01-01"}, ({"end": "2024-01-02"},)),
    Told("no bar from 2025-01-01 on; the data has", H + GOOD, {"start": "2025-01-01"}, ({"start": "2024-01-04"},)),
    Told(
        "no bar from .* until .*; the data has",
        H + GOOD.replace("2024-01-03,11,13,10,12,200\n", ""),
        {"start": "2024-01-03", "end": "2024-01-03"},
        ({"start": "2024-01-02"},),
    ),
    Told(
        "all rows are the panel's own warm-up, and none is left to trade$",
        {"P.arrow": _panel(2)},
        {"files": "P.arrow", "end": "1970-01-02"},
        ({"end": "1970-01-04"},),
    ),
    Told(
        "all rows are the panel's own warm-up.*: name a panel that goes on longer",
        {"P.arrow": _panel(4)},
        {"files": "P.arrow"},
        ({"=P.arrow": _panel(2)},),
    ),
    Told(
        "the panel has no bar of the chosen assets",
        {"A.csv": H + EMPTY, "B.csv": H + GOOD},
        {"symbols": ["A"]},
        ({"symbols": ["B"]},),
        "dataset",
    ),
    Told("has no column 'rate'", H + GOOD, {"columns": ["rate"]}, ({"columns": GONE},), "dataset"),
)

CALENDARS = (
    Told("knows no calendar 'NYSE2'", H + GOOD, {"calendar": "NYSE2"}, ({"calendar": "NYSE"}, {"calendar": "XNYS"})),
    Told(
        "leave it out by data.align = true, or name another calendar by data.calendar",
        H + GOOD + "2024-01-06,12,14,11,13,300\n",
        {"calendar": "XNYS"},
        ({"calendar": "24/7"}, {"calendar": GONE}, {"align": True}),
    ),
    Told(
        "does not cover .*: it has",
        H + "1950-01-02,1,1,1,1,1\n1950-01-03,1,1,1,1,1\n",
        {"calendar": "XHKG"},
        ({"calendar": GONE}, {"calendar": "XNYS"}),
    ),
    Told("cannot be had from exchange_calendars", H + GOOD, {"calendar": "XBEL"}, ({"calendar": "XNYS"},)),
    Told(
        "bars of more than a day have no place in a session; remove it",
        H + WEEKS,
        {"calendar": "XNYS", "align": True, "dates.marks": "end"},
        ({"align": GONE},),
    ),
    Told(
        "no row that is traded is in a session",
        H + "2024-01-05,1,1,1,1,1\n2024-01-06,1,1,1,1,1\n2024-01-07,1,1,1,1,1\n",
        {"calendar": "XNYS", "align": True, "start": "2024-01-06"},
        ({"align": GONE, "calendar": GONE}, {"start": "2024-01-05"}),
    ),
    Told(
        "no row that is traded is in a session",
        TICKS.replace("10:0", "01:0"),
        {"bars": "1 ticks", "calendar": "XNYS", "align": True},
        ({"align": GONE},),
    ),
    Told(
        "no row of the data ends with a bar of a session",
        H + NIGHT,
        {"calendar": "XNYS", "align": True},
        ({"align": GONE},),
    ),
    Told(
        "is missing: which calendar is the dataset aligned to",
        H + GOOD,
        {"align": True},
        ({"calendar": "XNYS"},),
        "dataset",
    ),
)

IMPORTS = (
    Told(
        'must be "none" or "events"', SPLIT, {"adjust": "splits"}, ({"adjust": "none"}, {"adjust": "events"}), "import"
    ),
    Told(
        "must be left out: a dataset keeps all rows, jobs choose from them",
        H + GOOD,
        {"start": "2024-01-03"},
        ({"start": GONE},),
        "import",
    ),
    Told(
        "must be left out: jobs say which longer bars",
        H + GOOD,
        {"timeframes": ["1w"]},
        ({"timeframes": GONE},),
        "import",
    ),
    Told(
        "must be left out: a dataset keeps all rows, jobs align",
        H + GOOD,
        {"align": True, "calendar": "XNYS"},
        ({"align": GONE},),
        "import",
    ),
    Told(
        "is paid off on 2024-01-03 for a share that has bars after that",
        GONE_EARLY,
        {"adjust": "events", "columns": ["delisting"], "names.split": ""},
        via="parts",
    ),
    Told("must be left out: a dataset keeps bars as they are", H + GOOD, {"bars": "1w"}, ({"bars": GONE},), "import"),
    Told("must be left out: a dataset keeps bars as they are", H + GOOD, {"bars": "1w"}, ({"bars": GONE},), "parts"),
    Told("must be left out for files that are read in parts", H + GOOD, {"holes": "drop"}, ({"holes": GONE},), "parts"),
    Told("the data has no 'B'; there are A", H + GOOD, {"symbols": ["B"]}, ({"symbols": ["A"]},), "parts"),
    Told(
        "import less than .* MiB of them at a time",
        _lean(),
        {"files": "equity/usa/daily/*.zip"},
        ({"files": "A.csv", "=A.csv": H + GOOD},),
        "parts",
    ),
)

JOBS = (
    Told(
        "name the column by data.names.volume, or remove this setting",
        H.replace("Volume", "Turnover") + GOOD,
        {"execution.volume_cap": 0.1},
        ({"data.names.volume": "Turnover"}, {"execution.volume_cap": GONE}),
        "job",
    ),
    Told(
        "bars of 45m cannot be made of the data's, which are of 1h: name a multiple",
        H + HOURS,
        {"data.timeframes": ["45m"]},
        ({"data.timeframes": ["2h"]},),
        "job",
    ),
    Told(
        "are not longer than the data's own; name a longer one",
        H + GOOD,
        {"data.timeframes": ["1d"]},
        ({"data.timeframes": ["1w"]},),
        "job",
    ),
)

LIKE = {"simulator.rows": 3, "simulator.assets": [{"symbol": "X", "path": {"model": "history", "of": "A"}}]}
WALK = [{"symbol": "X", "path": {"model": "random_walk", "volatility": 0.2}}]
AGAIN = {"scenario": "replay", "row": 1, "rows": 3, "of": "A", "since": "2024-01-03"}

MADE = (
    Told("take bars from .data.; name its files", H + GOOD, LIKE, ({"data.files": "A.csv"},), "simulated"),
    Told(
        "history has 3 rows, so no more than that many can follow",
        H + GOOD,
        {**LIKE, "simulator.rows": 9},
        ({"simulator.rows": 3},),
        "job",
    ),
    Told(
        "simulator.rows: history has 2 bars of A",
        {"A.csv": H + GOOD.replace("10,12,9,11,100", ",,,,"), "B.csv": H + GOOD},
        {**LIKE, "data.repair.missing": "hole"},
        ({"simulator.rows": 2},),
        "job",
    ),
    Told(
        "the data has fewer than 2 bars of A",
        {"A.csv": H + GOOD.replace("10,12,9,11,100", ",,,,").replace("11,13,10,12,200", ",,,,"), "B.csv": H + GOOD},
        {**LIKE, "simulator.rows": 2, "data.repair.missing": "hole"},
        ({"simulator.assets": [{"symbol": "X", "path": {"model": "history", "of": "B"}}]},),
        "job",
    ),
    Told(
        "history has 2 bars of A from 2024-01-03 on, and 3 are to be replayed",
        H + GOOD,
        {"simulator.rows": 9, "simulator.assets": WALK, "simulator.scenarios": [AGAIN]},
        ({"simulator.scenarios": [{**AGAIN, "rows": 2}]}, {"simulator.scenarios": [{**AGAIN, "since": "2024-01-02"}]}),
        "job",
    ),
    Told(
        "no session of XNYS is as long as a bar of 12h",
        H + GOOD,
        {
            **{"simulator.rows": 9, "simulator.assets": WALK},
            **{"simulator.interval": "12h", "simulator.calendar": "XNYS"},
        },
        ({"simulator.interval": "1h"}, {"simulator.calendar": GONE}),
        "simulated",
    ),
)

ABROAD = [{"symbols": "A", "currency": "EUR"}]

RATES = (
    Told(
        'name the symbol whose price it is in .portfolio.rates., for example EUR = "EURUSD"',
        {},
        {"instruments": ABROAD},
        ({"portfolio.rates": {"EUR": "B"}}, {"portfolio.currency": "EUR"}),
        "rules",
    ),
    Told(
        "is the account's own currency, whose rate is 1: remove it",
        {},
        {"portfolio.rates": {"USD": "B"}},
        ({"portfolio.rates": GONE},),
        "rules",
    ),
)

OTHERS = (
    Told("is no name of a dataset: letters, digits", H + GOOD, {"dataset": "a/b"}, ({"dataset": "d"},), "dataset"),
    Told("--set name.x=1: 'name' is a value, not a table", "name.x=1", {}, ({"=A.csv": "name='x'"},), "set"),
    Told(
        "say what it counts, as data.dates.form",
        "45293.375,45293.625,45293.875",
        {},
        ({"dates.form": "excel", "dates.marks": "end"},),
        "parquet",
    ),
)

ALL = (*FILES, *ROWS, *CALENDARS, *IMPORTS, *JOBS, *MADE, *RATES, *OTHERS)
