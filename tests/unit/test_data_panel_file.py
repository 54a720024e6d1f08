"""A panel file gives back the panel that was written, mapped and unchanged, or one clear error."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.data import load_panel, map_panel, read_panel, write_panel
from backbus.engine.run import Engine
from backbus.engine.warm import small_panel
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Layout, Panel
from backbus.market.timeframes import DAY_NS
from backbus.performance.statistics import Statistics
from backbus.strategy import make_strategy
from backbus.strategy.builtins import SmaCross


def panel_of(rows: int, symbols: tuple[str, ...], *, seed: int = 0, warmup: int = 0, notes=(), holes=0.2) -> Panel:
    random = np.random.default_rng(seed)
    fields = {}
    hole = random.random((rows, len(symbols))) < holes
    for name in FIELDS:
        fields[name] = np.where(hole, np.nan, random.uniform(1, 2, (rows, len(symbols))))
    session = np.arange(rows, dtype=np.int64)
    return Panel(
        Layout(symbols, rows, warmup, DAY_NS), Block(0, (session + 1) * DAY_NS, session, **fields), tuple(notes)
    )


def same(one: Panel, other: Panel) -> bool:
    columns = ("end", "session", *FIELDS)
    return (
        one.layout == other.layout
        and one.notes == other.notes
        and all(getattr(one.block, name).tobytes() == getattr(other.block, name).tobytes() for name in columns)
    )


@settings(max_examples=60)
@given(
    rows=st.integers(0, 50),
    symbols=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True),
    notes=st.lists(st.text(max_size=10), max_size=3),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_what_is_read_is_what_was_written(tmp_path_factory, rows, symbols, notes, seed, data):
    path = tmp_path_factory.mktemp("panel") / "p.arrow"
    panel = panel_of(rows, tuple(symbols), seed=seed, warmup=data.draw(st.integers(0, rows)), notes=notes)
    write_panel(panel, path)
    assert same(read_panel(path), panel)
    assert [file.name for file in path.parent.iterdir()] == ["p.arrow"]


def test_reading_maps_the_file_and_copies_nothing(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(100_000, ("A", "B")), path)
    before = pa.total_allocated_bytes()
    panel = read_panel(path)
    assert pa.total_allocated_bytes() - before < 100_000
    for name in ("end", *FIELDS):
        column = getattr(panel.block, name)
        assert not column.flags.writeable
        assert not column.flags.owndata
        assert column.flags.c_contiguous


def _resident_file_bytes() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssFile"))
    return int(line.split()[1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts resident pages as Linux reports them")
def test_rows_that_are_released_are_not_resident_and_not_lost(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(400_000, tuple("ABCDEFGH"), holes=0), path)
    mapped = map_panel(path)
    before, most, sums = _resident_file_bytes(), 0, 0.0
    for first in range(0, 400_000, 10_000):
        block = mapped.panel.block.rows(first, first + 10_000)
        sums += sum(float(getattr(block, name).sum()) for name in FIELDS)
        most = max(most, _resident_file_bytes() - before)
        mapped.release(first + 10_000)
    size = path.stat().st_size
    assert most < size / 4, f"{most} of {size} bytes were resident at once"
    again = sum(float(getattr(mapped.panel.block, name).sum()) for name in FIELDS)
    assert again == pytest.approx(sums)


def test_equal_panels_are_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_panel(panel_of(20, ("A",)), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def _arrow(path, schema, columns):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "p.arrow"
    with pytest.raises(DataError, match="no such file"):
        read_panel(path)
    for junk in (b"", b"junk", b"ARROW1\0\0" + bytes(100)):
        path.write_bytes(junk)
        with pytest.raises(DataError, match="is not a panel file"):
            read_panel(path)
    _arrow(path, pa.schema([("x", pa.int64())]), [pa.array([1])])
    with pytest.raises(DataError, match="not a panel file of backbus"):
        read_panel(path)


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(50, ("A", "B")), path)
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError):
            read_panel(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 1}, "version 1"),
        ({"symbols": ["A", "B"]}, "damaged"),
        ({"symbols": ["A", "A"]}, "damaged"),
        ({"symbols": None}, "damaged"),
        ({"warmup": 99}, "damaged"),
        ({"warmup": "1"}, "damaged"),
        ({"interval_ns": -1}, "damaged"),
        ({"notes": [1]}, "damaged"),
    ],
)
def test_facts_that_do_not_fit_are_refused(tmp_path, change, expected):
    import json

    path = tmp_path / "p.arrow"
    write_panel(panel_of(3, ("A",)), path)
    with pa.ipc.open_file(pa.OSFile(str(path))) as reader:
        batch, key = reader.get_batch(0), b"backbus.panel"
        facts = json.loads(reader.schema.metadata[key]) | change
    _arrow(path, batch.schema.with_metadata({key: json.dumps(facts)}), batch.columns)
    with pytest.raises(DataError, match=expected):
        read_panel(path)


def test_columns_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(3, ("A",)), path)
    with pa.ipc.open_file(pa.OSFile(str(path))) as reader:
        batch = reader.get_batch(0)
    for columns in (
        [pa.array([1.0, 2.0, 3.0]), *batch.columns[1:]],
        [*batch.columns[:-1], pa.array([[1.0], None, [2.0]], pa.list_(pa.float64(), 1))],
        [*batch.columns[:-1], pa.array([[1.0], [None], [2.0]], pa.list_(pa.float64(), 1))],
        batch.columns[:-1],
    ):
        names = batch.schema.names[: len(columns)]
        schema = pa.schema(
            list(zip(names, (column.type for column in columns), strict=True)), metadata=batch.schema.metadata
        )
        _arrow(path, schema, columns)
        with pytest.raises(DataError, match="damaged"):
            read_panel(path)


def test_a_job_chooses_assets_and_rows_of_a_panel_file(tmp_path):
    path = tmp_path / "p.arrow"
    panel = panel_of(10, ("A", "B", "C"), notes=("a note",))
    write_panel(panel, path)
    files = {"p.arrow": path}
    assert same(load_panel(DataSettings(), files), panel)
    chosen = load_panel(DataSettings(symbols=("C", "A"), start="1970-01-05", end="1970-01-08", warmup=1), files)
    assert chosen.layout == Layout(("C", "A"), 5, 1, DAY_NS)
    assert chosen.notes == ("a note",)
    np.testing.assert_array_equal(chosen.block.close, panel.block.close[3:8][:, [2, 0]])
    assert not chosen.block.close.flags.writeable
    assert chosen.block.close.flags.c_contiguous
    with pytest.raises(JobError, match="no 'D'"):
        load_panel(DataSettings(symbols="D"), files)
    with pytest.raises(JobError, match="no bar from 1971-01-01"):
        load_panel(DataSettings(start="1971-01-01"), files)


def test_a_panel_files_own_warmup_is_kept_and_can_be_cut(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(10, ("A",), warmup=4), path)
    assert load_panel(DataSettings(), {"p.arrow": path}).layout.warmup == 4
    cut = load_panel(DataSettings(warmup=1), {"p.arrow": path})
    assert (cut.layout.rows, cut.layout.warmup, cut.block.session[0]) == (7, 1, 3)


def test_a_panel_file_stands_alone_and_is_not_adjusted(tmp_path):
    path = tmp_path / "p.arrow"
    write_panel(panel_of(3, ("A",)), path)
    with pytest.raises(JobError, match="only file"):
        load_panel(DataSettings(), {"p.arrow": path, "q.csv": path})
    with pytest.raises(JobError, match="no adjusted close"):
        load_panel(DataSettings(adjust="adj_close"), {"p.arrow": path})


def test_rows_of_a_panel_file_that_go_back_in_time_are_refused(tmp_path):
    path = tmp_path / "p.arrow"
    panel = panel_of(3, ("A",))
    panel.block.end[2] = panel.block.end[1]
    write_panel(panel, path)
    with pytest.raises(DataError, match=r"p\.arrow: row 2 does not end after"):
        load_panel(DataSettings(), {"p.arrow": path})


def test_rows_are_told_as_done_when_nobody_will_look_at_them_again(monkeypatch):
    """Memory of a mapped file that is let go of and read again stays: a run would grow by what it looks back at."""
    counted = []
    add_rows = Statistics.add_rows

    def counting(self, block, rows):
        add_rows(self, block, rows)
        counted.append(block.first_row + len(block))

    monkeypatch.setattr(Statistics, "add_rows", counting)
    job = Job.parse({"strategy": {"use": "SmaCross", "fast": 2, "slow": 4}, "run": {"block": 16}})
    told = []
    panel = small_panel(100)
    Engine(job, panel, make_strategy(SmaCross, {"fast": 2, "slow": 4})).run(
        lambda done: told.append((done, counted[-1]))
    )
    assert [done for done, _ in told] == [16, 32, 48, 64, 80, 96, 100]
    assert all(done <= seen for done, seen in told)
