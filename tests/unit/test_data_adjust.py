"""Prices adjusted by splits and dividends: against the formulas written by hand, from files and from datasets."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from backbus.api.run import run
from backbus.data import Catalog, load_panel, map_panel, open_source, panel_from_frame, read_panel
from backbus.data.catalog.importing import import_files
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.columns import FIELDS, PRICES
from backbus.market.panel import whole
from backbus.strategy import Strategy

ROWS = 300
SPLITS = {"A": {100: 2.0, 200: 1.5}, "B": {150: 0.1}}
PAID = {"A": {50: 0.5, 100: 0.25, 250: 1.0}, "B": {}}


def true_returns(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0005, 0.01, ROWS)


def frame_of(name: str, seed: int) -> pd.DataFrame:
    """Raw prices of a share whose holders earn ``true_returns``, with its actions."""
    close, value = np.empty(ROWS), 100.0
    for row, earned in enumerate(true_returns(seed)):
        split, paid = SPLITS[name].get(row, 1.0), PAID[name].get(row, 0.0)
        value = value * (1.0 + earned) / split - paid if row else value
        close[row] = value
    frame = pd.DataFrame({"Open": close, "High": close * 1.01, "Low": close * 0.99, "Close": close, "Volume": 1000.0})
    frame["Dividends"] = [PAID[name].get(row, 0.0) for row in range(ROWS)]
    frame["Stock Splits"] = [SPLITS[name].get(row, 0.0) for row in range(ROWS)]
    frame.insert(0, "Date", pd.date_range("2020-01-01", periods=ROWS, freq="D").strftime("%Y-%m-%d"))
    return frame


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("A", "B"), 1):
        frame_of(name, seed).to_csv(tmp_path / f"{name}.csv", index=False, float_format="%.17g")
    return tmp_path


def panel_of(folder, **fields):
    return load_panel(DataSettings(**fields), {name: folder / name for name in ("A.csv", "B.csv")})


def test_splits_leave_returns_that_have_no_jump(folder):
    raw, panel = panel_of(folder), panel_of(folder, adjust="splits")
    for asset, name in enumerate(("A", "B")):
        factor = np.array([np.prod([1 / s for row, s in SPLITS[name].items() if row > at]) for at in range(ROWS)])
        for field in PRICES:
            np.testing.assert_allclose(
                getattr(panel.block, field)[:, asset], getattr(raw.block, field)[:, asset] * factor, rtol=1e-14
            )
        np.testing.assert_allclose(panel.block.volume[:, asset], 1000.0 / factor, rtol=1e-14)
        assert panel.block.close[-1, asset] == raw.block.close[-1, asset]
    assert any("splits at 2020-04-10 (2 for 1), 2020-07-19 (1.5 for 1); prices are used as" in n for n in raw.notes)
    assert not any("splits" in note for note in panel.notes)


def test_total_return_is_what_a_holder_earned(folder):
    """Reinvested at the close before: the same as earned, to the second order of the dividend."""
    raw, panel = panel_of(folder), panel_of(folder, adjust="total_return")
    for asset, name in enumerate(("A", "B")):
        close, adjusted = raw.block.close[:, asset], panel.block.close[:, asset]
        for row in range(1, ROWS):
            split, paid = SPLITS[name].get(row, 1.0), PAID[name].get(row, 0.0)
            kept = (1.0 - paid * split / close[row - 1]) / split
            assert adjusted[row] / adjusted[row - 1] == pytest.approx(close[row] / (close[row - 1] * kept), rel=1e-12)
        returns = np.diff(adjusted) / adjusted[:-1]
        np.testing.assert_allclose(returns, true_returns(asset + 1)[1:], atol=3e-4)


def test_the_end_of_the_run_knows_nothing_of_later_splits(folder):
    early = panel_of(folder, adjust="splits", end="2020-03-01")
    raw = panel_of(folder, end="2020-03-01")
    assert early.block.close.tobytes() == raw.block.close.tobytes()


@pytest.mark.parametrize("adjust", ["none", "splits", "total_return", "events"])
@pytest.mark.parametrize(
    "fields", [{}, {"start": "2020-03-01", "warmup": 20}, {"symbols": ["B", "A"], "end": "2020-09-01"}]
)
def test_a_dataset_is_adjusted_as_its_files_are(folder, adjust, fields):
    files = {name: folder / name for name in ("A.csv", "B.csv")}
    catalog = Catalog(folder / "datasets")
    about = catalog.add("mine", files, DataSettings())
    assert about["columns"] == ["split", "dividend"]
    settings = DataSettings(adjust=adjust, **fields)
    one = load_panel(settings, files)
    source = open_source(settings, catalog.file("mine"))
    other = whole(source)
    assert one.layout == other.layout
    cut = [block for size in (7,) for block in source.blocks(size)]
    for name, cells in one.block.cells().items():
        assert cells.tobytes() == other.block.column(name).tobytes()
        assert cells.tobytes() == b"".join(block.column(name).tobytes() for block in cut)


class OnSplits(Strategy):
    """Counts what it is told."""

    seen: ClassVar[list[tuple[str, str, float, float]]] = []

    def on_bar(self, bar):
        if bar["split"] not in (0.0, 1.0) or bar["dividend"] > 0.0:
            self.seen.append((bar.symbol, bar.date, bar["split"], bar["dividend"]))


def test_raw_prices_come_with_their_actions(folder):
    OnSplits.seen.clear()
    job = {"data": {"files": str(folder / "*.csv"), "adjust": "events"}, "strategy": {"use": "x"}}
    run(Job.parse(job), strategy=OnSplits(), tables=False)
    assert OnSplits.seen == [
        ("A", "2020-02-20", 0.0, 0.5),
        ("A", "2020-04-10", 2.0, 0.25),
        ("B", "2020-05-30", 0.1, 0.0),
        ("A", "2020-07-19", 1.5, 0.0),
        ("A", "2020-09-07", 0.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Stock Splits", -2.0, "A.csv:12, symbol A: a split of -2 and a dividend of 0 cannot be"),
        ("Dividends", 1e6, r"A.csv:12, .*symbol A: a dividend of 1e\+06 is not less than the close before it"),
        ("Dividends", "soon", "A.csv:12, column 'Dividends': 'soon' is not a number"),
    ],
)
def test_actions_that_cannot_be_are_refused(tmp_path, column, value, message):
    frame = frame_of("A", 1).astype({column: object})
    frame.loc[10, column] = value
    frame.to_csv(tmp_path / "A.csv", index=False)
    with pytest.raises(DataError, match=message):
        load_panel(DataSettings(adjust="total_return"), {"A.csv": tmp_path / "A.csv"})


def test_what_cannot_be_adjusted_is_said(folder, tmp_path):
    frame_of("A", 1).drop(columns=["Stock Splits", "Dividends"]).to_csv(tmp_path / "C.csv", index=False)
    for adjust, what in (
        ("splits", "column of splits"),
        ("total_return", "column of dividends"),
        ("events", "column of splits"),
    ):
        with pytest.raises(JobError, match=f"C.csv has no .*{what}"):
            load_panel(DataSettings(adjust=adjust), {"C.csv": tmp_path / "C.csv"})
    with pytest.raises(JobError, match="goes with bars as they are"):
        Job.parse({"data": {"adjust": "events", "bars": "1w"}, "strategy": {"use": "x"}})


def test_longer_bars_are_made_of_adjusted_ones(folder):
    files = {name: folder / name for name in ("A.csv", "B.csv")}
    catalog = Catalog(folder / "datasets")
    catalog.add("mine", files, DataSettings())
    settings = DataSettings(adjust="splits", bars="1w")
    one, other = load_panel(settings, files), load_panel(settings, catalog.file("mine"))
    for name in FIELDS:
        assert getattr(one.block, name).tobytes() == getattr(other.block, name).tobytes()
    assert map_panel(catalog.path("mine")).panel.layout.bars is None
    daily = panel_of(folder, adjust="splits")
    assert one.block.close[-1].tolist() == daily.block.close[-1].tolist()


def test_frames_are_adjusted_too():
    frame = frame_of("A", 1).set_index("Date")
    frame.index = pd.DatetimeIndex(frame.index)
    panel = panel_from_frame({"A": frame}, settings=DataSettings(adjust="splits"))
    assert panel.block.close[0, 0] == pytest.approx(100.0 / 3.0)


def test_a_dataset_that_is_imported_in_parts_has_its_actions(folder):
    files = {name: folder / name for name in ("A.csv", "B.csv")}
    import_files(files, DataSettings(), folder / "once.arrow")
    import_files(files, DataSettings(), folder / "parts.arrow", at_once_bytes=0, part_bytes=4096)
    once, parts = read_panel(folder / "once.arrow"), read_panel(folder / "parts.arrow")
    assert once.layout == parts.layout
    for name, cells in once.block.cells().items():
        assert cells.tobytes() == parts.block.column(name).tobytes()


def test_a_check_lists_the_actions_and_takes_them_for_no_outliers(folder):
    files = {name: folder / name for name in ("A.csv", "B.csv")}
    found = {
        (one["kind"], one["symbol"]): one
        for one in Catalog(folder / "d").add("mine", files, DataSettings())["findings"]
    }
    assert set(found) == {("split", "A"), ("split", "B")}
    assert [(at["date"], at["ratio"]) for at in found["split", "A"]["at"]] == [
        ("2020-04-10", "2:1"),
        ("2020-07-19", "3:2"),
    ]
    assert [(at["date"], at["ratio"]) for at in found["split", "B"]["at"]] == [("2020-05-30", "1:10")]


@pytest.mark.parametrize(
    ("factor", "stays", "told"),
    [
        (0.25, True, [("A.csv:152 (2020-05-30", "as by 4 for 1")]),
        (0.1, True, [("A.csv:152 (2020-05-30", "as by 10 for 1")]),
        (20.0, True, [("A.csv:152 (2020-05-30", "as by 1 for 20")]),
        (100.0, False, [("A.csv:152 (2020-05-30", "as by 1 for 100"), ("A.csv:153 (2020-05-31", "as by 100 for 1")]),
        (0.41, True, []),  # a crash
        (1.0, True, []),
    ],
)
def test_a_jump_as_at_a_split_is_told_where_the_data_tells_of_none(tmp_path, factor, stays, told):
    close = 100.0 * np.cumprod(1.0 + true_returns(3))
    close[150:] *= factor
    if not stays:
        close[151:] /= factor
    days = pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d")
    opens = np.r_[close[0], close[:-1]]
    opens[150] *= factor  # what a split alone makes of the close before
    opens[151] /= 1.0 if stays else factor
    columns = {"Open": opens, "High": np.maximum(opens, close), "Low": np.minimum(opens, close), "Close": close}
    frame = pd.DataFrame({"Date": days, **columns})
    frame.to_csv(tmp_path / "A.csv", index=False)
    notes = load_panel(DataSettings(), {"A.csv": tmp_path / "A.csv"}).notes
    assert len(notes) == bool(told)
    for where, split in told:
        assert where in notes[0]
        assert split in notes[0]
    assert all("the data tells of no splits" in note for note in notes)
    frame.assign(**{"Adj Close": close}).to_csv(tmp_path / "A.csv", index=False)
    assert load_panel(DataSettings(), {"A.csv": tmp_path / "A.csv"}).notes == ()
    frame.head(12).to_csv(tmp_path / "A.csv", index=False)  # too few to know what is usual
    assert load_panel(DataSettings(), {"A.csv": tmp_path / "A.csv"}).notes == ()
