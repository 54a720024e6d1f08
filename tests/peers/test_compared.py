"""``python -m tools.compared``: what each peer's module reads out of files of its form, whose values are invented here,
and what the same jobs give, by hand; and the page that is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.peers import invented
from tools.compared import __main__ as command
from tools.compared import backtesting_py, bt, empyrical, freqtrade, lean, qstrader, vectorbt, zipline
from tools.compared.figures import UNEXPLAINED, Row
from tools.compared.page import page, section, sections, worse
from tools.compared.sources import named, tree


def put(root: Path, files: dict[str, str]) -> Path:
    """Files below a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def unlike(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """What is not as it was worked out."""
    return [(row.case, row.figure, row.theirs, row.ours) for row in rows if not row.same]


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        ("137.04", 137.0378, True),
        ("137.04", 137.0449, True),
        ("137.04", 137.0451, False),
        ("66", 66, True),
        ("66", 67, False),
        ("0.5796213", 0.57962134, True),
        ("561680.8382534103", 561680.8382534103 * (1.0 + 1e-13), True),
        ("561680.8382534103", 561680.8382534113, True),
        ("561680.8382534103", 561680.8382544103, False),
        ("1e-05", 1.04e-05, True),
        ("1e-05", 1.6e-05, False),
        ("none", "none", True),
        ("none", 3.5, False),
        ("nan", 3.5, False),
    ],
)
def test_a_figure_is_the_same_as_far_as_it_is_published(theirs: str, ours: float | str, same: bool) -> None:
    row = Row("case", "figure", theirs, ours)
    assert row.same is same
    assert (row.shown == theirs) is same
    assert row.verdict == ("the same" if same else UNEXPLAINED)


def test_a_reason_counts_only_where_there_is_a_difference() -> None:
    assert Row("case", "figure", "1.00", 1.004, "because").verdict == "the same"
    assert Row("case", "figure", "1.00", 1.006, "because").verdict == "because"


# --- peers ------------------------------------------------------------------------------------------------------------


def test_qstrader_s_portfolios_and_their_transactions(tmp_path: Path) -> None:
    checkout = put(tmp_path / "qstrader", invented.QSTRADER)
    assert unlike(qstrader.rows(checkout)) == []


def test_a_figure_of_qstrader_s_that_is_not_ours_is_seen(tmp_path: Path) -> None:
    checkout = put(tmp_path / "qstrader", invented.QSTRADER)
    for name, was, other in (
        ("test_backtest_e2e.py", "'quantity': 7600", "'quantity': 7601"),
        ("fixtures/sixty_forty_history.dat", "ABC 101.00 03", "ABC 101.02 03"),
    ):
        file = checkout / qstrader.TRADING / name
        file.write_text(file.read_text().replace(was, other))
    assert unlike(qstrader.rows(checkout)) == [
        ("60/40, weekly", "EQ:DEF quantity", "7601", 7600.0),
        ("60/40, weekly", "transactions of 2 with this day, asset, quantity, price and money", "2", 1),
    ]


def test_backtesting_py_s_assertions_and_series(tmp_path: Path) -> None:
    checkout = put(tmp_path / "backtesting.py", invented.BACKTESTING_PY)
    cases = (
        backtesting_py.Case(
            "test_a_stop",
            "a stop",
            [{"row": 0, "buy": 2, "stop_loss": 8}],
            {0: ("exit", backtesting_py.entry(1), ""), 1: ("fills", lambda run: [f.price for f in run.fills], "")},
            bars="below",
        ),
        backtesting_py.Case(
            "test_a_target",
            "a target",
            [{"row": 0, "buy": 2, "take_profit": 15}],
            {0: ("exit", backtesting_py.entry(1), "")},
            bars="level",
        ),
    )
    rows = list(backtesting_py.short(cases, checkout))
    # opens lie ten below: bought at 20 - 10, and out at the open of the row of 15, below the stop of 8
    assert [(row.figure, row.theirs, row.ours) for row in rows] == [
        ("exit", "5", 5.0),
        ("fills, 1 of 2", "10", 10.0),
        ("fills, 2 of 2", "5.0", 5.0),
        ("exit", "16", 16.0),
    ]
    assert all(row.same for row in rows)


def test_empyrical_s_constants(tmp_path: Path) -> None:
    checkout = put(tmp_path / "empyrical", invented.EMPYRICAL)
    wanted = {"test_cum_returns_final", "test_max_drawdown", "test_annual_ret", "test_sharpe_ratio", "test_beta"}
    rows = list(empyrical.of([test for test in empyrical.TESTS if test.name in wanted], checkout))
    assert unlike(rows) == []
    assert len(rows) == 7  # (a series that is no list of numbers, and a rate that is not 0, are left out)


