"""Plain lines are read by a loop of their own: what it reads is what Arrow reads, to the bit, or Arrow reads it."""

from __future__ import annotations

import math
import random
from datetime import date

import pytest

from backbus.data.catalog import importing
from backbus.data.catalog.importing import import_files
from backbus.data.readers import csv_file, plain
from backbus.data.readers.csv_file import read_csv
from backbus.errors import BackbusError
from backbus.jit.decorators import JIT_DISABLED
from backbus.job.data import DataSettings

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="plain Python leaves all to Arrow")

HEADERS = ("time", "open", "high", "low", "close", "volume")
ODD_NUMBERS = [
    "",
    " ",
    " 1.5",
    "1.5 ",
    "+1.5",
    "-0",
    "-0.0",
    "-",
    "--",
    ".",
    "-.",
    "1.",
    ".5",
    "-.5",
    "1..5",
    "1.5.2",
    "1e3",
    "1E-2",
    "NaN",
    "nan",
    "NA",
    "null",
    "None",
    "inf",
    "-inf",
    "Infinity",
    "1,5",
    '"1.5"',
    '"1',
    "'1'",
    "0x10",
    "1_000",
    "$1.5",
    "12%",
    "1K",
    "007.50",
    "000000000000000",
    "0000000000000001",
    "123456789012345",
    "1234567890123456",
    "9007199254740993",
    "0.000000000000001",
    "0.0000000000000001",
    "0.1234567890123456",
    "99999999999999.9",
    "3.14159265358979",
    "１２",
    "1\t5",
    "4503599627370497.5",
    "-123456789012345",
    "18446744073709551617",
    "1.7976931348623157e308",
    "\x001",
    "1\x0b",
    "é",
]
ODD_STAMPS = [
    "",
    " ",
    "2024-01-02",
    "2024-01-02 09:30",
    "2024-01-02T09:30",
    "2024-01-02 09:30:00.1",
    "2024-01-02 09:30:00.123456789",
    "2024-01-02 09:30:00.",
    "2024-01-02 09:30:00.1234567890",
    "2024-01-02 09:30:60",
    "2024-01-02 24:00",
    "2024-01-02 09:60",
    "2024-01-02 09",
    "2024-01-02 0930",
    "20240102 09:30",
    "2024-01-02 09:30Z",
    "2024-01-02 09:30:00+01:00",
    "2024-1-2",
    "2024-01-02 09:30:00 Z",
    " 2024-01-02 09:30",
    "2024-01-02 09:30 ",
    "2024-02-30 09:30",
    "2023-02-29 09:30",
    "1900-02-29",
    "2400-02-29 09:30",
    "2024-13-01",
    "2024-00-10",
    "2024-10-00",
    "0000-00-00",
    "1677-09-20",
    "1699-12-31 10:00",
    "2262-04-12 00:00",
    "2024-ab-02",
    "2024-01-xx 09:30",
    "20ab-01-02",
    "01/02/2024",
    "2024/01/02",
    "1704187800",
    "noon",
    '"2024-01-02 09:30"',
    "2024-01-02 09:30 EST",
    "2024-01-02 09:30 AM",
    "2024-01-02  09:30",
    "2024-01-02t09:30",
]
ODD_LINES = [
    "",
    "\r",
    " ",
    "2024-01-02",
    ",,,,,",
    "a,b",
    "Data by nobody, made today",
    "Made by the exchange today",
    "\ufeff",
]
CLOCKS = [
    "",
    "",
    " %02d:%02d",
    "T%02d:%02d",
    " %02d:%02d:00",
    "T%02d:%02d:00",
    " %02d:%02d:00.000",
    " %02d:%02d:00.123456789",
    " %02d:%02dZ",
    "T%02d:%02d:00Z",
    " %02d:%02d:00.5Z",
    "T%02d:%02d:00+01:00",
    " %02d:%02d:00-05",
    " %02d%02d",
]


def number(draw, most):
    """One of at most so many digits."""
    digits = str(draw.randrange(10 ** draw.randrange(1, most + 1)))
    point = draw.randrange(len(digits))
    if point == 0 and len(digits) < most:
        digits, point = f"0{digits}", 1
    return ("-" if draw.random() < 0.02 else "") + (f"{digits[:point]}." if point else "") + digits[point:]


