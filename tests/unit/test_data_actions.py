"""Splits and dividends: kept whatever moves their row, held against prices, and the fractions that they round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backbus.data import load_panel
from backbus.data.panels.actions import whole_ratios
from backbus.engine.run import Engine
from backbus.errors import BackbusError, DataError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.strategy import Strategy

HEADER = "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits\n"
BEFORE = "2021-03-01,30,31,29,30,1000,0,0\n2021-03-02,30,31,29,30,1000,0,0\n"
AFTER = "2021-03-04,9.8,10.2,9.6,10,3000,0,0\n2021-03-05,10,10.4,9.9,10.2,3000,0,0\n"
HOLE = "2021-03-03,,,,,,0.60,3\n"


class Buys(Strategy):
    """Buys a hundred in the first row, and holds them."""

    def on_bar(self, bar):
        if bar.row == 0:
            self.buy(100)


def load(folder: Path, text: str, name: str = "A.csv", **settings: object):
    (folder / name).write_text(text)
    return load_panel(DataSettings(**{"adjust": "events", **settings}), {name: folder / name})


@pytest.mark.parametrize(
    "settings",
    [
        {"holes": "leave"},
        {"holes": "drop"},
        {"holes": "carry"},
        {"calendar": "XNYS", "align": True},
        {"calendar": "XNYS", "align": True, "holes": "drop"},
        {"symbols": ["A"]},
    ],
)
def test_a_split_and_a_dividend_of_a_row_without_a_bar_take_effect(tmp_path, settings):
    panel = load(tmp_path, HEADER + BEFORE + HOLE + AFTER, repair={"missing": "hole"}, **settings)
    job = Job.parse({"data": {"adjust": "events"}, "strategy": {"use": "None"}, "portfolio": {"cash": 10_000.0}})
    report = Engine(job, panel, Buys(), lambda pieces: None).run()
    assert report.metrics.final_equity == pytest.approx(10_000 - 3_000 + 300 * 10.2 + 300 * 0.6)


def test_a_carried_price_is_divided_by_the_split_of_its_row(tmp_path):
    panel = load(tmp_path, HEADER + BEFORE + HOLE + AFTER, repair={"missing": "hole"}, holes="carry")
    assert panel.block.close[:, 0].tolist() == [30.0, 30.0, 10.0, 10.0, 10.2]


def test_actions_of_a_row_that_no_session_is_of_move_to_the_next(tmp_path):
    """3 April 2021 was a Saturday."""
    text = HEADER + (
        "2021-03-31,30,31,29,30,1000,0,0\n2021-04-01,30,31,29,30,1000,0,0\n2021-04-03,10,10,10,10,1000,0.60,3\n"
        "2021-04-05,4.8,5.2,4.6,5,3000,0.1,2\n2021-04-06,5,5,5,5,3000,0,0\n"
    )
    panel = load(tmp_path, text, calendar="XNYS", align=True)
    assert panel.block.extra["split"][:, 0].tolist() == [0.0, 0.0, 6.0, 0.0]
    assert panel.block.extra["dividend"][:, 0].tolist() == [0.0, 0.0, pytest.approx(0.1 + 0.6 / 2), 0.0]


@pytest.mark.parametrize("which", ["first", "last"])
def test_of_two_bars_of_a_day_the_action_is_kept_once(tmp_path, which):
    twice = "2021-03-03,9.9,10.2,9.6,10,3000,0.6,3\n2021-03-03,9.9,10.2,9.6,10,3000,{}\n"
    for again in ("0,0", "0.6,3"):
        text = HEADER + BEFORE + twice.format(again) + AFTER
        panel = load(tmp_path, text, repair={"duplicates": which})
        assert panel.block.extra["split"][2, 0] == 3.0
        assert panel.block.extra["dividend"][2, 0] == pytest.approx(0.6)


def test_a_dataset_keeps_actions_of_rows_in_which_the_chosen_asset_has_no_bar(tmp_path):
    from backbus.data.catalog.catalog import Catalog

    (tmp_path / "A.csv").write_text(HEADER + BEFORE + HOLE + AFTER)
    other = (HEADER + BEFORE + "2021-03-03,5,5,5,5,5,0,0\n" + AFTER).replace("30,31,29,30", "5,5,5,5")
    (tmp_path / "B.csv").write_text(other)
    catalog = Catalog(tmp_path / "catalog")
    files = {name: tmp_path / name for name in ("A.csv", "B.csv")}
    catalog.add("both", files, DataSettings(repair={"missing": "hole", "actions": "keep"}))
    from backbus.data import open_source
    from backbus.market.panel import whole

    panel = whole(open_source(DataSettings(symbols=["A"], adjust="events"), catalog.file("both")))
    assert panel.block.extra["split"][:, 0].tolist() == [0.0, 0.0, 3.0, 0.0, 0.0]


ADJUSTED = HEADER + (
    "2020-08-27,126,127,124,125,1000,0,0\n2020-08-28,125.5,126.5,124.5,124.8,1000,0,0\n"
    "2020-08-31,127.5,131,126,129,1000,0,4\n2020-09-01,132,134,130,134,1000,0,0\n"
)


@pytest.mark.parametrize("adjust", ["splits", "total_return", "events"])
def test_a_split_that_prices_are_adjusted_for_is_refused_or_left_out(tmp_path, adjust):
    with pytest.raises(
        DataError, match=r"A\.csv:4, column 'Stock Splits', .*: prices are adjusted for it already.*drop"
    ):
        load(tmp_path, ADJUSTED, adjust=adjust)
    panel = load(tmp_path, ADJUSTED, adjust=adjust, repair={"actions": "drop"})
    assert panel.block.close[:, 0].tolist() == [125.0, 124.8, 129.0, 134.0]
    assert any("it was left out" in note for note in panel.notes)


def test_what_prices_are_adjusted_for_is_not_advised_to_be_adjusted_for(tmp_path):
    panel = load(tmp_path, ADJUSTED, adjust="none")
    assert len(panel.notes) == 1
    assert "prices are adjusted for it already" in panel.notes[0]
    assert "set data.adjust" not in panel.notes[0]


def test_a_ratio_the_other_way_round_is_refused(tmp_path):
    text = HEADER + BEFORE + "2021-03-03,9.9,10.2,9.6,10,3000,0,0.333333\n" + AFTER
    with pytest.raises(DataError, match=r"a split of 0\.333333 for 1, .* as if it were 3 for 1"):
        load(tmp_path, text, adjust="splits")


def test_a_dataset_whose_prices_deny_its_splits_is_refused_when_a_job_adjusts_by_them(tmp_path):
    from backbus.data import open_source
    from backbus.data.catalog.catalog import Catalog
    from backbus.market.panel import whole

    (tmp_path / "A.csv").write_text(ADJUSTED)
    catalog = Catalog(tmp_path / "catalog")
    catalog.add("denied", {"A.csv": tmp_path / "A.csv"}, DataSettings())
    for adjust in ("splits", "events"):
        with pytest.raises(BackbusError, match=r"2020-08-31 .*: prices are adjusted for it already"):
            whole(open_source(DataSettings(adjust=adjust), catalog.file("denied")))
    catalog.add("mended", {"A.csv": tmp_path / "A.csv"}, DataSettings(repair={"actions": "drop"}))
    assert whole(open_source(DataSettings(adjust="splits"), catalog.file("mended"))).block.close[-1, 0] == 134.0


def test_ratios_are_the_fractions_that_they_round():
    printed = [0.142857, 0.333333, 0.333, 0.0667, 1.0526, 1.5, 7.0, 0.33, 1.005, 2.0000001, 0.0, 1.0, np.nan]
    expected = [1 / 7, 1 / 3, 1 / 3, 0.0667, 20 / 19, 1.5, 7.0, 0.33, 1.005, 2.0000001, 0.0, 1.0, np.nan]
    expected[3] = 1 / 15
    np.testing.assert_array_equal(whole_ratios(np.array(printed)), np.array(expected))


def test_ratios_may_be_written_as_two_numbers(tmp_path):
    text = HEADER + BEFORE + "2021-03-03,9.9,10.2,9.6,10,3000,0,3:1\n" + AFTER
    assert load(tmp_path, text).block.extra["split"][2, 0] == 3.0


@pytest.mark.parametrize("adjust", ["total_return", "events"])
def test_a_dividend_of_more_than_the_price_is_refused_or_left_out(tmp_path, adjust):
    text = HEADER + BEFORE + "2021-03-03,30,30,30,30,1000,30.5,0\n" + "2021-03-04,30,30,30,30,1000,0,0\n"
    with pytest.raises(
        DataError, match=r"A\.csv:4, column 'Dividends', .* of 30\.5 is not less than the close before it"
    ):
        load(tmp_path, text, adjust=adjust)
    panel = load(tmp_path, text, adjust=adjust, repair={"actions": "drop"})
    assert panel.block.close[:, 0].tolist() == [30.0] * 4


def test_an_adjusted_close_that_moves_against_its_dividend_is_refused(tmp_path):
    head = "Date,Open,High,Low,Close,Adj Close,Volume,Dividends\n"
    good = (
        head + "2021-03-01,50,50,50,50,49,1000,0\n2021-03-02,49,49,49,49,49,1000,1\n2021-03-03,49,49,49,49,49,1000,0\n"
    )
    assert load(tmp_path, good, adjust="adj_close").block.close[:, 0].tolist() == [49.0, 49.0, 49.0]
    wrong = good.replace("50,49,1000,0", "50,51,1000,0")
    with pytest.raises(DataError, match=r"a dividend of 1 was paid, and the adjusted close goes by -3\.92%"):
        load(tmp_path, wrong, adjust="adj_close")
    assert load(tmp_path, wrong, adjust="adj_close", repair={"actions": "keep"}).notes


# --- delistings -----------------------------------------------------------------------------------------------------

LISTED = "Date,Open,High,Low,Close,Volume,Stock Splits,delisting\n"
LIFE = "2021-03-29,30,31,29,30,1000,0,\n2021-03-30,30,31,29,30,1000,0,\n2021-03-31,29,31,28,29,1000,0,\n"
OTHER = LISTED + "".join(f"2021-{day},5,5,5,5,5,0,\n" for day in ("03-29", "03-30", "03-31", "04-01", "04-05", "04-06"))
DELISTED = {
    "an empty last day": ("2021-04-01,,,,,,0,25\n", {"repair": {"missing": "hole"}}),
    "a price of zero": ("2021-04-01,0,0,0,0,0,0,25\n", {"repair": {"negative": "hole"}}),
    "high below low": ("2021-04-01,29,20,28,29,1000,0,25\n", {"repair": {"impossible": "hole"}}),
    "a day without a session": ("2021-04-03,29,29,29,29,1000,0,25\n", {"calendar": "XNYS", "align": True}),
    "a hole and a calendar": (
        "2021-04-03,,,,,,0,25\n",
        {"calendar": "XNYS", "align": True, "repair": {"missing": "hole"}},
    ),
    "dropped holes": ("2021-04-01,,,,,,0,25\n", {"holes": "drop", "repair": {"missing": "hole"}}),
    "carried holes": ("2021-04-01,,,,,,0,25\n", {"holes": "carry", "repair": {"missing": "hole"}}),
}
"""Last rows of an asset that is delisted, that become no bar."""


@pytest.mark.parametrize("case", DELISTED)
def test_a_delisting_survives_the_loss_of_its_bar(tmp_path, case):
    last, settings = DELISTED[case]
    (tmp_path / "A.csv").write_text(LISTED + LIFE + last)
    (tmp_path / "B.csv").write_text(OTHER)
    files = {name: tmp_path / name for name in ("A.csv", "B.csv")}
    panel = load_panel(DataSettings(adjust="events", columns=["delisting"], **settings), files)
    gone = panel.block.extra["delisting"][:, 0]
    assert gone[2] == 25.0
    assert int(np.count_nonzero(~np.isnan(gone))) == 1
    job = Job.parse({"data": {"adjust": "events"}, "strategy": {"use": "None"}, "portfolio": {"cash": 10_000.0}})
    report = Engine(job, panel, Buys(), lambda pieces: None).run()
    assert report.metrics.final_equity == pytest.approx(10_000 - 100 * 30 + 100 * 25)


def test_a_dataset_may_keep_delistings(tmp_path):
    from backbus.data import open_source
    from backbus.data.catalog.catalog import Catalog
    from backbus.market.panel import whole

    last, repaired = DELISTED["an empty last day"]
    (tmp_path / "A.csv").write_text(LISTED + LIFE + last)
    (tmp_path / "B.csv").write_text(OTHER)
    files = {name: tmp_path / name for name in ("A.csv", "B.csv")}
    catalog = Catalog(tmp_path / "catalog")
    catalog.add("gone", files, DataSettings(adjust="events", columns=["delisting"], **repaired))
    for settings in ({}, {"symbols": ["A"]}, {"calendar": "XNYS", "align": True}):
        job = DataSettings(adjust="events", columns=["delisting"], **settings)
        panel = whole(open_source(job, catalog.file("gone")))
        assert panel.block.extra["delisting"][2, 0] == 25.0
    assert whole(open_source(DataSettings(adjust="splits"), catalog.file("gone"))).layout.columns == ()
    from backbus.data.catalog.importing import import_files

    job = DataSettings(adjust="events", columns=["delisting"], **repaired)
    import_files(files, job, tmp_path / "parts.arrow", at_once_bytes=1, part_bytes=150)
    panel = load_panel(DataSettings(adjust="events", columns=["delisting"]), {"parts.arrow": tmp_path / "parts.arrow"})
    assert panel.block.extra["delisting"][2, 0] == 25.0