def test_zipline_s_stops_and_commissions(tmp_path: Path) -> None:
    checkout = put(tmp_path / "zipline", invented.ZIPLINE)
    assert unlike(zipline.stops(checkout / zipline.FINANCE / "test_slippage.py")) == []
    rows = list(zipline.capital(checkout / zipline.FINANCE / "test_commissions.py"))
    assert unlike(rows) == []
    assert len(rows) == 12


def test_bt_s_rebalances(tmp_path: Path) -> None:
    checkout = put(tmp_path / "bt", invented.BT)
    core = tree(checkout / bt.CORE)
    assert unlike(bt.cheapest(named(core, "test_strategybase_multiple_calls"))) == []
    assert unlike(bt.equal_weights(named(core, "test_turnover"))) == []


def test_vectorbt_s_records(tmp_path: Path) -> None:
    checkout = put(tmp_path / "vectorbt", invented.VECTORBT)
    rows = list(vectorbt.rows(checkout))
    assert unlike(rows) == []
    assert len(rows) == 11


def test_freqtrade_s_table(tmp_path: Path) -> None:
    checkout = put(tmp_path / "freqtrade", invented.FREQTRADE)
    rows = list(freqtrade.rows(checkout))
    assert [row.case.split(":")[0] for row in rows] == ["0", "1", "2"]
    assert [row.theirs for row in rows] == [
        "0.030; roi 1-2",
        "-0.050; stop_loss 1-2",
        "0.020; exit_signal 1-3",
    ]
    assert unlike(rows) == []


def test_lean_s_results_on_its_own_files(tmp_path: Path) -> None:
    checkout = put(tmp_path / "Lean", invented.LEAN)
    invented.pack(checkout / "Data" / "equity" / "usa" / "daily" / "spy.zip", invented.LEAN_SPY)
    rows = list(lean.of([case for case in lean.CASES if case.job in ("lean_daily", "lean_dividends")], checkout))
    assert {row.figure for row in rows if not row.same} == {"Compounding Annual Return"}
    assert sum(row.same for row in rows) == 10


# --- the page ---------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back() -> None:
    rows = [Row("a | b", "price", "1.5", 1.5), Row("c", "price", "2", 3, "because")]
    one = section("Engine", "1234567, 2026-01-01", "About it.", rows)
    again = sections(page({"Engine": one}))["Engine"]
    assert again == one
    assert again.counts == (2, 1)
    assert again.commit == "1234567, 2026-01-01"
    assert again.rows[r"a \| b", "price"] == ("1.5", "1.5", "the same")


def test_what_stood_and_is_not_met_is_worse_and_so_is_what_has_no_reason() -> None:
    before = section("Engine", "x", "", [Row("a", "price", "1", 1), Row("b", "price", "1", 2, "because")])
    now = section("Engine", "x", "", [Row("a", "price", "1", 2, "because"), Row("b", "price", "1", 3, "because")])
    assert worse(before, now) == ["Engine: a: price: theirs 1, ours 2: it stood"]
    assert worse(None, now) == []
    unsaid = section("Engine", "x", "", [Row("c", "price", "1", 2)])
    assert worse(before, unsaid) == ["Engine: c: price: theirs 1, ours 2"]


def test_the_command_writes_the_page_and_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "from" / "qstrader", invented.QSTRADER)
    target = tmp_path / "compared.md"
    old = section("freqtrade", "abc, 2020-02-02", "As it was.", [Row("0", "profit", "0.1", 0.1)])
    target.write_text(page({"freqtrade": old}))
    asked = ["--from", str(tmp_path / "from"), "--page", str(target)]
    assert command.main([*asked, "--json"]) == 0
    said = capsys.readouterr()
    assert "no checkout freqtrade: what the page says of it stays as it is" in said.err
    told = json.loads(said.out)
    assert "freqtrade" in told["missing"] and "qstrader" not in told["missing"]
    assert told["failed"] == [] and len(told["rows"]) == 22
    assert all(row["same"] for row in told["rows"])
    written = sections(target.read_text())
    assert list(written) == ["QSTrader", "freqtrade"]
    assert written["freqtrade"].text == old.text
    assert str(tmp_path) not in target.read_text()

    file = tmp_path / "from" / "qstrader" / qstrader.TRADING / "test_backtest_e2e.py"
    file.write_text(file.read_text().replace("'quantity': 5700", "'quantity': 5701"))
    assert command.main(asked) == 1
    assert "60/40, weekly: EQ:ABC quantity: theirs 5701, ours 5700: it stood" in capsys.readouterr().err

    file.write_text("def test_backtest_sixty_forty(): pass\n")
    assert command.main(asked) == 1
    assert "QSTrader: its files are not as they were (KeyError" in capsys.readouterr().err
    assert list(sections(target.read_text())) == ["QSTrader", "freqtrade"]


def test_a_folder_without_any_checkout_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--from", str(tmp_path), "--page", str(tmp_path / "page.md")]) == 2
    assert "it holds none of" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()