def made(seed):
    """A file of many kinds of lines; of most of them there are none or few."""
    draw = random.Random(seed)
    headers = [*HEADERS]
    for place in range(draw.choice((0, 0, 1, 2))):
        headers.insert(draw.randrange(1, len(headers) + 1), f"other {place}")
    if draw.random() < 0.2:
        draw.shuffle(headers)
    separator = draw.choice((",", ",", ",", ";", "\t", "|"))
    clock, rows = draw.choice(CLOCKS), draw.choice((1, 2, 5, 30, 80))
    simple, digits = draw.random() < 0.5, draw.choice((10, 15, 17))
    wrong = draw.choice((0, 0, 0, 1, 3))
    sign = "é" if draw.random() < 0.05 else "-"
    lines = []
    for row in range(rows):
        minute = row if clock else 0
        day = (
            f"{2024 if draw.random() < 0.98 else draw.randrange(1600, 2300)}-01-{row % 28 + 1 if not clock else 2:02d}"
        )
        stamp = day + (clock % (9 + minute // 60, minute % 60) if clock else "")
        if simple:
            opened, more = draw.randrange(1000, 2000), draw.choice((0, 1, 60))
            prices = (opened, opened + more, opened - more, opened)
            cells = dict(zip(HEADERS[1:], [*(f"{price / 100:.2f}" for price in prices), row], strict=True))
        else:
            cells = {name: number(draw, digits) for name in HEADERS}
        others = draw.choice(("x", "", "1.5", "a b", sign, "~!"))
        lines.append([stamp if name == "time" else str(cells.get(name, others)) for name in headers])
    for _ in range(wrong):
        line, place = draw.choice(lines), draw.randrange(len(headers))
        line[place] = draw.choice(ODD_STAMPS if headers[place] == "time" else ODD_NUMBERS)
    if draw.random() < 0.1:
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))  # a second time, and out of order
    texts = [separator.join(line) for line in lines]
    if draw.random() < 0.2:
        texts.insert(draw.randrange(len(texts) + 1), draw.choice(ODD_LINES))
    if draw.random() < 0.05:
        texts[-1] += separator
    end = draw.choice(("\n", "\n", "\n", "\r\n", "\r\n", "\r"))
    text = end.join([separator.join(headers), *texts]) + (end if draw.random() < 0.8 else "")
    return ("\ufeff" if draw.random() < 0.1 else "").encode() + text.encode(
        "utf-8" if draw.random() < 0.97 else "latin-1", "replace"
    )


@pytest.fixture
def ways(monkeypatch):
    """Do something by the loop, and by Arrow alone; and how many texts the loop read."""
    whole, taken = csv_file.read_plain, []

    def reader(*args):
        found = whole(*args)
        taken.append(found is not None)
        return found

    def both(work):
        found = []
        for way in (reader, lambda *args: None):
            monkeypatch.setattr(csv_file, "read_plain", way)
            try:
                found.append(work())
            except BackbusError as error:
                found.append((type(error), str(error)))
        return found

    monkeypatch.setattr(csv_file, "PLAIN_BYTES", 0)
    return both, taken


def told(table):
    stamps = table.stamps
    wall = stamps.values if stamps.wall is None else stamps.wall()
    return {
        "when": (stamps.kind, stamps.zone, stamps.values.tobytes(), wall.tobytes(), table.zone, table.begins),
        "numbers": {role: column.tobytes() for role, column in table.numbers.items()},
        "columns": (dict(table.headers), table.left, table.symbols),
        "said": (table.notes, dict(table.unreadable), table.lines().tolist()),
    }


def test_whatever_a_file_holds_both_ways_read_the_same_bits_or_refuse_it_by_the_same_words(ways):
    both, taken = ways
    for seed in range(500):
        data = made(seed)
        loop, arrow = both(lambda data=data: told(read_csv("A.csv", lambda: data)))
        assert loop == arrow, (seed, data)
    assert 120 < sum(taken) < len(taken) - 120


