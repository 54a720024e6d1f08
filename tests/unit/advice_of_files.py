"""Files and settings that are refused, or used with a note that names a setting, each with what is said to help."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.unit.advice_of_settings import GONE

Text = str | bytes
Way = Mapping[str, Any]
"""Settings by their dotted names within ``data``; what begins with ``=`` is another text of that file."""


class Told(NamedTuple):
    """Files and settings, what they are told, and the ways on; those that the message spells out where none is here."""

    says: str
    files: str | Mapping[str, Text]
    settings: Mapping[str, Any] = {}
    ways: tuple[Way, ...] = ()
    via: str = "load"
    """What reads them: ``load``, a job's data; ``job``, all of a job, whose settings these are; ``import``, ``parts``,
    an import whole or in parts; ``dataset``, a job on the import of them all, or on another one; ``query``, one on what
    a database answers; ``set``, a job that is changed by ``--set``; ``simulated``, a market that is made of a job's
    data; ``rules``, what a job says of instruments; ``rates``, rates by date;
    ``member``, a universe over a panel with this column; ``parquet``, the frame of these columns."""


H = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n2024-01-04,12,14,11,13,300\n"
HOURS = "".join(f"2024-01-02 {at:02d}:00,1,1,1,1,1\n" for at in range(9, 13))
MINUTES = "".join(f"2024-01-02 15:{at:02d},1,1,1,1,1\n" for at in range(30, 40))
WEEKS = "".join(f"2024-01-{day:02d},1,1,1,1,1\n" for day in (1, 8, 15, 22))
ACTIONS = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
SPLIT = ACTIONS + "2024-01-02,40,40,40,40,9,0,0\n2024-01-03,10,10,10,10,9,0,4\n2024-01-04,10,10,10,10,9,0,0\n"
DAY = "34200000,1,1,1,1,1\n34260000,1,1,1,1,1\n"
TICKS = "Date,Price,Size\n2024-01-02 10:00:01,1,1\n2024-01-02 10:00:02,1,1\n2024-01-02 10:05:02,1,1\n"


def _at(time: str) -> str:
    return H + "".join(f"2024-01-0{day} {time},10,12,9,11,100\n" for day in (2, 3, 4))


def _half_hours(later: int) -> str:
    """New York's session of half hours by UTC, their stamps so many minutes after they begin."""
    return "".join(f"2024-01-02 {at // 60}:{at % 60:02d},1,1,1,1,1\n" for at in range(870 + later, 1260 + later, 30))


