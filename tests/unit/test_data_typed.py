"""Files and frames whose columns have types: Parquet, Arrow, and what Arrow can look into."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from backbus.data import load_panel
from backbus.errors import BackbusError
from backbus.job.data import DataSettings


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    return pd.DataFrame(
        {
            "date": pd.date_range("2024-01-02", periods=rows, freq="D"),
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": rng.integers(0, 10**6, rows),
        }
    )


def write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix in (".feather", ".arrow"):
        frame.reset_index(drop=isinstance(frame.index, pd.RangeIndex)).to_feather(path)
    else:
        frame.to_csv(path, index=not isinstance(frame.index, pd.RangeIndex))


FRAMES = {
    "dates and times": lambda f: f,
    "an index": lambda f: f.set_index("date"),
    "an index without a name": lambda f: f.set_index("date").rename_axis(None),
    "plain dates": lambda f: f.assign(date=f["date"].dt.date),
    "texts": lambda f: f.assign(date=f["date"].dt.strftime("%Y-%m-%d")),
    "a zone": lambda f: f.assign(date=f["date"].dt.tz_localize("America/New_York")),
    "milliseconds": lambda f: f.assign(date=f["date"].astype("M8[ms]")),
    "floats of 32 bits": lambda f: f.astype(dict.fromkeys(("open", "high", "low", "close"), "float32")),
}


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".arrow"])
def test_a_typed_file_holds_what_the_frame_holds(tmp_path, kind, suffix):
    from backbus.data import panel_from_frame

    made = FRAMES[kind](frame())
    if suffix != ".parquet" and kind == "an index without a name":
        made = made.rename_axis("index")  # as reset_index calls it
    write(made, tmp_path / f"A{suffix}")
    found = load_panel(DataSettings(), {f"A{suffix}": tmp_path / f"A{suffix}"})
    expected = panel_from_frame({"A": made})
    assert found.layout == expected.layout
    for name in ("end", "session", "open", "high", "low", "close", "volume"):
        assert getattr(found.block, name).tobytes() == getattr(expected.block, name).tobytes(), name


def test_a_typed_file_with_a_symbol_column_is_as_many_assets(tmp_path):
    both = pd.concat([frame().assign(symbol="B"), frame(40).assign(symbol="A")])
    both["symbol"] = both["symbol"].astype("category")
    both.to_parquet(tmp_path / "all.parquet", index=False)
    panel = load_panel(DataSettings(), {"all.parquet": tmp_path / "all.parquet"})
    assert panel.symbols == ("A", "B")
    assert np.isnan(panel.block.close[40:, 0]).all()
    one = load_panel(DataSettings(symbols="B"), {"all.parquet": tmp_path / "all.parquet"})
    assert one.block.close[:, 0].tobytes() == panel.block.close[:, 1].tobytes()


def test_frames_that_arrow_can_look_into_are_taken():
    import pyarrow as pa

    from backbus.data import panel_from_frame

    class LikePolars:
        """Only what the Arrow PyCapsule interface asks for."""

        def __init__(self, table: pa.Table) -> None:
            self._table = table

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self._table.__arrow_c_stream__(requested_schema)

    made = frame()
    table = pa.Table.from_pandas(made, preserve_index=False)
    expected = panel_from_frame(made)
    for given in (table, LikePolars(table), {"ASSET": LikePolars(table)}):
        found = panel_from_frame(given)
        assert found.layout == expected.layout
        assert found.block.close.tobytes() == expected.block.close.tobytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop(columns="close"), "no column for close"),
        (lambda f: f.iloc[:0], "has no rows"),
        (lambda f: f.assign(close=f["close"] > 0), "'close': is of type bool"),
        (lambda f: f.assign(date=f["close"]), "'date': '.*' cannot be read as a date; say what it counts"),
        (lambda f: f.assign(date=f["date"].where(f.index != 3)), "row 3.*there is no date"),
        (lambda f: f.assign(close=["oops", *f["close"].astype(str)[1:]]), "row 0.*'oops' in 'close' is not a number"),
        (lambda f: f.assign(High=f["high"]), "are both a high column"),
    ],
)
def test_a_typed_file_that_is_wrong_is_one_error(tmp_path, change, says):
    change(frame()).to_parquet(tmp_path / "A.parquet", index=False)
    with pytest.raises(BackbusError, match=says):
        load_panel(DataSettings(), {"A.parquet": tmp_path / "A.parquet"})
