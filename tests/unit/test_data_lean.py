"""LEAN's data folder: splits, dividends, delistings and names that changed, from its factor and map files."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from backbus.data import load_panel, resolve_files
from backbus.data.readers.lean import actions_of, factors_of
from backbus.engine.run import Engine
from backbus.errors import DataError, JobError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.strategy import Strategy

FIRST = date(2024, 1, 1)
"""A Monday."""


def daily(first: int, closes: list[float]) -> str:
    """Bars of consecutive days from the first one on, in ten-thousandths of a dollar."""
    lines = []
    for number, close in enumerate(closes):
        day = (FIRST + timedelta(days=first + number)).strftime("%Y%m%d")
        price = round(close * 10_000)
        lines.append(f"{day} 00:00,{price},{price},{price},{price},1000")
    return "\n".join(lines) + "\n"


def minutes(prices: list[float]) -> str:
    return "".join(f"{34_200_000 + 60_000 * n}," + f"{round(p * 10_000)}," * 4 + "10\n" for n, p in enumerate(prices))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "equity" / "usa").mkdir(parents=True)
    return tmp_path


def put(folder: Path, name: str, text: str, member: str | None = None) -> None:
    path = folder / "equity" / "usa" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".zip":
        path.write_text(text)
        return
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(member or f"{path.stem}.csv", text)
    path.write_bytes(buffer.getvalue())


def load(folder: Path, *patterns: str, **settings: object):
    job = DataSettings(files=[f"equity/usa/{pattern}" for pattern in patterns], **settings)
    return load_panel(job, resolve_files(job, folder))


FACTORS = (
    "20231229,0.9405,0.25,1\n20240102,0.9405,0.25,100\n20240104,0.95,0.25,102\n20240106,0.95,1,26\n20501231,1,1,0\n"
)
"""On 3 January 1.00 a share, on 5 January four shares for one, on 7 January 1.30 a share."""
CLOSES = [100.0, 100.0, 101.0, 102.0, 26.0, 26.0, 25.0, 25.5]


@pytest.fixture
def share(folder: Path) -> Path:
    put(folder, "daily/abc.zip", daily(0, CLOSES))
    put(folder, "factor_files/abc.csv", FACTORS)
    put(folder, "map_files/abc.csv", "20230101,abc,Q\n20501231,abc,Q\n")
    return folder


def test_splits_and_dividends_are_those_of_the_factor_file(share):
    panel = load(share, "daily/abc.zip", adjust="events")
    assert panel.layout.symbols == ("ABC",)
    assert panel.block.extra["split"][:, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0]
    assert panel.block.extra["dividend"][:, 0].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.3, 0.0]
    assert any("ABC (1 split, 2 dividends) are known from its factor files" in note for note in panel.notes)


def test_factors_of_splits_and_of_total_return_are_lean_s(share):
    raw = load(share, "daily/abc.zip").block.close[:, 0]
    split = load(share, "daily/abc.zip", adjust="splits").block.close[:, 0] / raw
    total = load(share, "daily/abc.zip", adjust="total_return").block.close[:, 0] / raw
    np.testing.assert_allclose(split, [0.25] * 4 + [1.0] * 4)
    np.testing.assert_allclose(total, [0.9405 / 4] * 2 + [0.95 / 4] * 2 + [0.95] * 2 + [1.0] * 2, rtol=1e-9)


def test_the_adjusted_close_is_by_lean_s_own_factors(share):
    raw = load(share, "daily/abc.zip").block.close[:, 0]
    adjusted = load(share, "daily/abc.zip", adjust="adj_close").block.close[:, 0]
    assert adjusted.tolist() == (raw * ([0.9405 * 0.25] * 2 + [0.95 * 0.25] * 2 + [0.95] * 2 + [1.0] * 2)).tolist()


def test_quotes_are_adjusted_by_them_too(share):
    put(share, "minute/abc/20240104_trade.zip", minutes([102.0, 102.0]), "20240104_abc_minute_trade.csv")
    sides = "".join(f"{34_200_000 + 60_000 * n}" + ",1019000" * 4 + ",5" + ",1021000" * 4 + ",5\n" for n in range(2))
    put(share, "minute/abc/20240104_quote.zip", sides, "20240104_abc_minute_quote.csv")
    panel = load(share, "minute/abc/*.zip", adjust="adj_close", quotes=True)
    factor = 0.95 * 0.25
    assert panel.block.close[:, 0].tolist() == [102.0 * factor] * 2
    assert panel.block.extra["ask_close"][:, 0].tolist() == [102.1 * factor] * 2


def test_without_adjusting_a_note_says_that_actions_are_not_used(share):
    panel = load(share, "daily/abc.zip")
    assert any("ABC (1 split, 2 dividends) are not used" in note and "data.adjust" in note for note in panel.notes)
    assert panel.layout.columns == ()


def test_minutes_have_the_action_in_their_first_bar_of_the_day(share):
    for day, prices in (("20240104", [102.0, 102.0]), ("20240105", [25.5, 26.0]), ("20240107", [25.0, 25.0])):
        put(share, f"minute/abc/{day}_trade.zip", minutes(prices), f"{day}_abc_minute_trade.csv")
    panel = load(share, "minute/abc/*_trade.zip", adjust="events")
    assert panel.block.extra["split"][:, 0].tolist() == [0.0, 0.0, 4.0, 0.0, 0.0, 0.0]
    assert panel.block.extra["dividend"][:, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 1.3, 0.0]


def test_actions_of_days_without_bars_come_together_in_the_next(share):
    put(share, "daily/abc.zip", daily(0, CLOSES[:2]) + daily(6, CLOSES[6:]))
    panel = load(share, "daily/abc.zip", adjust="events")
    assert panel.block.extra["split"][:, 0].tolist() == [0.0, 0.0, 4.0, 0.0]
    assert panel.block.extra["dividend"][:, 0].tolist() == [0.0, 0.0, 0.25 + 1.3, 0.0]


def test_a_missing_factor_file_is_told(share):
    put(share, "daily/xyz.zip", daily(0, CLOSES[:4]))
    put(share, "map_files/xyz.csv", "20230101,xyz,Q\n20501231,xyz,Q\n")
    panel = load(share, "daily/*.zip", adjust="events")
    assert any("no factor file of XYZ: no splits and no dividends are known" in note for note in panel.notes)


def test_a_folder_without_factor_files_is_refused_when_they_are_needed(folder):
    put(folder, "daily/abc.zip", daily(0, CLOSES))
    with pytest.raises(JobError, match="has no column of splits"):
        load(folder, "daily/abc.zip", adjust="events")
    assert load(folder, "daily/abc.zip").notes == ()


def test_a_dataset_has_the_same_actions(share, tmp_path):
    from backbus.data import open_source
    from backbus.data.catalog.catalog import Catalog
    from backbus.market.panel import whole

    job = DataSettings(files=["equity/usa/daily/abc.zip"])
    catalog = Catalog(tmp_path / "catalog")
    catalog.add("lean", resolve_files(job, share), DataSettings())
    for adjust in ("events", "splits", "total_return"):
        kept = whole(open_source(DataSettings(adjust=adjust), catalog.file("lean")))
        read = load(share, "daily/abc.zip", adjust=adjust)
        np.testing.assert_array_equal(kept.block.close, read.block.close)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def renamed(folder: Path) -> Path:
    """NEW was called OLD until 3 January; since 5 January another share is called OLD."""
    put(folder, "map_files/new.csv", "20230101,old,Q\n20240103,old,Q\n20501231,new,Q\n")
    put(folder, "map_files/old.csv", "20240105,old,N\n20501231,old,N\n")
    put(folder, "daily/old.zip", daily(0, [10.0, 10.1, 10.2, 99.0, 50.0, 51.0]))
    put(folder, "daily/new.zip", daily(3, [10.3, 10.4, 10.5]))
    put(folder, "factor_files/new.csv", "20230101,0.9,1,1\n20240103,0.9,1,10.2\n20501231,1,1,0\n")
    return folder


def test_bars_are_of_the_share_that_had_the_name_on_the_day(renamed):
    panel = load(renamed, "daily/*.zip", adjust="events")
    assert panel.layout.symbols == ("NEW", "OLD")
    assert panel.block.close[:, 0].tolist() == [10.0, 10.1, 10.2, 10.3, 10.4, 10.5]
    np.testing.assert_array_equal(panel.block.close[:, 1], [np.nan] * 4 + [50.0, 51.0])
    assert panel.block.extra["dividend"][3].tolist()[0] == 1.02
    assert any("1 bars up to 2024-01-04" in note and "were left out" in note for note in panel.notes)


def test_one_share_may_be_asked_for_with_its_bars_of_both_names(renamed):
    panel = load(renamed, "daily", symbols=["NEW"])
    assert panel.block.close[:, 0].tolist() == [10.0, 10.1, 10.2, 10.3, 10.4, 10.5]


def test_a_file_of_one_name_says_where_the_other_bars_are(renamed):
    panel = load(renamed, "daily/new.zip")
    assert panel.block.close[:, 0].tolist() == [10.3, 10.4, 10.5]
    assert any("NEW was called OLD until 2024-01-03" in note for note in panel.notes)
    panel = load(renamed, "daily/old.zip")
    assert panel.layout.symbols == ("OLD",)
    assert panel.block.close[:, 0].tolist() == [50.0, 51.0]
    assert any(
        "3 bars up to 2024-01-03 are of NEW" in note and "data.symbols may name 'NEW'" in note for note in panel.notes
    )
    assert load(renamed, "daily/old.zip", symbols=["NEW"]).block.close[:, 0].tolist() == [10.0, 10.1, 10.2]


def test_an_old_name_is_refused_with_the_new_one(folder):
    put(folder, "map_files/new.csv", "20230101,old,Q\n20240103,old,Q\n20501231,new,Q\n")
    put(folder, "daily/old.zip", daily(0, [10.0, 10.1, 10.2]))
    put(folder, "daily/new.zip", daily(3, [10.3]))
    with pytest.raises(JobError, match=r"data\.symbols: 'OLD' is what NEW was called until 2024-01-03; ask for 'NEW'"):
        load(folder, "daily", symbols=["OLD"])
    assert load(folder, "daily", symbols=["NEW"]).block.close[:, 0].tolist() == [10.0, 10.1, 10.2, 10.3]


def test_the_last_day_of_a_name_is_that_name_s(renamed):
    put(renamed, "daily/new.zip", daily(2, [77.0, 10.3, 10.4, 10.5]))
    panel = load(renamed, "daily", symbols=["NEW"])
    assert panel.block.close[:, 0].tolist() == [10.0, 10.1, 10.2, 10.3, 10.4, 10.5]


def test_a_name_that_another_company_has_now_is_that_company_s(folder):
    """No map file tells of who is called OLD since."""
    put(folder, "map_files/new.csv", "20230101,old,Q\n20240103,old,Q\n20501231,new,Q\n")
    put(folder, "daily/old.zip", daily(0, [10.0, 10.1, 10.2, 50.0, 51.0]))
    panel = load(folder, "daily/old.zip", symbols=["OLD"])
    assert panel.block.close[:, 0].tolist() == [50.0, 51.0]
    assert load(folder, "daily/old.zip", symbols=["NEW"]).block.close[:, 0].tolist() == [10.0, 10.1, 10.2]


def test_files_of_no_share_that_is_known_are_refused(folder):
    put(folder, "map_files/old.csv", "20240105,old,N\n20501231,old,N\n")
    put(folder, "daily/old.zip", daily(0, [10.0, 10.1, 10.2]))
    with pytest.raises(
        DataError, match="3 bars up to 2024-01-03 are of days on which no share that is known was called"
    ):
        load(folder, "daily/old.zip")


def test_files_are_named_from_within_lean_s_folder_too(share):
    put(share, "minute/abc/20240105_trade.zip", minutes([26.0, 26.0]), "20240105_abc_minute_trade.csv")
    put(share, "minute/abc/20240104_trade.zip", minutes([102.0, 102.0]), "20240104_abc_minute_trade.csv")
    for base, pattern in (("daily", "abc.zip"), ("minute", "abc/*.zip"), ("minute", "abc")):
        job = DataSettings(files=pattern, adjust="events")
        panel = load_panel(job, resolve_files(job, share / "equity" / "usa" / base))
        assert float(np.nanmax(panel.block.extra["split"])) == 4.0


def test_map_and_factor_files_travel_by_their_names_alone(share, tmp_path):
    """As on a stack, where files lie by the hash of their bytes."""
    job = DataSettings(files="equity/usa/daily/abc.zip", adjust="events")
    moved = {}
    for number, (name, path) in enumerate(resolve_files(job, share).items()):
        moved[name] = tmp_path / f"blob{number}"
        moved[name].write_bytes(path.read_bytes())
    assert load_panel(job, moved).block.extra["split"][4, 0] == 4.0


# --- delistings -----------------------------------------------------------------------------------------------------


class Buys(Strategy):
    """Buys ten of the first asset in the first row."""

    def on_bar(self, bar):
        if bar.row == 0 and bar.symbol == "ABC":
            self.buy(10)


def test_a_share_that_was_delisted_is_paid_off_with_its_last_close(share):
    put(share, "map_files/abc.csv", "20230101,abc,Q\n20240104,abc,Q\n")
    put(share, "daily/abc.zip", daily(0, CLOSES[:4]))
    put(share, "daily/xyz.zip", daily(0, [5.0] * 8))
    panel = load(share, "daily", adjust="events", columns=["delisting"])
    np.testing.assert_array_equal(panel.block.extra["delisting"][:, 0], [np.nan, np.nan, np.nan, 102.0] + [np.nan] * 4)
    job = Job.parse({"data": {"adjust": "events"}, "strategy": {"use": "None"}, "portfolio": {"cash": 10_000.0}})
    report = Engine(job, panel, Buys(), lambda pieces: None).run()
    assert report.metrics.final_equity == pytest.approx(10_000 + 10 * 1.0 + 10 * 2.0)
    told = load(share, "daily", adjust="events").notes
    assert any('ABC was delisted after 2024-01-04: name "delisting" in data.columns' in note for note in told)


# --- the files themselves -------------------------------------------------------------------------------------------


def actions(tmp_path: Path, text: str):
    path = tmp_path / "abc.csv"
    path.write_text(text)
    factors, left = factors_of("abc.csv", path)
    return actions_of("abc.csv", factors), left


def test_ratios_are_the_fractions_that_printed_factors_round(tmp_path):
    text = (
        "20200101,1,0.00892857,9\n20200201,1,0.01785710,9\n20200301,1,0.0357143,9\n20200401,1,0.25,9\n20501231,1,1,0\n"
    )
    found, _ = actions(tmp_path, text)
    assert [action.split for action in found] == [2.0, 2.0, 7.0, 4.0]
    found, _ = actions(tmp_path, "20200101,1,0.997307,9\n20501231,1,1,0\n")
    assert found[0].split == pytest.approx(1.0 / 0.997307, abs=1e-12)


def test_a_dividend_is_to_the_cent_half_of_one_to_the_even(tmp_path):
    for factor, paid in (("0.99875", 0.12), ("0.99865", 0.14), ("0.9968", 0.32), ("0.99999", 0.0)):
        found, _ = actions(tmp_path, f"20200101,{factor},1,100\n20501231,1,1,0\n")
        assert [action.dividend for action in found] == ([paid] if paid else [])


def test_of_a_split_and_a_dividend_of_one_day_the_cash_is_for_shares_after_it(tmp_path):
    found, _ = actions(tmp_path, "20200101,0.98,0.5,100\n20501231,1,1,0\n")
    assert (found[0].split, found[0].dividend) == (2.0, 1.0)


def test_lines_without_factors_are_left_out_and_counted(tmp_path):
    found, left = actions(
        tmp_path, "20200101,1,inf,9\n20200102,1,1.6e+6,9\n20200103,1,0,9\n20200104,1,0.5,9\n20501231,1,1,0\n"
    )
    assert left == 3
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("20200101,1\n", r"abc\.csv:1: is no line of a factor file"),
        ("2020-01-01,1,1,1\n", r"abc\.csv:1: '2020-01-01' is no date of LEAN's"),
        ("20200101,1,1,1\n20200102,1.1,1,50\n20501231,1,1,0\n", r"abc\.csv:2: .* a dividend below zero, of -5\.00"),
        ("20200101,0.9,1,0\n20501231,1,1,0\n", r"abc\.csv:1: the price factor changes, and there is no close"),
    ],
)
def test_a_factor_file_that_cannot_be_is_refused_with_its_line(tmp_path, text, told):
    with pytest.raises(DataError, match=told):
        actions(tmp_path, text)


def test_a_factor_file_that_cannot_be_used_can_be_left(share):
    put(share, "factor_files/abc.csv", "20240102,1.1,1,100\n20501231,1,1,0\n")
    with pytest.raises(DataError, match="below zero"):
        load(share, "daily/abc.zip")
    assert load(share, "daily/abc.zip", names={"dividend": ""}, adjust="splits").block.close[0, 0] == CLOSES[0]


def test_a_dataset_of_shares_is_imported_whole_or_refused(share, tmp_path):
    from backbus.data.catalog.importing import import_files

    files = resolve_files(DataSettings(files=["equity/usa/daily/abc.zip"]), share)
    with pytest.raises(JobError, match=r"data\.files: names .* of LEAN's shares.*import less than"):
        import_files(files, DataSettings(), tmp_path / "out.arrow", at_once_bytes=1)