def _packed(member: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(member, text)
    return buffer.getvalue()


def _lean(
    last: str = "20501231", factors: str = "20231229,0.9,1,1\n20240102,0.9,1,10\n20501231,1,1,0\n"
) -> dict[str, Text]:
    bars = "".join(f"2024010{day} 00:00,100000,100000,100000,100000,10\n" for day in (2, 3, 4))
    home = "equity/usa"
    return {
        f"{home}/daily/old.zip": _packed("old.csv", bars),
        f"{home}/daily/new.zip": _packed("new.csv", bars.replace("2024010", "2024011")),
        f"{home}/map_files/new.csv": f"20230101,old,Q\n20240108,old,Q\n{last},new,Q\n",
        f"{home}/factor_files/new.csv": factors,
    }


BOTH, NEW, OLD = ({"files": f"equity/usa/daily/{name}"} for name in ("*.zip", "new.zip", "old.zip"))

REPAIRS = (
    Told("data.repair.duplicates", H + GOOD + "2024-01-04,12,14,11,13,300\n"),
    Told("data.repair.unsorted", H + GOOD + "2024-01-01,12,14,11,13,300\n"),
    Told("data.repair.missing", H + GOOD + "2024-01-05,,14,11,13,300\n"),
    Told("data.repair.missing", H + GOOD + "2024-01-05,12,14,11,oops,300\n"),
    Told("data.repair.negative", H + GOOD + "2024-01-05,-1,14,11,13,300\n"),
    Told("data.repair.negative", H + GOOD + "2024-01-05,12,14,11,13,-1\n"),
    Told("data.repair.impossible", H + GOOD + "2024-01-05,12,10,11,13,300\n"),
    Told("data.repair.future", H + GOOD + "2199-01-05,12,14,11,13,300\n"),
    Told("data.repair.stamps", _at("00:00") + "2024-01-05 15:04,12,14,11,13,300\n"),
    Told(
        "data.repair.clock",
        H + "".join(f"2024-03-10 0{hour}:30,1,1,1,1,1\n" for hour in (1, 2, 3, 4)),
        {"timezone": "America/New_York"},
    ),
    Told("data.repair.zero_volume", H + GOOD + "2024-01-05,12,14,11,13,0\n", {"repair.zero_volume": "refuse"}),
    Told(
        "data.repair.outliers",
        H + "".join(f"2024-01-{day:02d},1,9,1,{'9' if day == 9 else 1 + day % 2 / 100},1\n" for day in range(1, 25)),
        {"repair.outliers": "refuse"},
    ),
    Told("data.repair.intervals", H + HOURS + "2024-01-02 12:30,1,1,1,1,1\n", {"repair.intervals": "refuse"}),
    Told(
        "data.repair.actions",
        ACTIONS + "2024-01-02,125,126,124,124.8,1000,0,0\n2024-01-03,127,131,126,129,1000,0,4\n",
        {"adjust": "splits"},
    ),
)

DATES = (
    Told("set data.dates.form", "Date,Open,High,Low,Close\n01/02/2024,1,1,1,1\n02/02/2024,1,1,1,1\n"),
    Told("set data.dates.form", "Date,Open,High,Low,Close\n01.02.2024 10:00,1,1,1,1\n01.02.2024 11:00,1,1,1,1\n"),
    Told("set data.dates.form", "Date,Open,High,Low,Close\n01/02/03,1,1,1,1\n02/02/03,1,1,1,1\n"),
    Told("say which: data.dates.form", "Date,Open,High,Low,Close\n01022024,1,1,1,1\n02022024,1,1,1,1\n"),
    Told("say which: data.dates.form", "Date,Open,High,Low,Close\n1401160930,1,1,1,1\n1401160931,1,1,1,1\n"),
    Told(
        "say how, as data.dates.form",
        "Date,Open,High,Low,Close\n7654,1,1,1,1\n7655,1,1,1,1\n",
        {},
        ({"dates.form": "excel"},),
    ),
    Told(
        "say how by data.dates.form, as",
        "Date,Time,Open,High,Low,Close\n20240102,5,1,1,1,1\n20240102,6,1,1,1,1\n",
        {},
        ({"dates.form": "%Y%m%d %H"}, {"dates.form": "%Y%m%d %H%M%S"}),
    ),
    Told(
        "seconds of the day; say how",
        "Date,Time,Open,High,Low,Close\n2024-01-02,32000,1,1,1,1\n2024-01-02,33000,1,1,1,1\n",
        {},
        ({"dates.form": "%Y-%m-%d %H%M%S"},),
    ),
    Told(
        "any other is declared by data.dates.form",
        "Date,Open,High,Low,Close\n2024 W01 2,1,1,1,1\n2024 W01 3,1,1,1,1\n",
        {},
        ({"=A.csv": H + GOOD},),
    ),
    Told(
        "any other is declared by data.dates.form",
        "Date,Open,High,Low,Close\n2024~01~02,1,1,1,1\n2024~01~03,1,1,1,1\n",
        {},
        ({"dates.form": "%Y~%m~%d"},),
    ),
    Told(
        "is not of the form that data.dates.form declares",
        H + GOOD,
        {"dates.form": "%d.%m.%Y"},
        ({"dates.form": "%Y-%m-%d"}, {"dates.form": GONE}),
    ),
    Told("is no number that counts .data.dates.form", H + GOOD, {"dates.form": "s"}, ({"dates.form": GONE},)),
    Told(
        'bars are of a part of a day; say "begin" or "end"',
        H + HOURS,
        {"dates.marks": "session"},
        ({"dates.marks": "begin"}, {"dates.marks": "end"}),
    ),
    Told(
        "data.calendar gives sessions their closes",
        _at("21:00"),
        {},
        ({"calendar": "XNYS"}, {"dates.marks": "session"}),
    ),
    Told(
        "where they begin on it, set data.dates.marks",
        H + WEEKS,
        {},
        ({"dates.marks": "begin"}, {"dates.marks": "session"}),
    ),
    Told(
        "set data.timezone = .America/New_York. unless UTC is meant",
        H + MINUTES.replace("15:", "09:"),
        {"calendar": "XNYS"},
    ),
    Told('set data.dates.marks = "end" or "begin" to say which', H + _half_hours(30), {"calendar": "XNYS"}),
    Told(
        'set data.dates.marks = "begin" unless ends are meant',
        H + _half_hours(0),
        {"calendar": "XNYS", "dates.marks": "end"},
    ),
    Told(
        "is missing: .* is read by the clock of",
        {
            "equity/usa/minute/a/20240102_trade.zip": _packed("20240102_a_minute_trade.csv", DAY),
            "crypto/x/minute/b/20240102_trade.zip": _packed("20240102_b_minute_trade.csv", DAY),
        },
        {},
        ({"timezone": "UTC"},),
    ),
)

COLUMNS = (
    Told(
        "name it by data.names, as open",
        "Day;First;High;Low;Close\n2024-01-02;1;1;1;1\n",
        {},
        ({"names.open": "First"},),
    ),
    Told(
        "name all columns by data.header",
        "2024-01-02;1;1;1;1\n2024-01-03;1;1;1;1\n",
        {},
        ({"header": ["date", "open", "high", "low", "close"]},),
    ),
    Told("or say by data.high_low", "Date,Open,Close\n2024-01-02,1,1\n2024-01-03,1,2\n"),
    Told(
        "are both a date column; keep one, or name it",
        "Date,Timestamp,Open,High,Low,Close\n2024-01-02,2024-01-02,1,1,1,1\n",
    ),
    Told("data.names.open: .* has no column 'Fist'", H + GOOD, {"names.open": "Fist"}, ({"names.open": "Open"},)),
    Told(
        "data.names.open: .* has more than one column 'p'",
        "Date,p,p,High,Low,Close\n2024-01-02,1,1,1,1,1\n",
        {"names.open": "p"},
        ({"=A.csv": "Date,p,q,High,Low,Close\n2024-01-02,1,1,1,1,1\n"},),
    ),
    Told(
        "has no column 'rate'",
        H + GOOD,
        {"columns": ["rate"]},
        ({"columns": ["volume"]}, {"names.rate": "Volume"}, {"columns": GONE}),
    ),
    Told(
        "has more than one column 'rate'",
        H.replace("Volume", "rate,rate") + GOOD.replace("00\n", "00,1\n"),
        {"columns": ["rate"]},
        ({"columns": GONE},),
    ),
    Told(
        "no column was taken for the volume",
        H.replace("Volume", "Turnover") + GOOD,
        {},
        ({"names.volume": "Turnover"}, {"names.volume": ""}),
    ),
    Told(
        "is zero throughout, and there is 'TICKVOL'; data.names.volume",
        H.replace("Volume", "TICKVOL,VOL") + GOOD.replace("00\n", "00,0\n"),
        {},
        ({"names.volume": "TICKVOL"},),
    ),
    Told(
        "no column was taken for dividends",
        H.replace("Volume", "Volume,Div Yield") + GOOD.replace("00\n", "00,0\n"),
        {},
        ({"names.dividend": "Div Yield"}, {"names.dividend": ""}),
    ),
    Told("say by data.decimal", "Date;Open;High;Low;Close\n2024-01-02;1,500;1,500;1,500;1,500\n"),
    Told(
        'stands between thousands, set data.decimal = ","',
        "Date;Open;High;Low;Close\n2024-01-02;1.500;1.500;1.500;1.500\n",
    ),
    Told(
        "say by data.split_percent",
        SPLIT.replace(",4\n", ",300%\n"),
        {"adjust": "splits"},
        ({"split_percent": "added"}, {"names.split": "", "adjust": "splits"}),
    ),
    Told('correct it, or say by data.names.split = "" that there are none', SPLIT.replace(",4\n", ",four\n")),
    Told('correct it, or say by data.names.dividend = "" that there are none', SPLIT.replace(",0,0\n", ",x,0\n")),
    Told(
        "correct it, or leave 'rate' out of data.columns",
        H.replace("Volume", "rate") + GOOD.replace("300", "x"),
        {"columns": ["rate"]},
        ({"columns": GONE},),
    ),
    Told(
        "is missing: .* has trades or quotes", TICKS, {}, ({"bars": "1m"}, {"bars": "2 ticks"}, {"bars": "1e0 dollars"})
    ),
)

ADJUST = (
    Told(
        "use another data.adjust, one of",
        H + GOOD,
        {"adjust": "total_return"},
        ({"names.dividend": ""}, {"adjust": "none"}),
    ),
    Told(
        "name it by data.names.split, or say by data.names.split",
        H + GOOD.replace("00\n", "00\n"),
        {"adjust": "events"},
        ({"names.split": ""}, {"adjust": "none"}, {"names.split": "Volume"}),
    ),
    Told(
        "has no adjusted close", H + GOOD, {"adjust": "adj_close"}, ({"adjust": "none"}, {"names.adj_close": "Close"})
    ),
    Told('set data.adjust = "splits" or "total_return" unless', SPLIT),
    Told(
        'set data.adjust = "adj_close" unless',
        H.replace("Volume", "Volume,Adj Close") + "2024-01-02,40,40,40,40,9,10\n2024-01-03,10,10,10,10,9,10\n",
    ),
    Told(
        'set data.adjust = "events", "splits", "total_return" or "adj_close" unless',
        _lean(),
        BOTH | {"symbols": ["NEW"]},
        ({"adjust": "events"}, {"adjust": "splits"}, {"adjust": "total_return"}),
    ),
    Told(
        "correct it, or say by data.names.dividend",
        _lean(factors="20231229,1.1,1,1\n20240102,1.1,1,10\n20501231,1,1,0\n"),
        BOTH,
    ),
    Told(
        "correct it, or say by data.names.dividend",
        _lean(factors="20231229,0.9,1,1\n20240102,0.9,1,0\n20501231,1,1,0\n"),
        BOTH,
    ),
    Told(
        'name "delisting" in data.columns',
        _lean(last="20240114"),
        BOTH | {"adjust": "events"},
        ({"columns": ["delisting"]},),
    ),
    Told("which data.files does not name", _lean(), NEW, (BOTH,)),
    Told(
        "'OLD' is what NEW was called until 2024-01-08; ask for 'NEW'",
        _lean(),
        BOTH | {"symbols": ["OLD"]},
        ({"symbols": ["NEW"]},),
    ),
    Told(
        "which was called OLD then, and were left out; data.symbols may name 'NEW'",
        _lean()
        | {
            "equity/usa/map_files/old.csv": "20240110,old,N\n20501231,old,N\n",
            "equity/usa/daily/old.zip": _packed(
                "old.csv",
                "".join(f"202401{day} 00:00,100000,100000,100000,100000,10\n" for day in ("03", "04", "10", "11")),
            ),
        },
        OLD,
        ({"symbols": ["NEW"]},),
    ),
)