def test_a_dataset_is_the_same_by_both_ways_wherever_parts_of_the_file_end(tmp_path, ways):
    both, taken = ways
    repair = {"repair": {"unsorted": "sort", "duplicates": "first", "missing": "hole", "negative": "hole"}}
    for seed in range(50):
        (tmp_path / "A.csv").write_bytes(made(seed))
        for settings in ({}, repair):

            def dataset(settings=settings, size=40 + 13 * seed):
                out = tmp_path / "out.arrow"
                out.unlink(missing_ok=True)
                import_files(
                    {"A.csv": tmp_path / "A.csv"}, DataSettings(**settings), out, at_once_bytes=0, part_bytes=size
                )
                return out.read_bytes()

            loop, arrow = both(dataset)
            assert loop == arrow, (seed, settings)
    assert sum(taken) > 80


def test_numbers_of_at_most_fifteen_digits_are_the_float_that_is_nearest(ways):
    both, taken = ways
    draw = random.Random(7)
    written = [number(draw, 15) for _ in range(5000)]
    text = "".join(f"2024-01-01 00:00:00.{row:06d},{cell},,,,0\n" for row, cell in enumerate(written))
    table, _ = both(lambda: read_csv("A.csv", (",".join(HEADERS) + "\n" + text).encode))
    assert taken == [True]
    assert [repr(value) for value in table.numbers["open"].tolist()] == [repr(float(cell)) for cell in written]
    assert all(math.isnan(value) for value in table.numbers["high"])
    first = 19_723 * 86_400 * 10**9  # days from 1970 to 2024
    assert table.stamps.values.tolist() == [first + row * 1000 for row in range(5000)]


def test_every_day_that_is_read_is_the_calendars(ways):
    both, taken = ways
    days = [date.fromordinal(day) for day in range(date(1700, 1, 1).toordinal(), date(2201, 1, 1).toordinal())]
    text = ",".join(HEADERS) + "\n" + "".join(f"{day},1,1,1,1,0\n" for day in days)
    table, _ = both(lambda: read_csv("A.csv", text.encode))
    assert taken == [True]
    assert table.stamps.values.tolist() == [day.toordinal() - date(1970, 1, 1).toordinal() for day in days]


@pytest.mark.parametrize("cell", ["1.5.2", '"2"', "1e2", "2024-01-02", "12345678901234567", " 1", "x"])
def test_a_line_that_is_not_plain_leaves_its_part_to_arrow_and_what_was_read_before_it_stays(tmp_path, ways, cell):
    both, taken = ways
    lines = [f"2024-01-02 {row // 60:02d}:{row % 60:02d},2,2,2,2,5" for row in range(1200)]
    lines[700] = lines[700].replace(",5", f",{cell}")
    (tmp_path / "A.csv").write_text("\n".join([",".join(HEADERS), *lines]) + "\n")

    def dataset():
        out = tmp_path / "out.arrow"
        out.unlink(missing_ok=True)
        import_files({"A.csv": tmp_path / "A.csv"}, DataSettings(), out, at_once_bytes=0, part_bytes=9000)
        return out.read_bytes()

    loop, arrow = both(dataset)
    assert loop == arrow
    assert taken.count(True) >= 2
    assert False in taken
    if cell in ("x", "1.5.2"):
        assert "A.csv:702" in loop[1]


@pytest.mark.parametrize("symbols", [False, True])
@pytest.mark.parametrize("kept", [0, 20_000, 1 << 29])
def test_a_dataset_is_the_same_wherever_its_bars_lie_until_it_is_written(tmp_path, monkeypatch, symbols, kept):
    """In memory in one piece, in memory in some, or on disk, from the first part on or a later one."""
    header = ",".join((*HEADERS, "symbol") if symbols else HEADERS)
    both = [
        f"2024-01-{day:02d} {hour:02d}:00,2,{40 + hour},1,{day},5" + (f",{symbol}" if symbols else "")
        for day in range(2, 30)
        for hour in range(24)
        for symbol in ("BA" if symbols else "B")
    ]
    (tmp_path / "A.csv").write_text("\n".join([header, *both[:300], "", *both[300:]]) + "\n")
    files = {"A.csv": tmp_path / "A.csv"}
    import_files(files, DataSettings(), tmp_path / "once.arrow")
    for module in (importing, plain):
        monkeypatch.setattr(module, "ROOM_BYTES", kept)
    import_files(files, DataSettings(), tmp_path / "parts.arrow", at_once_bytes=0, part_bytes=4000)
    assert (tmp_path / "parts.arrow").read_bytes() == (tmp_path / "once.arrow").read_bytes()
