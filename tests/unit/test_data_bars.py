"""Bars made of trades, quotes and shorter bars: against pandas and against a loop as one would write it by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.api.run import run
from backbus.data import load_panel, panel_from_frame, read_panel, write_panel
from backbus.data.catalog.importing import import_files
from backbus.data.panels.aggregate import Maker, SessionClock
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.timeframes import bar_size

NS = 10**9


def trades(count: int, seed: int = 1, start: str = "2024-01-02 14:30") -> pd.DataFrame:
    """Trades at whole milliseconds, many of them at one."""
    rng = np.random.default_rng(seed)
    after = np.cumsum(rng.choice([0, 0, 1, 40, 900, 20_000], count))
    price = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.0005, count))), 2)
    stamps = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(after, unit="ms")
    return pd.DataFrame({"price": price, "size": rng.integers(1, 500, count).astype(float)}, index=stamps)


def panel_of(frame, **fields):
    return panel_from_frame(frame, settings=DataSettings(**fields))


def columns_of(panel, asset=0):
    return pd.DataFrame(
        {name: panel.block.column(name)[:, asset] for name in (*FIELDS, *panel.layout.columns)},
        index=pd.DatetimeIndex(panel.block.end, tz="UTC"),
    )


def by_hand(frame: pd.DataFrame, measure: str, amount: float) -> pd.DataFrame:
    """One trade after the other."""
    bars, bar, have = [], [], 0.0
    stamps = frame.index.as_unit("ns").asi8.tolist()
    for place, (price, size) in enumerate(zip(frame["price"], frame["size"], strict=True)):
        bar.append((price, size))
        have += {"ticks": 1.0, "volume": size, "dollars": price * size}[measure]
        last_of_instant = place + 1 == len(frame) or stamps[place + 1] != stamps[place]
        if have >= amount and last_of_instant:
            prices, sizes = [p for p, _ in bar], [s for _, s in bar]
            vwap = sum(p * s for p, s in bar) / sum(sizes)
            bars.append(
                (stamps[place], prices[0], max(prices), min(prices), prices[-1], sum(sizes), float(len(bar)), vwap)
            )
            bar, have = [], 0.0
    names = ["end", "open", "high", "low", "close", "volume", "ticks", "vwap"]
    made = pd.DataFrame(bars, columns=names)
    return made.set_index(pd.DatetimeIndex(made.pop("end"), tz="UTC"))


@pytest.mark.parametrize(
    ("text", "measure", "amount"),
    [
        ("100 ticks", "ticks", 100),
        ("1 ticks", "ticks", 1),
        ("1e4 volume", "volume", 1e4),
        ("2.5e6 dollars", "dollars", 2.5e6),
    ],
)
def test_bars_of_an_amount_are_those_of_a_loop_by_hand(text, measure, amount):
    frame = trades(5000)
    panel = panel_of(frame, bars=text, columns=["ticks", "vwap"])
    expected = by_hand(frame, measure, amount)
    pd.testing.assert_frame_equal(columns_of(panel), expected, check_names=False, check_freq=False, rtol=1e-12)
    assert panel.layout.interval_ns == 0
    assert (np.diff(panel.block.end) > 0).all()


@pytest.mark.parametrize("text", ["1s", "1m", "15m", "1h"])
def test_bars_of_time_are_what_pandas_makes_of_trades(text):
    frame = trades(5000)
    panel = panel_of(frame, bars=text, columns=["ticks"])
    rule = text.replace("m", "min")
    grouped = frame.resample(rule, label="right", closed="left")
    expected = grouped["price"].ohlc().assign(volume=grouped["size"].sum(), ticks=grouped["size"].count().astype(float))
    expected = expected[expected["ticks"] > 0]
    expected.index = expected.index.as_unit("ns")
    pd.testing.assert_frame_equal(columns_of(panel), expected, check_names=False, check_freq=False, rtol=1e-12)


@given(st.lists(st.integers(1, 400), max_size=6), st.sampled_from(["7 ticks", "1e3 volume", "1m"]))
@settings(max_examples=40, deadline=None)
def test_where_parts_are_cut_changes_nothing(cuts, text):
    frame = trades(400, 3)
    ends = frame.index.as_unit("ns").asi8
    values = {name: frame["price"].to_numpy() for name in ("open", "high", "low", "close")}
    values["volume"] = frame["size"].to_numpy()

    def made(edges):
        maker = Maker(bar_size(text), SessionClock(None, None))
        for begin, end in zip([0, *edges], [*edges, len(ends)], strict=True):
            maker.take(ends[begin:end], {name: column[begin:end] for name, column in values.items()}, instants=True)
        return maker.finish()

    one, other = made([]), made(sorted(cuts))
    assert one.ends.tolist() == other.ends.tolist()
    for name in FIELDS:
        assert one.fields[name].tobytes() == other.fields[name].tobytes()


def test_what_does_not_fill_a_bar_is_told_and_no_bar():
    panel = panel_of(trades(250), bars="100 ticks")
    assert 2 <= len(panel) <= 3
    assert any("did not fill a bar of 100 ticks" in note for note in panel.notes) or len(panel) * 100 >= 250
    with pytest.raises(DataError, match="not so much"):
        panel_of(trades(250), bars="1e9 dollars")


def test_quotes_are_worth_their_middle():
    stamps = pd.date_range("2024-01-02 09:00", periods=6, freq="20s", tz="UTC")
    frame = pd.DataFrame(
        {
            "bid": [99.0, 99.5, 0.0, 100.0, 100.5, 101.0],
            "ask": [101.0, 100.5, 102.0, 0.0, 101.5, 103.0],
            "bid_size": [100.0] * 6,
            "ask_size": [300.0] * 6,
        },
        index=stamps,
    )
    panel = panel_of(frame, bars="1m", columns=["bid", "ask"])
    bars = columns_of(panel)
    assert bars["open"].tolist() == [100.0, 100.0]
    assert bars["high"].tolist() == [102.0, 102.0]
    assert bars["low"].tolist() == [100.0, 100.0]
    assert bars["close"].tolist() == [102.0, 102.0]
    assert bars["volume"].tolist() == [600.0, 600.0]
    assert bars["ask"].tolist() == [102.0, 103.0]


def test_closes_alone_make_daily_bars(tmp_path):
    (tmp_path / "IDX.csv").write_text("Date,Close\n2024-01-02,10\n2024-01-03,11\n2024-01-04,12.5\n")
    files = {"IDX.csv": tmp_path / "IDX.csv"}
    panel = load_panel(DataSettings(bars="1d"), files)
    assert panel.block.open.ravel().tolist() == panel.block.close.ravel().tolist() == [10.0, 11.0, 12.5]
    assert pd.DatetimeIndex(panel.block.end).strftime("%m-%d").tolist() == ["01-03", "01-04", "01-05"]
    with pytest.raises(JobError, match=r"IDX.csv has trades or quotes .*Close.* say what bars"):
        load_panel(DataSettings(), files)


def test_shorter_bars_of_a_file_and_of_its_dataset_make_the_same(tmp_path):
    index = pd.date_range("2020-01-01", periods=900, freq="D")
    rng = np.random.default_rng(5)
    frames = {}
    for name in ("A", "B"):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(index))))
        frames[name] = pd.DataFrame(
            {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1000.0}, index=index
        )[rng.random(len(index)) > 0.1]
    daily = panel_from_frame(frames)
    path = tmp_path / "daily.arrow"
    write_panel(daily, path)
    for fields in (
        {"bars": "1w"},
        {"bars": "1mo", "start": "2020-06-01", "end": "2021-03-31", "columns": ["vwap"]},
        {"bars": "1e5 volume"},
        {"bars": "1e6 dollars", "symbols": ["B"]},
        {"bars": "10 ticks", "warmup": 3, "start": "2021-01-01"},
    ):
        of_frames = panel_from_frame(frames, settings=DataSettings(**fields))
        of_file = load_panel(DataSettings(**fields), {"daily.arrow": path})
        assert of_frames.layout == of_file.layout
        assert of_frames.block.end.tolist() == of_file.block.end.tolist()
        for name, cells in of_frames.block.cells().items():
            assert cells.tobytes() == of_file.block.column(name).tobytes()
    weekly = columns_of(panel_from_frame(frames, settings=DataSettings(bars="1w")))
    expected = frames["A"].resample("W-SUN").agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    np.testing.assert_allclose(weekly["close"], expected["close"])
    np.testing.assert_allclose(weekly["high"], expected["high"])


def test_a_run_on_bars_that_are_made(tmp_path):
    trades(20_000).rename_axis("time").to_csv(tmp_path / "T.csv")
    job = {
        "data": {"files": str(tmp_path / "T.csv"), "bars": "2e6 dollars", "timeframes": ["1h"]},
        "strategy": {"use": "SmaCross", "fast": 3, "slow": 8},
    }
    found = run(job, tables=False)
    assert found.summary.counts.fills > 5
    again = run(job, panel_of(trades(20_000), bars="2e6 dollars"), tables=False)
    assert again.fingerprint == found.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", "amount"),
        ("0 ticks", "amount"),
        ("-1 ticks", "amount"),
        ("5 trades", "amount"),
        ("1.5 ticks", "amount"),
        ("1e999 volume", "amount"),
    ],
)
def test_sizes_that_are_none_are_refused(text, message):
    with pytest.raises(JobError, match=message):
        Job.parse({"data": {"bars": text}, "strategy": {"use": "x"}})


def test_bars_of_a_file_that_are_longer_than_those_to_make_are_refused():
    frame = pd.DataFrame(
        {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close")},
        index=pd.date_range("2020-01-01", periods=3, freq="D"),
    )
    with pytest.raises(JobError, match=r"data\.bars.*1h cannot be made"):
        panel_of(frame, bars="1h")


def test_trades_of_several_assets_share_rows_only_where_their_bars_end_together():
    both = {"A": trades(3000, 1), "B": trades(3000, 2)}
    panel = panel_of(both, bars="1m")
    assert panel.symbols == ("A", "B")
    alone = [panel_of({name: frame}, bars="1m") for name, frame in both.items()]
    for asset, one in enumerate(alone):
        there = ~np.isnan(panel.block.close[:, asset])
        assert panel.block.end[there].tolist() == one.block.end.tolist()
        assert panel.block.close[there, asset].tolist() == one.block.close[:, 0].tolist()


@pytest.mark.parametrize("fields", [{"bars": "2e6 dollars", "columns": ["vwap"]}, {"bars": "1m"}, {"bars": "50 ticks"}])
def test_trades_that_are_larger_than_memory_make_the_same_dataset(tmp_path, fields):
    for seed, name in enumerate(("B", "A"), 1):
        trades(4000, seed).rename_axis("time").to_csv(tmp_path / f"{name}.csv")
    files = {name: tmp_path / name for name in ("A.csv", "B.csv")}
    settings = DataSettings(**fields)
    import_files(files, settings, tmp_path / "once.arrow")
    import_files(files, settings, tmp_path / "parts.arrow", at_once_bytes=0, part_bytes=10_000)
    once, parts = read_panel(tmp_path / "once.arrow"), read_panel(tmp_path / "parts.arrow")
    assert once.layout == parts.layout
    assert once.layout.bars == fields["bars"]
    assert once.notes == parts.notes
    for name, cells in once.block.cells().items():
        assert cells.tobytes() == parts.block.column(name).tobytes()
    # A job that says so again makes no bars of bars.
    again = load_panel(settings, {"once.arrow": tmp_path / "once.arrow"})
    assert again.block.close.tobytes() == once.block.close.tobytes()
    for at_once in (0, 1 << 30):
        with pytest.raises(JobError, match="say what bars"):
            import_files(files, DataSettings(), tmp_path / "no.arrow", at_once_bytes=at_once, part_bytes=10_000)


def test_bars_are_imported_as_they_are(tmp_path):
    (tmp_path / "A.csv").write_text("Date,Open,High,Low,Close\n2024-01-02,1,1,1,1\n2024-01-03,1,1,1,1\n")
    for at_once in (0, 1 << 30):
        with pytest.raises(JobError, match="jobs make longer ones"):
            import_files(
                {"A.csv": tmp_path / "A.csv"}, DataSettings(bars="1w"), tmp_path / "no.arrow", at_once_bytes=at_once
            )


@pytest.mark.parametrize("text", ["1e5 volume", "7e7 dollars"])
def test_amounts_of_trades_without_sizes_are_refused(text):
    frame = trades(1000)[["price"]]
    with pytest.raises(DataError, match=r"has no volume, .* make bars of ticks"):
        panel_of(frame, bars=text)
    assert len(panel_of(frame, bars="100 ticks")) > 5
