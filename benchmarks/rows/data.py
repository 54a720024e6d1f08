"""Bars from a CSV file to a dataset, beside readers that do not look at what they read; and opening it again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as pa_csv
from pyarrow import feather

from backbus.data import Catalog, open_source
from backbus.job.data import DataSettings
from backbus.market.columns import FIELDS
from benchmarks import prices
from benchmarks.bench import Bench
from benchmarks.measure import Check, Hold, Line, duration, interleaved, median, rate, seconds_of, short

ROW = "data"
OPENINGS = 50
OPEN_S = 0.05


def run(bench: Bench) -> Iterator[Line | Check]:
    """Minute bars of one asset."""
    rows, repeats = bench.pick(8_000_000, 200_000), bench.pick(5, 1)
    with tempfile.TemporaryDirectory(prefix="backbus-bench-") as place:
        folder = Path(place)
        file = folder / "WALK.csv"
        size = _write(file, rows)
        bench.say(f"{repeats} imports of {short(size)}B in turns")
        ours, arrow, of_pandas = interleaved(
            repeats,
            partial(_timed, _import, file, folder / "catalog"),
            partial(_timed, _arrow, file, folder / "copy.arrow"),
            partial(_timed, _pandas, file, folder / "copy.feather"),
        )
        mine = median(ours)
        what = f"{short(rows)} bars, {short(size)}B of CSV, to disk and synced"
        for peer, taken, limit in (("pyarrow, and a copy", arrow, 1.0), ("pandas, to Feather", of_pandas, None)):
            ratio = median(taken) / mine
            yield Line(
                ROW,
                what,
                f"{duration(mine)}, {rate(rows, mine)}",
                peer=f"{peer}: {duration(median(taken))}",
                ratio=ratio,
                hold=None if limit is None else Hold(ratio, limit, "×"),
                note="ours looks at every bar, hashes the file and lists findings",
                runs=(ours, taken),
            )
        read = pa_csv.read_csv(file)
        source = open_source(DataSettings(), Catalog(folder / "catalog").file("walk"))
        block = next(iter(source.blocks(rows)))
        same = all(getattr(block, name)[:, 0].tobytes() == np.asarray(read[name], float).tobytes() for name in FIELDS)
        yield Check(ROW, "the dataset holds what pyarrow reads", same and len(source) == rows)
        openings = [seconds_of(partial(_open, folder / "catalog")) for _ in range(OPENINGS)]
        opened, what = median(openings), f"opening a dataset of {short(rows)} bars by its name"
        yield Line(ROW, what, duration(opened), hold=_hold_of_opening(opened), runs=(openings,))


def _hold_of_opening(seconds: float) -> Hold:
    return Hold(seconds * 1e3, OPEN_S * 1e3, "ms", at_most=True)


def _timed(work: Any, file: Path, out: Path) -> float:
    if out.is_dir():
        shutil.rmtree(out)
    else:
        out.unlink(missing_ok=True)
    return seconds_of(partial(work, file, out))


def _import(file: Path, out: Path) -> None:
    Catalog(out).add("walk", {file.name: file}, DataSettings())


def _open(catalog: Path) -> None:
    assert len(open_source(DataSettings(), Catalog(catalog).file("walk")))


def _arrow(file: Path, out: Path) -> None:
    table = pa_csv.read_csv(file)
    with out.open("wb") as sink:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        sink.flush()
        os.fsync(sink.fileno())


def _pandas(file: Path, out: Path) -> None:
    frame = pd.read_csv(file, parse_dates=["time"])
    feather.write_feather(frame, str(out), compression="uncompressed")
    with out.open("rb") as written:
        os.fsync(written.fileno())


def _write(path: Path, rows: int) -> int:
    """The first ``rows`` bars with four digits after the point; the file's bytes."""
    with path.open("wb") as file:
        for first, chunk in prices.chunks(rows):
            begin = pa.array(chunk["end"] - prices.MINUTE_NS).cast(pa.timestamp("ns")).cast(pa.timestamp("s"))
            columns = {"time": begin.cast(pa.string()), **{name: chunk[name].round(4) for name in FIELDS}}
            options = pa_csv.WriteOptions(include_header=first == 0, quoting_style="none")
            pa_csv.write_csv(pa.table(columns), file, options)
    return path.stat().st_size
