"""The assets of a report in a headless Chromium: whose prices are drawn, and how another one's are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backbus.api.kept import read_run
from backbus.figures.price import most_traded
from tests.browser.chromium import Browser
from tests.browser.looking import WIDE, after, browser, text
from tests.unit.kept_runs import home, ran

__all__ = ["browser", "home"]

pytestmark = [pytest.mark.slow, pytest.mark.shares("chromium")]


def drawn_prices(browser: Browser) -> dict[str, Any]:
    """Of the overview: whose closes, and what is drawn as closes and fills."""
    script = (
        "JSON.stringify((() => { const { data } = document.querySelector('#figure-overview .plot'); "
        "return { name: data[0].name, closes: data[0].y, fills: [data[1].y, data[2].y] }; })())"
    )
    found: dict[str, Any] = json.loads(browser.run(script))
    return found


def choose(browser: Browser, asset: str) -> None:
    place = "document.querySelector('#figure-overview select')"
    after(browser, "chosen", f"{place}.value = '{asset}'; {place}.dispatchEvent(new Event('change'))")


def test_a_click_on_a_trade_draws_the_prices_of_its_asset(browser: Browser, home: Path, tmp_path: Path) -> None:
    result = read_run(ran(home, "first"))
    symbols = result.tables.frame("trades")["symbol"].tolist()
    fills, closes = result.tables.frame("fills"), {}
    for symbol in ("A", "B"):
        lines = (home / "data" / f"{symbol}.csv").read_text().splitlines()[1:]
        closes[symbol] = [float(line.split(",")[4]) for line in lines]
    browser.look(width=WIDE)
    browser.open(result.report(tmp_path / "two.html"))
    assert drawn_prices(browser)["name"] == f"{most_traded(result)} close"
    for symbol in ("B", "A", "B"):
        row = symbols.index(symbol) + 1
        after(browser, "jumped", f"document.querySelector('#table-trades tbody tr:nth-child({row}) td').click()")
        assert "prices above" not in text(browser, "#why pre")
        seen = drawn_prices(browser)
        assert seen["name"] == f"{symbol} close" and set(seen["closes"]) <= set(closes[symbol])
        choose(browser, "A" if symbol == "B" else "B")
        assert drawn_prices(browser)["name"] != seen["name"]
    after(
        browser,
        "zoomed",
        "Plotly.relayout(document.querySelector('#figure-overview .plot'), { 'xaxis.autorange': true })",
    )
    for symbol in ("A", "B"):
        choose(browser, symbol)
        seen = drawn_prices(browser)
        mine = fills[fills["symbol"] == symbol]
        assert seen["closes"] == closes[symbol]
        assert seen["fills"] == [
            pytest.approx(mine["price"][mine["quantity"] * sign > 0].tolist(), rel=1e-9) for sign in (1, -1)
        ]
    assert browser.complaints() == []


def test_an_asset_without_room_is_told(
    browser: Browser, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backbus.report.assets.MOST_CLOSES", 79)
    result = read_run(ran(home, "first"))
    drawn = most_traded(result)
    other = "B" if drawn == "A" else "A"
    browser.open(result.report(tmp_path / "two.html"))
    row = result.tables.frame("trades")["symbol"].tolist().index(other) + 1
    after(browser, "jumped", f"document.querySelector('#table-trades tbody tr:nth-child({row}) td').click()")
    said = text(browser, "#why pre")
    assert f"The prices above are those of {drawn}" in said and f'asset="{other}"' in said
