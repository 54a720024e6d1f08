"""Delistings that bars deny are refused, dropped or kept, never used without a word; zeros between bars are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backbus import DataError
from backbus.data import load_panel, map_panel
from backbus.data.catalog.importing import import_files
from backbus.data.panels.actions import ZEROS_ARE_NONE, early, on_last_bars, zeros_for_none
from backbus.job.data import DataSettings

HEAD = "Date,Open,High,Low,Close,Volume,split,dividend,delisting\n"


def written(folder: Path, *paid: str) -> Path:
    lines = [f"2024-01-{2 + day:02},10,10,10,10,100,1,0,{one}" for day, one in enumerate(paid)]
    path = folder / "GONE.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n")
    return path


def settings(**repair: str) -> DataSettings:
    return DataSettings.model_validate({"adjust": "events", "columns": ["delisting"], "repair": repair})


def test_zeros_are_none_where_bars_follow_and_a_payment_of_nothing_in_the_last_bar() -> None:
    close, none = np.full(4, 10.0), np.nan
    assert zeros_for_none(np.array([0.0, 0.0, 0.0, 5.0]), close).tolist() == [True, True, True, False]
    assert zeros_for_none(np.array([0.0, none, none, 0.0]), close).tolist() == [True, False, False, True]
    assert not zeros_for_none(np.array([none, none, none, 0.0]), close).any()  # worthless
    assert early(np.array([none, 5.0, none, 6.0]), close).tolist() == [1]
    lost = on_last_bars(np.array([[0.0], [0.0], [none], [7.0]]), np.array([[1.0], [1.0], [1.0], [none]]))
    np.testing.assert_array_equal(lost[:, 0], [none, none, 7.0, none])


def test_a_payment_before_the_last_bar_is_refused_by_its_line_dropped_or_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "", "5", "", "")
    with pytest.raises(DataError, match=r'GONE\.csv:3, column .delisting.*5 is paid off .*actions = "drop" or "keep"'):
        load_panel(settings(), {"GONE.csv": path})
    dropped = load_panel(settings(actions="drop"), {"GONE.csv": path})
    assert np.isnan(dropped.block.extra["delisting"]).all() and any("GONE.csv:3" in note for note in dropped.notes)
    kept = load_panel(settings(actions="keep"), {"GONE.csv": path})
    assert kept.block.extra["delisting"][1, 0] == 5.0 and any("GONE.csv:3" in note for note in kept.notes)


@pytest.mark.parametrize("at_once", [1, 1 << 30])  # in parts, or whole
def test_an_import_refuses_it_too(tmp_path: Path, at_once: int) -> None:
    files, out = {"GONE.csv": written(tmp_path, "0", "0", "0", "0")}, tmp_path / "out.arrow"
    import_files(files, settings(), out, at_once_bytes=at_once)
    panel = map_panel(out).panel
    assert np.isnan(panel.block.extra["delisting"]).all() and f"GONE: {ZEROS_ARE_NONE}" in panel.notes
    written(tmp_path, "", "5", "", "")
    with pytest.raises(DataError, match=r"GONE.*5 is paid off .*that has bars after"):
        import_files(files, settings(), out, at_once_bytes=at_once)
    import_files(files, settings(actions="drop"), out, at_once_bytes=at_once)
    assert np.isnan(map_panel(out).panel.block.extra["delisting"]).all()
    import_files(files, settings(actions="keep"), out, at_once_bytes=at_once)
    assert map_panel(out).panel.block.extra["delisting"][1, 0] == 5.0
    written(tmp_path, "", "", "", "0")  # worthless
    import_files(files, settings(), out, at_once_bytes=at_once)
    assert map_panel(out).panel.block.extra["delisting"][3, 0] == 0.0
