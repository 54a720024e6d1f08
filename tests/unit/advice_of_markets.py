"""Universes, several calendars and rates by date that are refused, or noted, each with what is said to help."""

from __future__ import annotations

import tempfile
from pathlib import Path

from backbus.data import load_panel, write_panel
from backbus.job.data import DataSettings
from tests.unit.advice_of_files import GOOD, HOURS, H, Told
from tests.unit.advice_of_settings import GONE

ALWAYS = "symbol,from,to\nA,2024-01-02,\nB,2024-01-02,\n"
LEAVES = "symbol,from,to\nA,2024-01-02,2024-01-03\nB,2024-01-02,\n"
SHORT = H + GOOD.replace("2024-01-04,12,14,11,13,300\n", "")
GONE_AT = SHORT.replace("Volume\n", "Volume,delisting\n").replace("100\n", "100,\n").replace("200\n", "200,12\n")
STAYS = (H + GOOD).replace("Volume\n", "Volume,delisting\n").replace("00\n", "00,\n")
BOTH = {"calendars": {"XNYS": ["A"], "XLON": ["B"]}}
ATTENDED = {"files": ["A.csv", "B.csv"], "universe": "u.csv"}


def _with_universe() -> bytes:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name, text in {"A.csv": H + GOOD, "B.csv": H + GOOD, "u.csv": ALWAYS}.items():
            (folder / name).write_text(text)
        files = {name: folder / name for name in ("A.csv", "B.csv", "u.csv")}
        write_panel(load_panel(DataSettings(universe="u.csv"), files), folder / "P.arrow")
        return (folder / "P.arrow").read_bytes()


PRICES = {"A.csv": H + GOOD, "B.csv": H + GOOD}
OF_TODAY = "chosen with today's knowledge: .* data.universe says who could be traded when"

UNIVERSES = (
    Told("jobs say who may be traded when", {**PRICES, "u.csv": ALWAYS}, ATTENDED, ({"universe": GONE},), "import"),
    Told(
        "names no file of prices, only the universe's table",
        {**PRICES, "u.csv": ALWAYS},
        {"files": "u.csv", "universe": "u.csv"},
        ({"files": "A.csv"},),
    ),
    Told("its table is not among the files of the job", PRICES, {"universe": "u.csv"}, ({"=u.csv": ALWAYS},)),
    Told(
        "has a universe of its own already",
        {"P.arrow": _with_universe(), "u.csv": ALWAYS},
        {"files": "P.arrow", "universe": "u.csv"},
        ({"universe": GONE},),
    ),
    Told(
        "is an asset of the data .*: nothing could be traded",
        {**PRICES, "u.csv": "symbol,from,to\nZ,2024-01-02,\n"},
        ATTENDED,
        ({"=u.csv": ALWAYS}, {"universe": GONE}),
    ),
    Told(
        "unless the column delisting says what it is paid off with",
        {"A.csv": SHORT, "B.csv": H + GOOD, "u.csv": LEAVES},
        ATTENDED,
        ({"=A.csv": GONE_AT, "=B.csv": STAYS, "adjust": "events", "columns": ["delisting"], "names.split": ""},),
    ),
    Told("the data has a column 'member' of its own", {}, {}, ({"name": "other"},), "member"),
    Told(
        OF_TODAY, {**PRICES, "u.csv": ALWAYS}, {"data.files": ["A.csv", "B.csv"]}, ({"data.universe": "u.csv"},), "job"
    ),
)

MARKETS = (
    Told(
        "has no bar that could be aligned",
        {"A.csv": H + GOOD, "B.csv": H + "2024-01-02,,,,,\n2024-01-03,,,,,\n2024-01-04,,,,,\n"},
        {**BOTH, "align": True, "repair.missing": "hole"},
        ({"align": GONE}, {"symbols": ["A"]}),
    ),
    Told(
        "A is named here and by .*: an asset trades by one calendar",
        PRICES,
        {"calendars": {"XNYS": ["A", "B"], "XLON": ["A"]}},
        ({"calendars": {"XNYS": ["B"], "XLON": ["A"]}},),
    ),
    Told(
        "some markets have bars of a day, by their stamps, and others of a part of one",
        {"A.csv": H + "".join(f"2024-01-0{day} 21:00,1,1,1,1,1\n" for day in (2, 3, 4, 5)), "B.csv": H + HOURS},
        BOTH,
        ({"symbols": ["A"]}, {"symbols": ["B"]}),
    ),
)

RATES = "date,x,y\n2024-01-02,0.05,0.04\n2024-01-03,0.05,0.04\n"

FREE = (
    Told(
        "has several columns of rates: name one of x, y as",
        {"r.csv": RATES},
        {"file": "r.csv"},
        ({"column": "x"},),
        "rates",
    ),
    Told(
        "if these are percent, set",
        {"r.csv": "date,x\n2024-01-02,5\n"},
        {"file": "r.csv"},
        ({"unit": "percent"},),
        "rates",
    ),
    Told(
        "no such file: .*; relative paths start from",
        {"r.csv": RATES},
        {"file": "q.csv", "column": "x"},
        ({"file": "r.csv"},),
        "rates",
    ),
)

ALL = (*UNIVERSES, *MARKETS, *FREE)
