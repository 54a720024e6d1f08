"""Files with splits and dividends, as vendors print them; and LEAN's folder, where they lie in files of their own."""

from __future__ import annotations

import io
import random
import zipfile
from typing import Any, NamedTuple

import pandas as pd

from tools.generated.made import PRICES, Columns, Made, calendar_of, walk

_HIGHEST = 10_000.0
RATIOS = ((2, 1), (3, 1), (4, 1), (7, 1), (3, 2), (1, 2), (1, 4), (1, 8), (1, 7))


class _Life(NamedTuple):
    """A share's days, raw prices and actions."""

    days: list[str]
    prices: Columns
    splits: list[tuple[int, int] | None]
    dividends: list[float]


def _life(chance: random.Random, rows: int) -> _Life:
    """Prices that show their splits, and some dividends, none of them on the first day."""
    known = calendar_of("XNYS")
    first = pd.Timestamp("2015-01-01") + pd.Timedelta(days=chance.randrange(3000))
    days = [str(day.date()) for day in known.sessions_in_range(first, first + pd.Timedelta(days=3 * rows + 20))[:rows]]
    prices = walk(chance, rows)
    splits: list[tuple[int, int] | None] = [None] * rows
    dividends = [0.0] * rows
    for row in chance.sample(range(1, rows), min(rows - 1, chance.choice([0, 1, 2]))):
        splits[row] = chance.choice(RATIOS)
    for row in chance.sample(range(1, rows), min(rows - 1, chance.choice([0, 1, 3]))):
        dividends[row] = round(chance.choice([0.12, 0.25, 0.5]) * prices["close"][0] / 50.0, 2)
    factor = 1.0
    for row in range(rows):
        if (split := splits[row]) is not None:
            factor *= split[1] / split[0]
        for name in PRICES:
            prices[name][row] = round(prices[name][row] * factor, 4)
    return _Life(days, prices, splits, dividends)


def _adjusted(life: _Life, adjust: str) -> Columns:
    """What a job has of a life by its setting, worked out bar by bar from the last one back."""
    found = {name: list(values) for name, values in life.prices.items()}
    ratios = [1.0 if split is None else split[0] / split[1] for split in life.splits]
    if adjust == "events":
        return found | {"split": ratios, "dividend": life.dividends}
    if adjust == "none":
        return found
    price = volume = 1.0
    for row in range(len(life.days) - 1, -1, -1):
        for name in PRICES:
            found[name][row] *= price
        found["volume"][row] *= volume
        if row:
            paid = life.dividends[row] if adjust == "total_return" else 0.0
            price *= (1.0 - paid * ratios[row] / life.prices["close"][row - 1]) / ratios[row]
            volume *= ratios[row]
    return found


def with_splits(chance: random.Random) -> Made:
    """One CSV file with columns of splits and dividends."""
    life = _life(chance, chance.choice([5, 20, 60]))
    form = chance.choice(["number", "rounded", "colon", "slash", "for", "-for-", "percent", "percent said"])
    adjust = chance.choice(["none", "splits", "total_return", "events", "events"])
    none = chance.choice(["0", "1", "", "0.0"])

    def cell(split: tuple[int, int] | None) -> str:
        if split is None:
            return none
        new, old = split
        match form:
            case "number":
                return repr(new / old)
            case "rounded":
                return f"{new / old:.6f}"
            case "percent" | "percent said":
                return f"{100 * (new - old) // old}%" if new > old and old == 1 else f"{new}:{old}"
        return {"colon": f"{new}:{old}", "slash": f"{new}/{old}", "for": f"{new} for {old}"}.get(
            form, f"{new}-for-{old}"
        )

    headers = ["Date", "Open", "High", "Low", "Close", "Volume"]
    more = [chance.choice(["Stock Splits", "Split Ratio", "split"]), chance.choice(["Dividends", "Div Cash"])]
    lines = [[*headers, *more]]
    for row, day in enumerate(life.days):
        numbers = [repr(life.prices[name][row]) for name in ("open", "high", "low", "close")]
        paid = repr(life.dividends[row]) if life.dividends[row] else chance.choice(["0", ""])
        lines.append([day, *numbers, str(int(life.prices["volume"][row])), cell(life.splits[row]), paid])
    settings: dict[str, Any] = {"adjust": adjust}
    if form == "percent said":
        settings["split_percent"] = "added"
    if chance.random() < 0.2:
        lines[1:] = reversed(lines[1:])
    text = "\n".join(";".join(line) for line in lines)
    return Made(text.encode(), settings, life.days, _adjusted(life, adjust), True, forms=["splits", form, adjust])


