"""A report in a headless Chromium, as a person uses it: it asks nobody for anything, zooms, jumps, sorts and prints."""

from __future__ import annotations

import dataclasses
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backbus.api.explain import explain
from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.api.sentences import sentences
from backbus.figures import registry
from backbus.figures.style import THEMES
from backbus.report.levels import FIRST
from tests.browser.chromium import Browser
from tests.browser.looking import NARROW, WIDE, after, browser, text
from tests.unit.kept_runs import home, ran
from tests.unit.report_pages import minutes

__all__ = ["browser", "home"]

pytestmark = [pytest.mark.slow, pytest.mark.shares("chromium")]
ROWS = 8000
OURS = ("  the strategy said in that row", "    the account at that close")
"""Lines of ``explain`` that the page leaves to it."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return minutes(tmp_path_factory.mktemp("report") / "run", ROWS)


@pytest.fixture(scope="module")
def page(run: Result) -> Path:
    assert run.folder is not None
    return run.report(run.folder / "report.html")


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.look(width=WIDE)
    browser.open(page)
    return browser


def trace_of(browser: Browser, figure: str, name: str) -> dict[str, Any]:
    """What plotly draws of one trace."""
    script = (
        f"JSON.stringify((() => {{ const one = document.querySelector('#figure-{figure} .plot').data"
        f".find((each) => each.name === '{name}'); return {{ x: one.x, y: one.y }}; }})())"
    )
    found: dict[str, Any] = json.loads(browser.run(script))
    return found


def scale(browser: Browser, figure: str) -> str:
    return str(browser.run(f"document.querySelector('#figure-{figure} .scale').textContent"))


def zoom(browser: Browser, figure: str, begin: np.datetime64, end: np.datetime64) -> None:
    """As plotly does it where a person drags along the axis of one figure."""
    ends = ", ".join(f"'{one.astype('M8[ms]')}'" for one in (begin, end))
    script = f"Plotly.relayout(document.querySelector('#figure-{figure} .plot'), {{ 'xaxis.range': [{ends}] }})"
    after(browser, "zoomed", script)


def test_a_page_opens_offline_asks_nobody_and_draws_every_figure(opened: Browser, run: Result) -> None:
    assert opened.asked() == [] and opened.complaints() == []
    figures = json.loads(opened.run("JSON.stringify(backbus.told.figures.map((one) => [one.name, !!one.spec]))"))
    assert int(opened.run("backbus.shown.length")) == sum(drawn for _, drawn in figures) > 8
    assert text(opened, "h1") == "minutes <&> more"
    assert json.loads(opened.run("document.getElementById('receipt').textContent"))["fingerprint"] == run.fingerprint
    assert opened.run("document.querySelectorAll('#table-orders tbody tr').length") == 20


def test_a_zoom_shows_the_true_extremes_and_every_figure_over_time_follows(
    browser: Browser, page: Path, run: Result
) -> None:
    browser.look(width=NARROW, height=844)
    browser.open(page)
    equity, time = run.column("equity", "equity"), run.column("equity", "time").astype("M8[us]")
    told = scale(browser, "equity")
    assert told.startswith(f"equity: four points are {FIRST}, their first, least, greatest and last. Zoom in")
    coarse = trace_of(browser, "equity", "equity")
    step = 1.0 / browser.run("backbus.told.figures.find((one) => one.name === 'equity').series[0].step")
    assert len(coarse["y"]) < len(equity) / 2
    assert min(coarse["y"]) == pytest.approx(equity.min(), abs=0.5 / step)
    assert max(coarse["y"]) == pytest.approx(equity.max(), abs=0.5 / step)

    begin, end = time[4000], time[4060]
    zoom(browser, "underwater", begin, end)
    assert scale(browser, "equity") == "Every point is drawn."
    fine = trace_of(browser, "equity", "equity")
    at = np.rint(np.array(fine["x"]) * 1e3).astype(np.int64).view("M8[us]")
    first = int(np.flatnonzero(time == at[0])[0])
    assert at[0] <= begin and at[-1] >= end and len(at) < 70
    np.testing.assert_array_equal(at, time[first : first + len(at)])
    np.testing.assert_allclose(fine["y"], equity[first : first + len(at)], rtol=0.0, atol=0.51 / step)
    ranges = json.loads(
        browser.run(
            "JSON.stringify(backbus.shown.filter((one) => one.spec.time.length)"
            ".map((one) => one.div._fullLayout.xaxis.range))"
        )
    )
    assert len(ranges) >= 4 and all(one == ranges[0] for one in ranges)

    drop = trace_of(browser, "underwater", "below the top")["y"]
    top = np.maximum(np.maximum.accumulate(equity), run.cash)
    np.testing.assert_allclose(
        drop, (equity / top - 1.0)[first : first + len(drop)], rtol=0.0, atol=1.1 / step / equity.min()
    )

    after(
        browser,
        "zoomed",
        "Plotly.relayout(document.querySelector('#figure-equity .plot'), { 'xaxis.autorange': true })",
    )
    assert scale(browser, "equity") == told and browser.complaints() == []


def test_a_click_on_a_trade_zooms_to_it_and_says_why_it_filled(opened: Browser, run: Result) -> None:
    after(opened, "jumped", "document.querySelector('#table-trades tbody tr:nth-child(3) td').click()")
    trade = run.tables.frame("trades").iloc[2]
    ends = json.loads(opened.run("JSON.stringify(backbus.shown[0].div._fullLayout.xaxis.range)"))
    begin, end = (np.datetime64(one.replace(" ", "T"), "ns") for one in ends)
    entry, left = (trade[name].to_datetime64().astype("M8[ns]") for name in ("entry_time", "exit_time"))
    assert begin < entry < left < end and (end - begin) < 8 * (left - entry) + np.timedelta64(3, "h")
    fills = run.tables.frame("fills")
    order = int(fills[fills["row"] == trade["entry_row"]]["order"].iloc[-1])
    said = text(opened, "#why pre")
    assert f"(id {order}): A, market" in said and "the market's price" in said
    assert f"backbus explain {run.job} --order " in said


@pytest.mark.parametrize("which", ["plain", "exits", "sessions"])
def test_orders_are_told_in_the_words_of_explain(
    browser: Browser, run: Result, page: Path, home: Path, tmp_path: Path, which: str
) -> None:
    result: Any = run
    if which == "exits":
        result = minutes(tmp_path / "run", 900, exits=True)
        page = result.report(tmp_path / "exits.html")
    elif which == "sessions":
        costs = "execution.commission={model='per_share', fee=0.0078125}"
        result = read_run(ran(home, "first", costs, "portfolio.exits={trail=0.03}", "execution.fill='close'"))
        page = result.report(tmp_path / "sessions.html")
    browser.look(width=WIDE)
    browser.open(page)
    orders = np.unique(result.column("orders", "order"))
    asked = [int(one) for one in orders[np.linspace(0, len(orders) - 1, 25).astype(int)]]
    found = json.loads(
        browser.run(f"Promise.all({[str(one) for one in asked]}.map(backbus.orderLines)).then(JSON.stringify)")
    )
    for order, lines in zip(asked, found, strict=True):
        wanted = [line for line in sentences(explain(result.folder, order=order)) if not line.startswith(OURS)]
        assert lines == wanted


def test_a_table_is_sorted_filtered_paged_and_copied_with_all_its_digits(opened: Browser, run: Result) -> None:
    place = "document.querySelector('#table-trades')"
    opened.run(f"[...{place}.querySelectorAll('th button')].find((one) => one.textContent === 'pnl').click()")
    assert "entry_time (UTC)" in opened.run(f"[...{place}.querySelectorAll('th')].map((one) => one.textContent).join()")
    trades = run.tables.frame("trades").sort_values("pnl", kind="stable")
    names = json.loads(opened.run(f"JSON.stringify([...{place}.querySelectorAll('th')].map((one) => one.textContent))"))
    first = json.loads(
        opened.run(f"JSON.stringify([...{place}.querySelector('tbody tr').cells].map((one) => one.textContent))")
    )
    assert float(first[names.index("pnl")]) == pytest.approx(trades["pnl"].iloc[0], rel=1e-7)
    opened.run(f"{place}.querySelector('.after').click()")
    assert text(opened, "#table-trades .pages span").startswith("21 to 40 of ")

    opened.run(
        f"const input = {place}.querySelector('input'); input.value = 'pnl>0 side=short'; "
        "input.dispatchEvent(new Event('input'))"
    )
    won = trades[(trades["pnl"] > 0) & (trades["side"] == "short")]
    opened.wait(f"{place}.querySelector('.count').textContent.startsWith('{len(won):,} of ')")
    copied = after(opened, "copied", f"{place}.querySelector('.copy').click()")
    head, *lines = copied.strip().split("\n")
    at = head.split(",").index("pnl")
    assert [float(line.split(",")[at]) for line in lines] == won["pnl"].tolist()


def test_a_figure_that_never_ends_or_fails_is_words_and_all_else_is_there(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import plotly.graph_objects as go

    registry.figures()
    known = registry._KNOWN
    monkeypatch.setattr(registry, "_KNOWN", {})
    maps = {"tiles": go.Scattermap(lat=[1], lon=[2]), "outlines": go.Scattergeo(lat=[1], lon=[2])}
    for name, trace in {**maps, "endless": go.Bar(x=["a"], y=[1])}.items():
        registry.figure(name, "where it was")(lambda _, trace=trace: go.Figure(trace))
    monkeypatch.setattr(registry, "_KNOWN", {**registry._KNOWN, **known})

    page = minutes(tmp_path / "run", 900).report(tmp_path / "maps.html")
    never = (
        "await withPlotly(); const real = Plotly.newPlot; Plotly.newPlot = (div, ...more) => "
        "(div.closest('#figure-endless') ? new Promise(() => {}) : real(div, ...more));"
    )
    page.write_text(page.read_text(encoding="utf-8").replace("await withPlotly();", never), encoding="utf-8")
    browser.look(width=WIDE)
    browser.open(page, ready="document.querySelectorAll('#table-orders tbody tr').length === 20")
    browser.wait("document.documentElement.dataset.ready === 'yes'")
    assert text(browser, "#figure-endless .plot") == "Not drawn: plotly has not drawn it in 8 s"
    for name in maps:
        said = text(browser, f"#figure-{name} .plot")
        assert said.startswith("Not drawn: ") and "This page asks no host for anything" in said
    figures = browser.run("backbus.told.figures.filter((one) => one.spec).length")
    assert browser.run("backbus.shown.length") == figures - 3 > 8
    assert not [one for one in browser.events if one.get("method") == "Runtime.exceptionThrown"]
    failed = [one["params"] for one in browser.events if one.get("method") == "Network.loadingFailed"]
    assert len(browser.asked()) == sum(one.get("blockedReason") == "csp" for one in failed)


def test_no_text_of_a_copied_table_is_a_formula(opened: Browser) -> None:
    texts = ["=cmd|'/c calc'!A0", "+a", "-12.5 %", "@a", "\t=1", "\r=1", "plain, and -"]
    script = (
        f"const one = {{ name: '=n', as: 'texts', shown: 'word' }}; const texts = {json.dumps(texts)}; "
        "const made = Object.create(Object.getPrototypeOf(backbus.tables.get('orders'))); "
        "const number = { name: 'n', as: 'whole', shown: 'number' }; "
        "made.spec = { columns: [one, number] }; made.rows = texts.keys().toArray(); "
        "made.values = { '=n': texts, n: texts.map(() => -1) }; made.csv()"
    )
    told = opened.run(f"(() => {{ {script.replace('made.csv()', 'return made.csv();')} }})()")
    assert told.split("\n") == [
        "'=n,n",
        "'=cmd|'/c calc'!A0,-1",
        "'+a,-1",
        "-12.5 %,-1",
        "'@a,-1",
        "'\t=1,-1",
        '"\'\r=1",-1',
        '"plain, and -",-1',
        "",
    ]


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_is_readable_on_a_phone_and_in_the_dark_and_follows_the_system(
    browser: Browser, page: Path, width: int
) -> None:
    browser.look(width=width, height=844)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= width
    widest = "Math.max(...[...document.querySelectorAll('.plot')].map((one) => one.getBoundingClientRect().right))"
    assert browser.run(widest) <= width
    words = "Math.min(...[...document.querySelectorAll('#luck td:last-child')].map((one) => one.clientWidth))"
    assert browser.run(words) > 200
    for dark in (False, True):
        browser.look(width=width, height=844, dark=dark)
        theme = THEMES["dark" if dark else "light"]
        browser.wait(f"document.querySelector('#figure-equity .plot').layout.font.color === '{theme['text']}'")
        ground, ink = (browser.run(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
        brightness = [sum(map(int, re.findall(r"\d+", one)[:3])) for one in (ground, ink)]
        assert (brightness[0] < brightness[1]) == dark and abs(brightness[0] - brightness[1]) > 300


def test_no_legend_lies_on_what_names_an_axis_on_a_phone(browser: Browser, page: Path) -> None:
    browser.look(width=NARROW, height=844)
    browser.open(page)
    over = (
        "JSON.stringify([...document.querySelectorAll('.figure')].filter((one) => { "
        "const boxes = (name) => [...one.querySelectorAll(name)].map((each) => each.getBoundingClientRect()); "
        "return boxes('.legend').some((a) => boxes('.g-xtitle text').some((b) => "
        "a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)); }).map((one) => one.id))"
    )
    assert json.loads(browser.run(over)) == []
    assert browser.run("document.querySelectorAll('.g-xtitle text').length") > 3


def test_it_prints_whole_figures_and_says_which_rows_are_left_out(opened: Browser, tmp_path: Path, run: Result) -> None:
    opened.paper(tmp_path / "page.pdf")
    pages = len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "page.pdf").read_bytes()))
    assert pages > 5
    opened.look(width=WIDE, dark=True)
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    drawn = (
        "(({ width, font }) => `${width} ${font.color}`)(document.querySelector('#figure-equity .plot')._fullLayout)"
    )
    assert opened.run(drawn) == f"690 {THEMES['light']['text']}"
    left = opened.run("document.querySelector('#table-fills .left').textContent")
    fills = run.count("fills")
    assert left == f"On paper are 100 of {fills:,} rows; {fills - 100:,} are left out."


def test_a_browser_that_cannot_unpack_says_so_and_still_tells_the_figures(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.html"
    old.write_text(
        page.read_text(encoding="utf-8").replace("<head>", "<head><script>delete window.DecompressionStream</script>")
    )
    browser.look(width=WIDE)
    browser.open(old, ready="!document.getElementById('old').hidden")
    assert "lacks DecompressionStream" in text(browser, "#old")
    assert "Total return" in text(browser, ".tiles")


def test_long_prices_without_room_say_so(
    browser: Browser, run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backbus.report.series.ROOM", 100)
    page = dataclasses.replace(run).report(tmp_path / "no_room.html")
    browser.look(width=WIDE)
    browser.open(page)
    zoom(browser, "equity", *run.column("equity", "time").astype("M8[ns]")[[4000, 4060]])
    assert "This file has no single points of them" in scale(browser, "equity")
    y = trace_of(browser, "equity", "equity")["y"]
    equity = run.column("equity", "equity")[4000:4061]
    assert min(y) <= equity.min() + 0.01 and max(y) >= equity.max() - 0.01


def test_what_is_held_deflates(page: Path) -> None:
    own = re.sub(
        r'<script type="application/octet-stream" id="plotly">.*?</script>', "", page.read_text(encoding="utf-8")
    )
    assert len(own) < 1_200_000 and zlib.compress(own.encode())
