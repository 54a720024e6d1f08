"""Files that are no prices: one clear error each, with file, line and column as far as they have one."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from backbus.data import Catalog, load_panel
from backbus.errors import DataError
from backbus.job.data import DataSettings

HEADER = b"Date,Open,High,Low,Close,Volume\n"
GOOD = HEADER + b"2024-01-02,10,12,9,11,100\n2024-01-03,11,13,10,12,200\n2024-01-04,11,13,10,12,200\n"
NOISE = np.random.default_rng(1).bytes(5000)

FILES = {
    "empty": (b"", r"^A\.csv: is empty"),
    "blank": (b"\n\n  \n", r"^A\.csv: is empty"),
    "a header alone": (HEADER, r"^A\.csv:1: has a header and no bars"),
    "binary": (NOISE, r"^A\.csv:1: is (not UTF-8 text|binary data)"),
    "binary after bars": (GOOD + b"\0\1\2\xff" * 50, r"^A\.csv:5: is binary data"),
    "a zero byte": (GOOD + b"2024-01-05,1\0,1,1,1,1\n", r"^A\.csv:5: is binary data"),
    "a column twice": (
        b"Date,Open,High,Low,Close,Close\n2024-01-02,1,1,1,1,1\n",
        r"^A\.csv:1: 'Close' and 'Close' are both a close column",
    ),
    "two dates": (b"Date,Datetime,Open,High,Low,Close\n", r"^A\.csv:1: 'Date' and 'Datetime' are both a date column"),
    "another encoding in a cell": (
        GOOD + "2024-01-05,1,1,1é,1,1\n".encode("latin-1"),
        r"^A\.csv:5, column 'Low': is not UTF-8 text; save it as UTF-8",
    ),
    "another encoding in the header": ("Date,Größe\n".encode("latin-1"), r"^A\.csv:1: is not UTF-8 text"),
    "UTF-16": (GOOD.decode().encode("utf-16"), r"^A\.csv: is UTF-16 text; save it as UTF-8"),
    "UTF-16 without a mark": (GOOD.decode().encode("utf-16-le"), r"^A\.csv:1: is binary data"),
    "dates in two forms": (GOOD + b"05/01/2024,1,1,1,1,1\n", r"^A\.csv:5, column 'Date': '05/01/2024' cannot be read"),
    "dates and times": (GOOD + b"2024-01-05 10:00,1,1,1,1,1\n", r"^A\.csv:5, column 'Date': .* has a time, and"),
    "days and months": (
        HEADER + b"13/01/2024,1,1,1,1,1\n01/14/2024,1,1,1,1,1\n",
        r"^A\.csv:3, column 'Date': '01/14/2024' puts day and month the other way round",
    ),
    "days or months": (
        HEADER + b"01/02/2024,1,1,1,1,1\n02/03/2024,1,1,1,1,1\n",
        r"^A\.csv:2, column 'Date': .* may be month/day or day/month",
    ),
    "the future": (GOOD + b"2199-01-05,1,1,1,1,1\n", r"^A\.csv:5, column 'Date', .*: 2199-01-05 is in the future"),
    "no such day": (GOOD + b"2024-02-30,1,1,1,1,1\n", r"^A\.csv:5, column 'Date': '2024-02-30' cannot be read"),
    "before all times": (HEADER + b"0001-01-02,1,1,1,1,1\n", r"^A\.csv:2, column 'Date': .* outside the years"),
    "a field too few": (GOOD + b"2024-01-05,1,1,1\n", r"^A\.csv:5: 4 fields where the header has 6"),
    "a field too many": (GOOD + b"2024-01-05,1,1,1,1,1,1\n", r"^A\.csv:5: 7 fields where the header has 6"),
    "a word": (GOOD + b"2024-01-05,1,1,1,abc,1\n", r"^A\.csv:5, column 'Close', symbol A: 'abc' .* is not a number"),
    "infinite": (GOOD + b"2024-01-05,1,inf,1,1,1\n", r"^A\.csv:5, column 'High', symbol A: inf .* is not a price"),
    "too large": (GOOD + b"2024-01-05,1,1e400,1,1,1\n", r"^A\.csv:5, column 'High', symbol A: inf .* is not a price"),
    "a web page": (b"<!DOCTYPE html><html><body>Too many requests</body></html>\n", r"^A\.csv:1: no column for date"),
    "an answer of a server": (b'{"error": "not found"}\n', r"^A\.csv:1: no column for date"),
    "an open quote": (GOOD + b'2024-01-05,"1,1,1,1,1\n', r"^A\.csv:5: 2 fields where the header has 6"),
    "a long line": (GOOD + b"1" * (3 << 20) + b"\n", r"^A\.csv:5: is longer than 1 MiB"),
    "a long first line": (b"x" * (3 << 20), r"^A\.csv:1: is longer than 1 MiB"),
}
PACKED = {
    "A.csv.gz": (gzip.compress(GOOD)[:-6], "cannot be unpacked"),
    "A.zip": (b"PK\3\4junk", "cannot be unpacked"),
    "A.parquet": (b"PAR1junk", "cannot be read as Parquet"),
    "A.arrow": (b"ARROW1junk", "cannot be read as Arrow IPC"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_prices_is_one_error(tmp_path, kind):
    data, message = FILES[kind]
    path = tmp_path / "A.csv"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as refused:
        load_panel(DataSettings(), {"A.csv": path})
    assert "\n" not in str(refused.value)
    catalog = Catalog(tmp_path / "datasets")
    with pytest.raises(DataError, match=message):
        catalog.add("mine", {"A.csv": path}, DataSettings())
    assert catalog.names() == []
    assert not list((tmp_path / "datasets" / "objects").glob("*"))


@pytest.mark.parametrize("name", PACKED)
def test_a_file_that_is_damaged_is_one_error(tmp_path, name):
    data, message = PACKED[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=f"{name}: {message}"):
        load_panel(DataSettings(), {name: tmp_path / name})


@pytest.mark.slow
def test_on_the_command_line_it_is_one_message_and_status_1(tmp_path, backbus):
    (tmp_path / "A.csv").write_bytes(GOOD + b"2024-01-05,1,1,1,abc,1\n")
    result = backbus("data", "import", "A.csv", "--name", "mine", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "A.csv:5, column 'Close', symbol A: 'abc'" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
