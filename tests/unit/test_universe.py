"""A universe by date: its table as it is read and refused, and what a job makes of it from files to report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from backbus.api.run import run
from backbus.data import Catalog, load_panel
from backbus.engine.inputs import files_of, inputs_of
from backbus.errors import JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.settings import Settings

WEEK = pd.bdate_range("2024-01-01", periods=15)


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


# --- jobs -----------------------------------------------------------------------------------------------------------


def prices(tmp_path: Path, symbols: str = "ABC", days: Any = WEEK, **left_out: Any) -> None:
    """A file for each asset: closes rise by 1, 2, 3 … a day from 100 on."""
    for step, symbol in enumerate(symbols, 1):
        close = 100.0 + step * np.arange(len(days))
        frame = pd.DataFrame({"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1e6})
        frame.insert(0, "date", days.strftime("%Y-%m-%d"))
        frame.drop(index=left_out.get(symbol, [])).to_csv(tmp_path / f"{symbol}.csv", index=False)


STRATEGY = """
from backbus import Strategy

class Best(Strategy):
    def signals(self, bars):
        rise = bars.pct_change(2)
        return self.target_weights(((rise.rank(descending=True) <= 1) * 0.9).values)
"""


def job(tmp_path: Path, universe: str | None = "members.csv", **data: Any) -> Job:
    (tmp_path / "best.py").write_text(STRATEGY)
    fields = {"files": "*.csv", **({} if universe is None else {"universe": universe}), **data}
    made = Job.parse({"data": fields, "strategy": {"use": "best.py"}, "portfolio": {"cash": 10_000}})
    made.come_from(tmp_path)
    return made


SPELLS = "symbol,from,to\nA,2024-01-01,\nB,2024-01-01,2024-01-10\nC,2024-01-08,2024-01-12\nC,2024-01-17,\n"


def by_hand(leaving: str) -> list[tuple[int, str, float]]:
    """The same in plain Python: best of two days' rise among members, at the next open, 0.9 of equity."""
    spells = {"A": [(0, 99)], "B": [(0, 7)], "C": [(5, 9), (12, 99)]}
    prices = {symbol: [100.0 + step * row for row in range(15)] for step, symbol in enumerate("ABC", 1)}
    held, cash, fills = dict.fromkeys("ABC", 0.0), 10_000.0, []
    wants: dict[str, float] = {}

    def member(symbol: str, row: int) -> bool:
        return any(first <= row <= last for first, last in spells[symbol])

    been: set[str] = set()
    for row in range(15):
        been |= {symbol for symbol in "ABC" if member(symbol, row)}
        orders = sorted(wants.items(), key=lambda one: (one[1] > 0.0, one[0]))
        for symbol, wanted in orders:
            if wanted > 0.0 and not member(symbol, row):
                continue
            price = prices[symbol][row]
            quantity = min(wanted, float(cash // price))
            if quantity:
                held[symbol] += quantity
                cash -= quantity * price
                fills.append((row, symbol, quantity))
        wants = {}
        equity = cash + sum(held[symbol] * prices[symbol][row] for symbol in "ABC")
        offered = {s: prices[s][row] / prices[s][row - 2] for s in "ABC" if row >= 2 and member(s, row)}
        best = max(offered, key=lambda s: (offered[s], s)) if offered else None
        for symbol in "ABC":
            weight = 0.9 if symbol == best else 0.0
            if leaving == "close" and not member(symbol, row):
                weight = 0.0
            if not member(symbol, row) and weight == 0.0 and not held[symbol]:
                continue
            target = float(weight * equity // prices[symbol][row])
            if target != held[symbol]:
                wants[symbol] = target - held[symbol]
    return fills


@pytest.mark.parametrize("leaving", ["close", "keep"])
def test_a_ranking_of_members_is_what_a_loop_by_hand_says(tmp_path, leaving):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    result = run(job(tmp_path, leaving=leaving), folder=tmp_path / "out")
    fills = pq.read_table(result.artifacts["fills"]).to_pylist()
    found = [(one["logical_time"] // 6, one["symbol"], one["quantity"]) for one in fills]
    assert found == by_hand(leaving)
    assert {symbol for _, symbol, _ in found} == {"A", "B", "C"}


def test_the_table_is_no_file_of_prices_and_counts_in_the_inputs(tmp_path):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    files = files_of(job(tmp_path))
    assert list(files) == ["A.csv", "B.csv", "C.csv", "members.csv"]
    source = inputs_of(job(tmp_path), files).source
    assert source.layout.universe == "close"
    assert source.layout.columns == ("member",)
    assert any("4 spells of 3 members" in sentence for sentence in source.layout.read)


def warnings_of(tmp_path: Path, **fields: Any) -> tuple[str, ...]:
    return run(job(tmp_path, **fields), tables=False).summary.warnings


TODAY = "with today's knowledge"


def test_one_line_says_that_assets_were_chosen_today(tmp_path):
    prices(tmp_path)
    told = [note for note in warnings_of(tmp_path, universe=None) if TODAY in note]
    assert len(told) == 1
    assert "3 assets" in told[0]
    (tmp_path / "members.csv").write_text(SPELLS)
    assert not any(TODAY in note for note in warnings_of(tmp_path))
    assert not any(TODAY in note for note in warnings_of(tmp_path, universe=None, symbols="A", files="A.csv"))


def test_what_is_there_to_be_looked_at_and_futures_do_not_count_as_chosen(tmp_path):
    prices(tmp_path)
    made = job(tmp_path, universe=None)
    fields = made.plain()
    fields["instruments"] = [{"symbols": "B", "kind": "future", "margin": 10.0}, {"symbols": "C", "traded": False}]
    other = Job.parse(fields)
    other.come_from(tmp_path)
    assert not any(TODAY in note for note in run(other, tables=False).summary.warnings)


def test_members_without_prices_and_assets_that_never_were_are_named(tmp_path):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text(
        "symbol,from,to\nA,2024-01-01,\nDEAD,2024-01-01,2024-01-04\nGONE,2024-01-02,\nOLD,1999-01-01,2001-01-01\n"
    )
    told = warnings_of(tmp_path)
    assert any("2 of 3 members have no prices here (DEAD, GONE)" in note for note in told)
    assert any("never a member in these rows, so never traded: B, C" in note for note in told)


def test_a_member_by_another_spelling_is_asked_about(tmp_path):
    prices(tmp_path, "AB")
    (tmp_path / "A.csv").rename(tmp_path / "BRK-B.csv")
    (tmp_path / "members.csv").write_text("symbol,from,to\nBRK.B,2024-01-01,\nB,2024-01-01,\n")
    assert any("is BRK.B what the data calls BRK-B?" in note for note in warnings_of(tmp_path))


def test_days_without_a_member_are_told(tmp_path):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text("symbol,from,to\nA,2024-01-03,2024-01-05\n")
    told = warnings_of(tmp_path)
    assert any("on 12 of 15 sessions, first on 2024-01-01 and last on 2024-01-19" in note for note in told)


def test_a_universe_of_other_assets_is_refused(tmp_path):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text("symbol,from,to\nX,2024-01-03,\n")
    with pytest.raises(
        JobError, match=r"data\.universe: none of its members \(X\) is an asset of the data \(A, B, C\)"
    ):
        warnings_of(tmp_path)
    (tmp_path / "members.csv").write_text("symbol,from,to\nA,2025-01-03,\n")
    with pytest.raises(JobError, match=r"nobody is in it from 2024-01-01 to 2024-01-19"):
        warnings_of(tmp_path)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    prices(tmp_path)
    with pytest.raises(JobError, match=r"data\.universe: there is no file 'members\.csv'"):
        warnings_of(tmp_path)


def test_who_leaves_with_the_last_bar_is_told_of(tmp_path):
    prices(tmp_path, B=list(range(6, 15)))
    (tmp_path / "members.csv").write_text("symbol,from,to\nA,2024-01-01,\nB,2024-01-01,2024-01-08\nC,2024-01-01,\n")
    assert any("no bar after the day on which they leave (B)" in note for note in warnings_of(tmp_path))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"leaving": "keep"}, "leaving is about a universe"),
        ({"universe": "m.csv", "columns": ["member"]}, "remove it from columns"),
        ({"universe": "m.csv", "leaving": "hold"}, "leaving"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(data, says):
    with pytest.raises(JobError, match=says):
        Job.parse({"data": {"files": "a.csv", **data}, "strategy": {"use": "SmaCross"}})


def test_a_simulated_market_has_no_universe():
    asset = {"symbol": "A", "path": {"model": "history", "of": "A"}}
    with pytest.raises(JobError, match="makes others"):
        Job.parse(
            {
                "data": {"files": "a.csv", "universe": "m.csv"},
                "simulator": {"rows": 10, "assets": [asset]},
                "strategy": {"use": "SmaCross"},
            }
        )


# --- other ways to prices -------------------------------------------------------------------------------------------


def test_frames_datasets_and_files_give_one_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKBUS_DATASETS", str(tmp_path / "sets"))
    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    by_files = run(job(tmp_path), tables=False)
    frames = {symbol: pd.read_csv(tmp_path / f"{symbol}.csv") for symbol in "ABC"}
    by_frames = run(job(tmp_path), frames, tables=False)
    catalog = Catalog(Settings().datasets)
    sources = {f"{symbol}.csv": tmp_path / f"{symbol}.csv" for symbol in "ABC"}
    catalog.add("week", sources, DataSettings())
    by_dataset = run(job(tmp_path, files=(), dataset="week"), tables=False)
    fingerprints = {one.fingerprint for one in (by_files, by_frames, by_dataset)}
    assert len(fingerprints) == 1
    assert by_files.summary.counts.fills > 3
    with pytest.raises(JobError, match=r"data\.universe: must be left out: jobs say"):
        catalog.add("other", sources, DataSettings(universe="members.csv"))


def test_a_panel_that_has_its_universe_keeps_it_as_a_file(tmp_path):
    from backbus.data import write_panel

    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    made = job(tmp_path, leaving="keep")
    panel = load_panel(made.data, files_of(made))
    write_panel(panel, tmp_path / "panel.arrow")
    settings = made.data.of_panel("panel.arrow")
    again = load_panel(settings, {"panel.arrow": tmp_path / "panel.arrow"})
    assert again.layout.universe == "keep"
    np.testing.assert_array_equal(again.block.extra["member"], panel.block.extra["member"])
    for data in ({"universe": "members.csv"}, {"align": True, "calendar": "XNYS"}, {"bars": "1w"}):
        asked = settings.model_copy(update=data)
        files = {"panel.arrow": tmp_path / "panel.arrow", "members.csv": tmp_path / "members.csv"}
        with pytest.raises(JobError, match="universe"):
            load_panel(asked, files if "universe" in data else {"panel.arrow": tmp_path / "panel.arrow"})


@pytest.mark.parametrize("data", [{"holes": "drop"}, {"holes": "carry"}, {"align": True, "calendar": "XNYS"}])
def test_membership_is_that_of_the_rows_that_are_left(tmp_path, data):
    days = WEEK[1:]
    prices(tmp_path, days=days, B=[3, 4])
    (tmp_path / "members.csv").write_text(SPELLS)
    made = job(tmp_path, **data)
    panel = load_panel(made.data, files_of(made))
    session = panel.block.session
    column = panel.block.extra["member"]
    np.testing.assert_array_equal(column[:, 0], 1.0)
    np.testing.assert_array_equal(column[:, 1], session <= day("2024-01-10"))
    third = ((session >= day("2024-01-08")) & (session <= day("2024-01-12"))) | (session >= day("2024-01-17"))
    np.testing.assert_array_equal(column[:, 2], third)


def test_a_start_and_fewer_symbols_change_nobody_s_membership(tmp_path):
    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    made = job(tmp_path, symbols=["C", "A"], start="2024-01-10", warmup=2)
    panel = load_panel(made.data, files_of(made))
    assert panel.block.extra["member"][:, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 1, 1, 1]


def test_bars_that_were_made_travel_with_their_universe(tmp_path):
    from backbus.data import write_panel

    prices(tmp_path)
    (tmp_path / "members.csv").write_text(SPELLS)
    made = job(tmp_path, bars="1w")
    panel = load_panel(made.data, files_of(made))
    assert panel.layout.bars == "1w"
    write_panel(panel, tmp_path / "panel.arrow")
    again = load_panel(made.data.of_panel("panel.arrow"), {"panel.arrow": tmp_path / "panel.arrow"})
    assert again.layout == panel.layout
    np.testing.assert_array_equal(again.block.extra["member"], panel.block.extra["member"])
