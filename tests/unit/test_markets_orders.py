"""Orders and days of assets whose days end each by a market of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backbus.market.panel import Panel
from backbus.strategy import Strategy
from tests.unit.order_market import HOLE, QUIET, asks, bars, job_of, play


def apart(rows: str, own: str, *, per_session: int = 1) -> Panel:
    """Two markets: "A" and "B" are rows in which one of them has a bar, "2" both; ``own`` has the session of each row
    by its own market, of the one that is named."""
    market = bars(*[[QUIET if row in "A2" else HOLE, QUIET if row in "B2" else HOLE] for row in rows])
    day = np.array([int(number) for number in own], dtype=np.int64)
    session = np.stack([np.where(np.isnan(market.block.close[:, at]), np.nan, day) for at in (0, 1)], axis=1)
    session.flags.writeable = False
    block = replace(market.block, session=day, extra={"own_session": session})
    return Panel(replace(market.layout, columns=("own_session",), calendars=("XNYS", "XLON")), block)


def test_an_order_for_the_day_lives_through_the_other_market_s_rows():
    market = apart("BABABA", "001122")
    told = play(market, {1: asks(10, symbol="B", limit=50.0, time_in_force="day")}, job_of())
    assert told.ends == [(2, "B", "expired with its session")]
    told = play(market, {1: asks(10, limit=50.0, time_in_force="day")}, job_of())
    assert told.ends == [(3, "A", "expired with its session")]
    told = play(market, {1: asks(10, time_in_force="day")}, job_of())
    assert told.fills == [(3, "OPEN_MATCH", "A", 10.0, 100.0)]


def test_a_date_until_which_an_order_is_good_is_one_of_its_own_market():
    market = apart("BABABABA", "00112233")
    told = play(market, {1: asks(10, limit=50.0, until="1970-01-02")}, job_of())
    assert told.ends == [(5, "A", "expired at its date")]


def test_interest_is_booked_once_a_day_of_the_account():
    told = play(apart("BABA2", "00113"), {}, job_of({"interest": {"cash": 0.36}, "shorts": False}))
    assert [(row, kind) for row, _, kind, _ in told.bookings] == [(2, "interest"), (4, "interest")]
    first, second = (amount for *_, amount in told.bookings)
    assert second == pytest.approx(2.0 * first, rel=1e-2)


def test_a_strategy_sees_in_which_rows_its_market_is_open():
    seen: list[tuple[int, str, float]] = []

    class Looks(Strategy):
        def on_bar(self, bar: Any) -> None:
            seen.append((bar.row, bar.symbol, bar["own_session"]))

    play(apart("BA2", "011"), Looks(), job_of())
    assert set(seen) == {(0, "B", 0.0), (1, "A", 1.0), (2, "A", 1.0), (2, "B", 1.0)}
