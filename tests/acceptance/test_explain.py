"""``backbus explain`` on runs that one can reckon: fills, orders that did not fill, margin calls, splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backbus import run
from backbus.api.explain import explain
from backbus.api.sentences import sentences
from backbus.errors import JobError
from tests.unit.order_market import bars, flat, job_of, scripted


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A buy in two parts, a limit that is too low, a split, and a margin call."""

    def begin(s: Any, bar: Any, book: Any) -> None:
        s.order(2000.0)
        s.order(10.0, limit=40.0, until="1970-01-04")

    costs = {"slippage": {"model": "bps", "bps": 100}, "commission": {"model": "per_order", "fee": 7.0}}
    job = job_of({"leverage": 2.5, "margin": {"maintenance": 0.3}}, {"volume_cap": 0.5, **costs})
    rows = [flat(100), (*flat(100), 3000), flat(100), (50, 50, 41, 50, 9000), flat(33), flat(33), flat(33), flat(33)]
    market = bars(*rows, split={3: 2.0}, dividend={})
    run(job, market, strategy=scripted({0: begin}), folder=tmp_path / "run")
    return tmp_path / "run"


def orders_of(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(folder / "orders.parquet").to_pylist()
    return [order for order in found if order["kind"] == "place"]


def test_a_fill_is_told_with_its_rule_its_price_before_slippage_its_costs_and_its_cap(told: Path) -> None:
    found = explain(told, order=1)
    first, second = found["fills"]
    assert (first["quantity"], first["reference"], first["price"]) == (1500.0, 100.0, 101.0)
    assert (first["slippage"], first["fee"], first["left"]) == (1500.0, 7.0, 500.0)
    assert first["cap"] == "share of the bar's volume"
    assert (second["row"], second["quantity"], second["fee"]) == (2, 500.0, 0.0)
    text = "\n".join(sentences(found))
    assert "the market's price 100, paid 101: slippage 1,500, fee 7" in text
    assert "lessened by: share of the bar's volume; 500 went on working" in text


def test_an_order_that_did_not_fill_is_told_with_its_end_the_nearest_price_and_the_split_that_changed_it(
    told: Path,
) -> None:
    found = explain(told, order=2)
    assert found["order"] == orders_of(told)[1]["order"]
    assert found["fills"] == []
    assert (found["end"]["reason"], found["end"]["level"], found["end"]["left"]) == ("expired at its date", 20.0, 20.0)
    assert found["end"]["nearest"] == 41.0
    assert found["splits"] == [{"when": found["splits"][0]["when"], "row": 3, "ratio": 2.0}]
    text = "\n".join(sentences(found))
    assert f"order 2 (id {found['order']}): A, limit 40, until 1970-01-04" in text
    assert "the strategy said in that row: " in text and "time_in_force gtd, until 1970-01-04, order 10" in text
    assert "the market came nearest at 41" in text


def test_a_margin_call_is_told_with_the_run_and_by_its_day(told: Path) -> None:
    found = explain(told)
    (call, *_) = found["forced"]
    assert (call["row"], call["symbol"], call["reason"]) == (4, "A", "margin call")
    assert any("margin call, sell" in line for line in sentences(found))
    day = explain(told, asset="A", date="1970-01-05")
    assert [one["reason"] for one in day["decided"]] == ["margin call"]
    day = explain(told, asset="A", date="1970-01-04")
    assert [booking["kind"] for booking in day["account_activity"]] == ["split"]
    assert [one["order"] for one in day["working_before"]] == [orders_of(told)[1]["order"]]


def test_terms_of_every_kind_and_what_is_booked_are_told_in_words(tmp_path: Path) -> None:
    def begin(s: Any, bar: Any, book: Any) -> None:
        s.order(10.0, take_profit_fraction=0.5, stop_loss=80.0, trailing_loss_fraction=0.3)
        s.order(-5.0, trail=30.0)
        s.order(-5.0, trail_fraction=0.25)
        s.order(-5.0, stop=70.0, limit=69.0)
        s.order(-5.0, at="close")
        s.order(1.0, limit=60.0, until="1970-01-03T12:00:00+00:00")

    costs = {"interest": {"cash": 0.05, "borrow": 0.01}, "leverage": 2.0}
    market = bars(flat(100), flat(100), *[flat(50)] * 3, split={2: 2.0}, dividend={3: 0.5}, delisting={3: 99.0})
    run(job_of(costs), market, strategy=scripted({0: begin}), folder=tmp_path)
    text = [line for number in range(1, 10) for line in sentences(explain(tmp_path, order=number))]
    titles = [line.split(": ", 1)[1] for line in text if line.startswith("order ")]
    assert titles == [
        "A, market",
        "A, limit 50 % from the price of its entry",
        "A, stop 80",
        "A, trailing stop 30 % behind the best price",
        "A, trailing stop 30 behind the best price, which was 100 at first",
        "A, trailing stop 25 % behind the best price, which was 100 at first",
        "A, stop limit, stop 70, limit 69",
        "A, market on close",
        "A, limit 60, until 1970-01-03T12:00:00+00:00",
    ]
    assert any("it brought an exit" in line and "trailing stop 30 % behind the best price" in line for line in text)
    assert "    the account at that close: equity 100,000.00, cash 100,000.00, positions of 0.00" in text
    told = [line for day in range(2, 6) for line in sentences(explain(tmp_path, asset="A", date=f"1970-01-0{day}"))]
    for row, line in (
        (2, "split, 0.00 to cash, 2 for 1, 10 held since"),
        (3, "dividend, 5.00 to cash, 0.5 for each of 10 held"),
        (4, "delisting, 990.00 to cash, 99 for each of 10 held"),
    ):
        assert f"  1970-01-0{row + 1}, row {row}, before the open: {line}" in told
    assert any("was working" in line and "trailing stop 30 % behind the best price, to sell" in line for line in told)


def test_orders_have_short_numbers_that_do_not_change_and_lists_print_them(tmp_path: Path) -> None:
    def later(s: Any, bar: Any, book: Any) -> None:
        s.order(1.0)
        s.order(1.0, limit=50.0)

    market = bars(*[flat(100)] * 5)
    run(job_of({}, {}), market, strategy=scripted({1: later, 2: later}), folder=tmp_path)
    ids = [order["order"] for order in orders_of(tmp_path)]
    assert len(ids) == 4 and min(ids) > 4
    for number, name in enumerate(ids, 1):
        by_number = explain(tmp_path, order=number)
        assert by_number == explain(tmp_path, order=name)
        assert (by_number["number"], by_number["order"]) == (number, name)
    told = "\n".join(sentences(explain(tmp_path, asset="A")))
    assert "1970-01-02, row 1, after the close: A order 1 placed, to buy 1" in told
    assert "1970-01-03, row 2, at the open: A bought 1 at 100 by order 1: market order at the open" in told
    assert "A order 2 ended with 1 unfilled" in told
    assert "--order 1 tells why" in told
    assert list(sentences(explain(tmp_path, date="1970-01-01"))) == ["1970-01-01: nothing happened"]


def test_an_asset_or_a_date_alone_lists_what_happened_in_the_order_of_the_run(told: Path) -> None:
    found = explain(told, asset="a")
    assert found["symbol"] == "A"
    kinds = [(one["row"], one["what"]) for one in found["happened"]]
    assert kinds == sorted(kinds, key=lambda one: one[0])
    assert {what for _, what in kinds} == {"orders", "fills", "order_ends", "account_activity"}
    day = explain(told, date="1970-01-04")["happened"]
    assert day == [one for one in found["happened"] if one["row"] == 3]
    text = "\n".join(sentences(explain(told, date="1970-01-04")))
    assert "1970-01-04, row 3, before the open: A split, 0.00 to cash, 2 for 1" in text


def test_a_day_is_told_in_the_order_in_which_it_happened(tmp_path: Path) -> None:
    """Four bars a session: orders fill at one bar's open and others are decided at its close; some end with the day."""
    import pandas as pd

    def asks(s: Any, bar: Any, book: Any) -> None:
        s.order(1.0)
        s.order(1.0, limit=50.0, time_in_force="day")

    times = pd.DatetimeIndex([f"2024-01-0{day} {hour}:00" for day in (2, 3) for hour in (10, 11, 12, 13)])
    flat_bar = {"open": 90.0, "high": 90.0, "low": 90.0, "close": 90.0, "volume": 99.0}
    prices = pd.DataFrame(flat_bar, index=times.tz_localize("UTC"))
    job = {"data": {"dates": {"marks": "end"}}, "portfolio": {"interest": {"cash": 0.05}}}
    run(job, {"A": prices}, strategy=scripted({4: asks, 5: asks}), folder=tmp_path)
    lines = list(sentences(explain(tmp_path, asset="A", date="2024-01-03")))
    kinds = ("strategy said", "placed", "bought", "ended with")
    told = [(int(line.split("row ")[1].split(":")[0].split(",")[0]), next(kind for kind in kinds if kind in line))
            for line in lines[1:] if any(kind in line for kind in kinds)]  # fmt: skip
    assert told == [
        (4, "strategy said"), (4, "placed"), (4, "placed"),
        (5, "bought"), (5, "strategy said"), (5, "placed"), (5, "placed"),
        (6, "bought"),
        (7, "ended with"), (7, "ended with"),
    ]  # fmt: skip


def test_an_order_whose_time_is_over_ends_before_others_fill_at_that_open(tmp_path: Path) -> None:
    def begin(s: Any, bar: Any, book: Any) -> None:
        s.order(1.0, limit=50.0, until="1970-01-01")
        s.order(1.0)

    run(job_of({}, {}), bars(*[flat(100)] * 3), strategy=scripted({0: begin}), folder=tmp_path)
    found = explain(tmp_path, date="1970-01-02")["happened"]
    assert [(one["what"], one["phase"]) for one in found] == [("order_ends", "OPEN_MATCH"), ("fills", "OPEN_MATCH")]
    lines = list(sentences(explain(tmp_path, asset="A", date="1970-01-02")))
    assert [("ended with" in line, "bought" in line) for line in lines if "at the open: " in line] == [
        (True, False), (False, True)
    ]  # fmt: skip


def test_an_order_that_was_cut_is_told_with_the_account_at_that_close(tmp_path: Path) -> None:
    job = job_of({"cash": 1_000.0}, {})
    run(job, bars(*[flat(100)] * 4), strategy=scripted({0: lambda s, bar, book: s.order(25.0)}), folder=tmp_path)
    lines = list(sentences(explain(tmp_path, asset="A", date="1970-01-01")))
    (at,) = (place for place, line in enumerate(lines) if "of 25 wanted (not enough buying power)" in line)
    assert lines[at + 1] == "    the account at that close: equity 1,000.00, cash 1,000.00, positions of 0.00"


def test_a_run_alone_tells_the_first_things_and_how_to_ask(told: Path) -> None:
    found = explain(told)
    assert [(one["row"], one["number"]) for one in found["first"][:3]] == [(0, 1), (0, 2), (1, 1)]
    assert len(found["first"]) <= 10
    *_, last = sentences(found)
    assert "--order 1" in last and "--asset SYMBOL" in last and "--date DATE" in last


def test_what_is_not_there_is_said(told: Path) -> None:
    for asked, where in (
        ({"order": 500}, r"no order 500: its orders are 1 to \d+; an asset or a date alone lists them"),
        ({"asset": "B", "date": "1970-01-02"}, "no symbol 'B'"),
        ({"asset": "B"}, "no symbol 'B'"),
        ({"asset": "A", "date": "1980-01-02"}, "1970-01-01 to 1970-01-08"),
        ({"asset": "A", "date": "soon"}, "no date"),
        ({"order": 5, "asset": "A"}, "not both"),
    ):
        with pytest.raises(JobError, match=where):
            explain(told, **asked)


def test_a_day_without_a_session_names_those_beside_it(tmp_path: Path) -> None:
    import pandas as pd

    days = pd.DatetimeIndex(["2008-10-09", "2008-10-10", "2008-10-13"], name="Date")
    prices = pd.DataFrame({"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}, index=days)
    run({"strategy": {"use": "BuyAndHold"}}, {"Ab": prices}, folder=tmp_path)
    with pytest.raises(JobError, match="2008-10-11, a Saturday: the nearest are 2008-10-10 and 2008-10-13"):
        explain(tmp_path, date="2008-10-11")
    assert explain(tmp_path, asset="aB")["symbol"] == "Ab"


def test_the_command_prints_text_or_one_json_object(told: Path, backbus: Any) -> None:
    assert "sold" not in backbus("explain", str(told), "--order", "1", cwd=told).stdout
    found = json.loads(backbus("explain", str(told), "--order", "1", "--json", cwd=told).stdout)
    assert (found["number"], found["order"]) == (1, orders_of(told)[0]["order"])
    assert backbus("explain", str(told), cwd=told).returncode == 0
    few = backbus("explain", str(told), "--asset", "A", "--limit", "2", cwd=told).stdout
    assert len(few.splitlines()) == 5 and "more: --limit" in few


def test_orders_that_were_cut_are_counted_by_reason_with_the_first_of_them(tmp_path: Path) -> None:
    job = job_of({"cash": 1_000.0}, {})
    run(job, bars(*[flat(100)] * 4), strategy=scripted({0: lambda s, bar, book: s.order(25.0)}), folder=tmp_path)
    found = explain(tmp_path)
    (cut,) = found["cut_because"].items()
    assert (cut[0], cut[1]["count"], cut[1]["number"]) == ("not enough buying power", 1, 1)
    assert "           1  not enough buying power (the first is order 1)" in list(sentences(found))