def packed(member: str, text: str) -> bytes:
    """A ZIP file of one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, text)
    return buffer.getvalue()


def _bars(life: _Life, rows: range) -> str:
    """Lines of LEAN's daily file."""
    lines = []
    for row in rows:
        cells = [str(round(life.prices[name][row] * 10_000)) for name in ("open", "high", "low", "close")]
        lines.append(
            ",".join([life.days[row].replace("-", "") + " 00:00", *cells, str(int(life.prices["volume"][row]))])
        )
    return "\n".join(lines)


def _factors(life: _Life) -> str:
    """A factor file, its factors from the last day back, with the digits that LEAN prints."""
    price = split = 1.0
    lines = ["20501231,1,1,0"]
    for row in range(len(life.days) - 1, 0, -1):
        ratio = life.splits[row]
        if ratio is None and not life.dividends[row]:
            continue
        close = life.prices["close"][row - 1]
        many = 1.0 if ratio is None else ratio[0] / ratio[1]
        split /= many
        price *= 1.0 - life.dividends[row] * many / close
        lines.append(f"{life.days[row - 1].replace('-', '')},{price:.7f},{split:.8f},{close!r}")
    lines.append(f"{life.days[0].replace('-', '')},{price:.7f},{split:.8f},1")
    return "\n".join(dict.fromkeys(reversed(lines))) + "\n"


def lean_folder(chance: random.Random) -> Made:
    """LEAN's daily bars of a share with its factor file, perhaps under two names, perhaps after another company's."""
    life = _life(chance, chance.choice([6, 20, 60]))
    whole = []
    for row, (paid, split) in enumerate(zip(life.dividends, life.splits, strict=True)):
        many = split[0] / split[1] if split else 1.0
        # The file's cents are for shares of before a split; of a price of more, its seven digits do not hold a cent.
        told = row > 0 and life.prices["close"][row - 1] < _HIGHEST
        whole.append(round(round(paid * many, 2) / many, 12) if told else 0.0)
    life = life._replace(dividends=whole)
    adjust = chance.choice(["none", "splits", "total_return", "events", "events"])
    names = chance.choice(["one", "two", "another before"])
    rows = len(life.days)
    cut = chance.randrange(1, rows) if names != "one" else rows
    plain = [day.replace("-", "") for day in life.days]
    home = "equity/usa"
    more = {f"{home}/factor_files/new.csv": _factors(life).encode()}
    settings: dict[str, Any] = {"files": f"{home}/daily/new.zip", "adjust": adjust}
    if names == "two":
        more[f"{home}/map_files/new.csv"] = f"{plain[0]},old,Q\n{plain[cut - 1]},old,Q\n20501231,new,Q\n".encode()
        more[f"{home}/daily/old.zip"] = packed("old.csv", _bars(life, range(cut)))
        settings |= {"files": f"{home}/daily", "symbols": ["NEW"]}
        text = _bars(life, range(cut, rows))
    else:
        more[f"{home}/map_files/new.csv"] = f"{plain[0]},new,Q\n20501231,new,Q\n".encode()
        before = [f"{int(plain[0][:4]) - 2}0{month}02 00:00,990000,990000,990000,990000,7" for month in range(1, 9)]
        text = "\n".join([*(before if names != "one" else []), _bars(life, range(rows))])
    return Made(
        packed("new.csv", text),
        settings,
        life.days,
        _adjusted(life, adjust),
        True,
        f"{home}/daily/new.zip",
        ["lean", names, adjust],
        more,
    )
