"""Tables of who was in a universe when: every form that is read, and what is refused with line and column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from backbus.data.panels.universe import inside
from backbus.data.readers.members import FOR_EVER, Members, Spell, read_members
from backbus.errors import DataError


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def table(tmp_path: Path, text: str, name: str = "members.csv") -> Members:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_members(name, path)


def spells(members: Members) -> dict[str, list[tuple[int, int]]]:
    return {name: [(spell.first, spell.last) for spell in each] for name, each in members.spells.items()}


JAN = day("2024-01-01")
TRUTH = {"A": [(JAN, JAN + 4), (JAN + 20, FOR_EVER)], "B": [(JAN + 1, FOR_EVER)]}


@pytest.mark.parametrize(
    "text",
    [
        "symbol,from,to\nA,2024-01-01,2024-01-05\nB,2024-01-02,\nA,2024-01-21,\n",
        "\ufeffTicker;Start Date;End Date\n\nA;01.01.2024;05.01.2024\nB;02.01.2024;NaT\nA;21.01.2024;-\n",
        "to\tfrom\tsymbol\tname\n20240105\t20240101\tA\tx\n\t20240102\tB\ty\n\t20240121\tA\tz\n",
        "symbol,since,until\nA,2024-01-21 00:00:00,\nA,2024-01-01 00:00:00,2024-01-05 00:00:00\n"
        "B,2024-01-02 00:00:00,\n",
    ],
)
def test_spells_are_read(tmp_path, text):
    assert spells(table(tmp_path, text)) == TRUTH


@pytest.mark.parametrize(
    "text",
    [
        'date,tickers\n2024-01-01,A\n2024-01-02,"A,B"\n2024-01-06,B\n2024-01-21,"A,B"\n',
        "date;members\n2024-01-21;B A\n2024-01-01;A\n2024-01-06;['B']\n2024-01-02;A|B\n",
    ],
)
def test_lists_hold_until_the_day_before_the_next(tmp_path, text):
    assert spells(table(tmp_path, text)) == TRUTH


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_typed_tables_are_read(tmp_path, suffix):
    frame = pa.table(
        {
            "symbol": ["A", "B", "A"],
            "from": [dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2024, 1, 21)],
            "to": pa.array([dt.datetime(2024, 1, 5), None, None], pa.timestamp("ns")),
        }
    )
    path = tmp_path / f"members.{suffix}"
    if suffix == "parquet":
        pq.write_table(frame, path)
    else:
        pa.feather.write_feather(frame, path)
    assert spells(read_members(path.name, path)) == TRUTH


def test_a_column_of_lists_is_read(tmp_path):
    path = tmp_path / "m.parquet"
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2024, 1, 6), dt.date(2024, 1, 21)]
    pq.write_table(pa.table({"date": days, "members": [["A"], ["A", "B"], ["B"], ["A", "B"]]}), path)
    assert spells(read_members(path.name, path)) == TRUTH


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("symbol,from,to\nA,2024-01-05,2024-01-04\n", "members.csv:2, column 'to', symbol A: 2024-01-04 is before"),
        (
            "symbol,from,to\nA,2024-01-01,2024-01-09\nB,2024-01-01,\nA,2024-01-09,\n",
            "members.csv:4, column 'from', symbol A: this spell overlaps that of line 2",
        ),
        ("symbol,from,to\nA,2024-01-01,\nA,2024-02-01,2024-03-01\n", "members.csv:3, column 'from', symbol A: this"),
        ("symbol,from,to\nA,,2024-01-09\n", "members.csv:2, column 'from': there is no date; say the first day"),
        ("symbol,from,to\nA,2024-01-01,\n,2024-01-01,\n", "members.csv:3, column 'symbol': this row names no symbol"),
        ("symbol,from,to\nA,2024-01-01,x\n", "members.csv:2, column 'to': 'x' cannot be read"),
        ("symbol,from,to\nA,01/02/2024,\nB,03/04/2024,\n", "write all dates of the table as 2024-01-31"),
        ("symbol,from,to\nA,2024-01-01 09:30,\n", "members.csv:2, column 'from': '2024-01-01 09:30' has a time"),
        ("symbol,from,to\nA,2024-01-01\n", "members.csv:2: has 2 fields, and the header has 3"),
        ("symbol,added,removed\nA,2024-01-01,\n", "has the columns symbol, added, removed; a universe has symbol"),
        ("date,members\n2024-01-01,A\n2024-01-01,B\n", "members.csv:3, column 'date': a second list of 2024-01-01"),
        ("date,members\n2024-01-01,A,B\n", "a list of members needs quotes"),
        ("date,members\n2024-01-01,\n", "has no member in any list"),
        ("symbol,from,to\n", "has no rows"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(tmp_path, text, says):
    with pytest.raises(DataError) as raised:
        table(tmp_path, text)
    assert says in str(raised.value)


def test_both_ends_of_a_spell_are_in_it():
    days = np.arange(10, 20)
    found = inside((Spell(11, 12, 0), Spell(13, 13, 1), Spell(17, FOR_EVER, 2)), days)
    assert days[found].tolist() == [11, 12, 13, 17, 18, 19]
    assert not inside((), days).any()
