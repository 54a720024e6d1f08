"""Whatever a job asks of its data, in any combination: the same from frames and from a panel file, in any blocks."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backbus.data import open_source, panel_from_frame, write_panel
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.market.panel import Source


def frame_of(index: pd.DatetimeIndex, chance: random.Random) -> pd.DataFrame:
    rng = np.random.default_rng(chance.randrange(10**6))
    split = np.where(rng.random(len(index)) < 0.01, rng.choice([2.0, 0.5], len(index)), 0.0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(index)))) / np.cumprod(np.where(split > 0.0, split, 1.0))
    columns = {"open": close * 1.001, "high": close * 1.01, "low": close * 0.99, "close": close}
    columns["volume"] = rng.integers(0, 1000, len(index)).astype(float)
    columns["split"] = split
    columns["dividend"] = np.where(rng.random(len(index)) < 0.01, 0.001 * close, 0.0)
    there = rng.random(len(index)) > chance.choice([0.0, 0.05, 0.3])
    return pd.DataFrame(columns, index=index)[there | (split > 0.0)]  # prices go by what splits there are


def asked_for(chance: random.Random, index: pd.DatetimeIndex, names: list[str], calendar: str | None) -> dict[str, Any]:
    """Settings that may go together, or not."""
    fields: dict[str, Any] = {}
    if chance.random() < 0.5:
        sizes = ["1d", "1w", "4h", "1h", "1mo", "5000 volume", "1e6 dollars", "7 ticks"]
        fields["bars"] = chance.choice(sizes)
    if calendar is not None:
        fields["calendar"] = calendar
        fields["align"] = chance.random() < 0.5
    if chance.random() < 0.4:
        fields["holes"] = chance.choice(["drop", "carry"])
    if chance.random() < 0.5:
        fields["start"] = str(index[chance.randint(50, 250)].date())
        if chance.random() < 0.5:
            fields["warmup"] = chance.randint(0, 20)
    if chance.random() < 0.3:
        fields["end"] = str(index[-chance.randint(1, 60)].date())
    if chance.random() < 0.4:
        fields["adjust"] = chance.choice(["splits", "total_return", *([] if "bars" in fields else ["events"])])
    if chance.random() < 0.4:
        fields["symbols"] = [chance.choice(names)]
    carried = ["carried"] if fields.get("holes") == "carry" and chance.random() < 0.5 else []
    fields["columns"] = carried + (["vwap"] if "bars" in fields and chance.random() < 0.5 else [])
    return fields


def told(source: Source, size: int) -> dict[str, Any]:
    """All that a market is."""
    blocks = list(source.blocks(size))
    cells = {name: b"".join(block.column(name).tobytes() for block in blocks) for name in blocks[0].cells()}
    stamps = {name: b"".join(getattr(block, name).tobytes() for block in blocks) for name in ("end", "session")}
    ends = np.concatenate([block.end for block in blocks])
    assert (np.diff(ends) > 0).all()
    assert len(ends) == len(source) == source.layout.rows
    return {"layout": source.layout, **stamps, **cells}


@pytest.mark.slow
@given(st.integers(0, 10**9))
@settings(max_examples=60)
def test_frames_and_a_panel_file_are_one_market(tmp_path_factory, seed):
    chance = random.Random(seed)
    daily, zone = chance.random() < 0.4, chance.choice([None, "America/New_York", "Asia/Tokyo", "Europe/London"])
    calendar = chance.choice([None, "XNYS", "XTKS", "XLON", "24/7", "CMES"])
    if daily:
        zone, index = None, pd.date_range("2023-01-01", periods=400, freq="D")
        calendar = None if calendar == "CMES" else calendar
        if calendar is not None:  # dates that are sessions of it
            index = pd.DatetimeIndex(np.unique(index[index.day_of_week < 5]))
            calendar = "24/7"
    else:
        freq = chance.choice(["15min", "30min", "1h"])
        index = pd.date_range("2023-03-01", periods=1500, freq=freq, tz=zone or "UTC")  # clocks change
    frames = {name: frame_of(index[chance.randrange(40) :], chance) for name in "ABC"[: chance.randint(1, 3)]}
    # What settles how bars are read is said when the file is made, and of frames each time.
    settled: dict[str, Any] = {"timezone": zone, "calendar": calendar if daily else None}
    path = tmp_path_factory.mktemp("panels") / "all.arrow"
    write_panel(panel_from_frame(frames, settings=DataSettings(**settled, adjust="events")), path)
    fields = asked_for(chance, index, list(frames), calendar)
    here = DataSettings(**{**settled, **fields})
    there = DataSettings(**fields)
    try:
        expected = told(panel_from_frame(frames, settings=here), 10**6)
    except BackbusError as error:
        with pytest.raises(type(error)):
            open_source(there, {"all.arrow": path})
        return
    assert told(open_source(there, {"all.arrow": path}), chance.choice([10**6, 97])) == expected
