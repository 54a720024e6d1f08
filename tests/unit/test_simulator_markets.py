# ruff: noqa: E501  (a wrong setting and what is said of it stand in one line)
"""Whole markets: any cut, any company, correlation, a day's shape, scenarios, history, and bad input."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import strategy_market as sm
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from simulated import market, near, returns, same, settings

from backbus.api.run import run
from backbus.data import write_csv
from backbus.engine.inputs import open_inputs
from backbus.errors import DataError, JobError, UsageError
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.panel import whole
from backbus.market.timeframes import DAY_NS
from backbus.simulator import Market

GBM = {"model": "gbm", "drift": 0.1, "volatility": 0.3}
HESTON = {"model": "heston", "volatility": 0.3, "reversion": 2.0, "volatility_of_variance": 0.5}
MIXED = (
    GBM,
    {"model": "merton", "volatility": 0.2, "jumps": 20.0, "jump_deviation": 0.1},
    HESTON,
    {"model": "garch", "volatility": 0.2, "alpha": 0.1, "beta": 0.8},
    {"model": "ornstein_uhlenbeck", "reversion": 2.0, "volatility": 0.2},
    {"model": "regimes", "regimes": [{"volatility": 0.1, "rows": 9}, {"volatility": 0.4, "rows": 5}]},
    {"model": "random_walk", "volatility": 0.2},
    {"model": "bootstrap", "of": "A", "block": 7},
    {"model": "bootstrap", "of": "B", "block": 7},
)
EVENTS = [
    {"scenario": "crash", "row": 20, "rows": 10, "depth": 0.4, "recovery": 15, "symbols": "A"},
    {"scenario": "flash_crash", "row": 50, "depth": 0.1, "rows": 3},
    {"scenario": "bubble", "row": 60, "rows": 10, "height": 1.0, "burst": 5},
    {"scenario": "trend", "row": 60, "rows": 50, "change": -0.2, "symbols": ["B", "C"]},
    {"scenario": "range", "row": 90, "rows": 60, "width": 0.05},
    {"scenario": "volatility_shock", "row": 100, "rows": 40, "factor": 3.0, "fades": True},
    {"scenario": "gap", "row": 120, "size": -0.1},
    {"scenario": "drought", "row": 130, "rows": 10, "factor": 0.1, "impact": 2.0},
    {"scenario": "halt", "row": 150, "rows": 12, "symbols": "D"},
    {"scenario": "price_limits", "row": 160, "rows": 30, "limit": 0.01},
    {"scenario": "correlation", "row": 165, "rows": 20, "value": 0.9},
    {"scenario": "delisting", "row": 180, "final": 0.5, "symbols": "E"},
    {"scenario": "replay", "row": 170, "rows": 10, "of": "B", "since": "1970-01-09", "symbols": "F"},
]
HISTORY = sm.market(60, 2, seed=3)
ALL = settings(*MIXED, rows=200, correlation={"every": 0.3}, scenarios=EVENTS, interval="1h", seed=9)
WHOLE = Market(ALL, HISTORY)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=6), st.integers(1, 220))
@hypothesis_settings(max_examples=40, deadline=None)
def test_the_cut_into_blocks_changes_nothing(sizes, size):
    blocks = list(WHOLE.blocks(size))
    assert same(blocks, [whole(WHOLE).block])
    walk, first, pieces = WHOLE._walk(), 0, []
    for length in [*sizes, 200]:
        if first < 200:
            pieces.append(walk.block(first, min(first + length, 200)))
            first = min(first + length, 200)
    assert same(pieces, blocks)


def test_plain_python_makes_the_same_bars(tmp_path):
    program = """
import sys, hashlib
sys.path.insert(0, sys.argv[1])
import test_simulator_markets as t
print(hashlib.sha256(b"".join(getattr(b, f).tobytes() for b in t.WHOLE.blocks(64) for f in t.FIELDS)).hexdigest())
"""
    found = set()
    for disabled in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, str(Path(__file__).parent)],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
            cwd=tmp_path,
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_after_the_rehearsal_no_market_compiles_anything():
    program = """
import sys, json
sys.path.insert(0, sys.argv[1])
from backbus.jit.decorators import LOOPS
from backbus.simulator.rehearsal import rehearse_market
rehearse_market()
mine = [l for l in LOOPS if l.__module__.startswith("backbus.simulator") and "fitting" not in l.__module__]
before = {l.__name__: len(l.signatures) for l in mine}
import test_simulator_markets as t
for size in (64, 1000):
    for block in t.WHOLE.blocks(size): pass
    for block in t.Market(t.settings(*t.MIXED[:3], rows=100, correlation={"loadings": [[0.5]] * 3})).blocks(size): pass
print(json.dumps([before, {l.__name__: len(l.signatures) for l in mine}]))
"""
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    before, after = json.loads(done.stdout)
    assert len(before) > 15 and set(before.values()) == {1}
    assert after == before


def test_assets_do_not_notice_who_comes_after_them():
    few, more = market(GBM, HESTON, rows=300), market(GBM, HESTON, GBM, rows=300)
    for name in FIELDS:
        assert getattr(few.block, name).tobytes() == np.ascontiguousarray(getattr(more.block, name)[:, :2]).tobytes()
    assert not np.array_equal(more.block.close[:, 0], more.block.close[:, 2])
    assert not np.array_equal(few.block.close, market(GBM, HESTON, rows=300, seed=1).block.close)


@pytest.mark.parametrize(
    "correlation",
    [
        {"every": 0.6},
        {"every": -0.3},
        {"matrix": [[1, 0.9, -0.5], [0.9, 1, -0.2], [-0.5, -0.2, 1]]},
        {"matrix": [[1, 1, 0], [1, 1, 0], [0, 0, 1]]},
        {"loadings": [[0.9, 0.1], [0.5, -0.5], [0.0, 0.9]]},
    ],
    ids=str,
)
def test_noises_hang_together_as_told(correlation):
    n = 40_000
    r = returns(
        market(GBM, GBM, {"model": "garch", "volatility": 0.3, "alpha": 0, "beta": 0}, rows=n, correlation=correlation)
    )
    found = np.corrcoef(r.T)
    if "every" in correlation:
        expected = np.full((3, 3), correlation["every"])
    elif "matrix" in correlation:
        expected = np.array(correlation["matrix"], dtype=float)
    else:
        loadings = np.array(correlation["loadings"])
        expected = loadings @ loadings.T
    for i, j in ((0, 1), (0, 2), (1, 2)):
        near(found[i, j], expected[i, j], (1 - expected[i, j] ** 2) / math.sqrt(n) + 1e-9)


def test_a_day_is_busier_at_its_ends():
    panel = market(
        GBM, rows=390 * 60, interval="1m", calendar="XNYS", bars_per_year=98280, intraday={"volume": 4, "volatility": 3}
    )
    volume = panel.block.volume[:, 0].reshape(-1, 390)
    r = returns(panel)[:, 0].reshape(-1, 390)
    near(volume.mean(), 1e6, 1e6 * 0.02)
    assert r.std() * math.sqrt(98280) == pytest.approx(0.3, rel=0.02)
    ends, middle = np.r_[0:20, 370:390], np.r_[185:205]
    assert r[:, ends].std() / r[:, middle].std() == pytest.approx(3.0 * 0.94, rel=0.08)
    assert volume[:, ends].mean() / volume[:, middle].mean() == pytest.approx(12.0 * 0.9, rel=0.1)


def test_bars_end_when_those_of_a_calendar_do():
    daily = market(GBM, rows=252, calendar="XNYS", start="2024-07-02")
    assert [str(np.datetime64(int(day), "D")) for day in daily.block.session[:3]] == [
        "2024-07-02",
        "2024-07-03",
        "2024-07-05",
    ]
    assert str(np.datetime64(int(daily.block.end[1]), "ns"))[:16] == "2024-07-03T17:00"  # half a day before the holiday
    hours = market(GBM, rows=20, interval="1h", calendar="XNYS", start="2024-07-02")
    per_day = np.unique(hours.block.session, return_counts=True)[1].tolist()
    assert per_day == [6, 3, 6, 5]
    always = market(GBM, rows=49, interval="30m", start="2024-02-29")
    assert (np.diff(always.block.end) == DAY_NS // 48).all() and always.block.session[-1] - always.block.session[0] == 1
    assert always.block.end[47] % DAY_NS == 0 and always.block.session[47] == always.block.session[0]
    year = Market(settings(GBM, bars_per_year=None, calendar="XNYS", interval="1h", rows=100))
    assert year._clock.bars_per_year == 252 * 6


# --- scenarios ------------------------------------------------------------------------------------------------------


def beside(scenario, *paths, rows=300, **fields):
    """A market without a scenario, and with it."""
    paths = paths or (GBM,)
    scenarios = scenario if isinstance(scenario, list) else [scenario]
    return market(*paths, rows=rows, **fields), market(*paths, rows=rows, scenarios=scenarios, **fields)


def ratio(plain, told, field="close"):
    return (getattr(told.block, field) / getattr(plain.block, field))[:, 0]


def test_a_crash_falls_as_deep_and_comes_back_as_far_as_told():
    found = ratio(*beside({"scenario": "crash", "row": 50, "rows": 10, "depth": 0.4, "recovery": 30, "recovered": 0.5}))
    assert found[:50] == pytest.approx(1) and found[59] == pytest.approx(0.6) and found[89:] == pytest.approx(0.8)
    assert (np.diff(found[49:60]) < 0).all() and (np.diff(found[60:90]) > 0).all()


@pytest.mark.parametrize("rows", [1, 5])
def test_a_flash_crash_is_over_by_the_close_that_was_told(rows):
    plain, told = beside({"scenario": "flash_crash", "row": 50, "depth": 0.2, "rows": rows})
    found = ratio(plain, told)
    assert found[:50] == pytest.approx(1) and found[49 + rows :] == pytest.approx(1)
    assert ratio(plain, told, "low")[50] < 0.83
    assert rows == 1 or found[50] == pytest.approx(0.8)
    assert told.block.volume[50, 0] > plain.block.volume[50, 0]


def test_a_bubble_rises_ever_faster_and_bursts():
    found = ratio(*beside({"scenario": "bubble", "row": 50, "rows": 100, "height": 1.0, "burst": 20, "collapse": 0.75}))
    assert found[149] == pytest.approx(2.0) and found[169:] == pytest.approx(1.25)
    rises = np.diff(np.log(found[49:150]))
    assert rises[-1] / rises[0] == pytest.approx(math.exp(3 * 0.99), rel=1e-6)


def test_a_trend_adds_up_to_what_was_told():
    found = ratio(*beside({"scenario": "trend", "row": 50, "rows": 100, "change": -0.5}))
    assert found[149:] == pytest.approx(0.5) and np.diff(np.log(found[49:150])) == pytest.approx(math.log(0.5) / 100)


def test_a_range_lets_nothing_out():
    plain, told = beside({"scenario": "range", "row": 50, "rows": 200, "width": 0.05})
    begin = told.block.close[49, 0]
    inside = slice(50, 250)
    assert (told.block.high[inside, 0] <= begin * 1.05 * (1 + 1e-9)).all()
    assert (told.block.low[inside, 0] >= begin * 0.95 * (1 - 1e-9)).all()
    assert returns(told)[251:] == pytest.approx(returns(plain)[251:])
    assert np.ptp(told.block.close[inside, 0]) > 0.07 * begin


@pytest.mark.parametrize("fades", [False, True])
def test_a_shock_makes_moves_as_large_as_told(fades):
    plain, told = beside({"scenario": "volatility_shock", "row": 50, "rows": 100, "factor": 3.0, "fades": fades})
    found = (returns(told) / returns(plain))[:, 0]
    expected = np.ones(300)
    expected[50:150] = 1 + 2 * (np.arange(100, 0, -1) / 100 if fades else 1.0)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_gap_is_one_between_two_bars():
    plain, told = beside({"scenario": "gap", "row": 50, "size": 0.1})
    assert told.block.open[50, 0] / told.block.close[49, 0] == pytest.approx(1.1)
    assert (told.block.low[50, 0] > told.block.close[49, 0] * 1.02).all()
    assert ratio(plain, told)[50:] == pytest.approx(1.1)


def test_a_drought_leaves_little_volume():
    plain, told = beside({"scenario": "drought", "row": 50, "rows": 20, "factor": 0.1, "impact": 2.0})
    assert (returns(told) / returns(plain))[50:70] == pytest.approx(2.0)
    assert ratio(plain, told, "volume")[50:70] == pytest.approx(0.2)  # moves twice as large bring twice the volume
    assert ratio(plain, told, "volume")[70:] == pytest.approx(1.0)


def test_a_halt_is_a_hole_that_prices_jump_over():
    plain, told = beside({"scenario": "halt", "row": 50, "rows": 10})
    for name in FIELDS:
        assert np.flatnonzero(np.isnan(getattr(told.block, name)[:, 0])).tolist() == list(range(50, 60))
    assert told.block.open[60, 0] == pytest.approx(plain.block.open[60, 0])
    assert told.block.close[60:] == pytest.approx(plain.block.close[60:])


def test_limits_stop_prices_where_they_were_told():
    shock = {"scenario": "volatility_shock", "row": 50, "rows": 100, "factor": 5.0}
    _, told = beside([shock, {"scenario": "price_limits", "row": 50, "rows": 100, "limit": 0.05}])
    before = told.block.close[49:149, 0]
    for name, low, high in (("high", 0.0, 0.05), ("low", -0.05, 0.0), ("close", -0.05, 0.05)):
        away = getattr(told.block, name)[50:150, 0] / before - 1
        assert away.max() == pytest.approx(high, abs=1e-9) and away.min() == pytest.approx(low, abs=1e-9)
    hours = market(
        GBM,
        rows=240,
        interval="1h",
        scenarios=[
            {**shock, "rows": 190, "row": 0, "factor": 30.0},
            {"scenario": "price_limits", "row": 0, "rows": 240, "limit": 0.1},
        ],
    )
    closes = hours.block.close[:, 0].reshape(10, 24)
    last = np.concatenate(([100.0], closes[:-1, -1]))
    away = closes / last[:, None] - 1
    assert away.max() == pytest.approx(0.1) and away.min() == pytest.approx(-0.1)


def test_a_delisted_asset_is_gone():
    plain, told = beside({"scenario": "delisting", "row": 200, "final": 0.6})
    assert np.isnan(told.block.close[200:]).all() and not np.isnan(told.block.close[:200]).any()
    assert ratio(plain, told)[:199] == pytest.approx(1) and ratio(plain, told)[199] == pytest.approx(0.4)


def test_what_held_together_falls_apart():
    scenarios = [
        {"scenario": "correlation", "row": 10_000, "rows": 10_000, "value": 0.95},
        {"scenario": "correlation", "row": 20_000, "rows": 10_000, "value": 0.0},
    ]
    r = returns(market(GBM, GBM, rows=40_000, correlation={"every": 0.5}, scenarios=scenarios))
    for begin, expected in ((0, 0.5), (10_000, 0.95), (20_000, 0.0), (30_000, 0.5)):
        near(np.corrcoef(r[begin : begin + 10_000].T)[0, 1], expected, (1 - expected**2) / 100)


def test_a_replay_moves_as_history_did_at_another_level():
    plain = market(GBM, rows=100)
    told = market(
        GBM,
        rows=100,
        scenarios=[{"scenario": "replay", "row": 30, "rows": 20, "of": "B", "since": "1970-01-11"}],
        history=HISTORY,
    )
    column = HISTORY.symbols.index("B")
    first = int(np.searchsorted(HISTORY.block.session, 10))
    then, now = HISTORY.block, told.block
    level = now.close[29, 0] / then.close[first - 1, column]
    for name in ("open", "high", "low", "close"):
        expected = getattr(then, name)[first : first + 20, column] * level
        assert getattr(now, name)[30:50, 0] == pytest.approx(expected)
    assert returns(told)[50:] == pytest.approx(returns(plain)[50:])


# --- history --------------------------------------------------------------------------------------------------------


def test_the_bootstrap_takes_blocks_of_real_bars():
    n = 40_000
    panel = market(
        {"model": "bootstrap", "of": "A", "block": 12},
        {"model": "bootstrap", "of": "B", "block": 12},
        rows=n,
        history=HISTORY,
    )
    then = HISTORY.block
    bars = np.log(
        np.column_stack(
            (then.high[1:] / then.close[:-1], then.low[1:] / then.close[:-1], then.close[1:] / then.close[:-1])
        )
    )
    now = panel.block
    found = np.log(
        np.column_stack((now.high[1:] / now.close[:-1], now.low[1:] / now.close[:-1], now.close[1:] / now.close[:-1]))
    )
    keys = {tuple(np.round(line, 9)): row for row, line in enumerate(bars)}
    rows = np.array([keys.get(tuple(np.round(line, 9)), -1) for line in found])
    first = rows < 0  # the first bar of history has no gap before it, and is no row of ``bars``
    assert first.mean() == pytest.approx(1 / 60, abs=0.005)
    goes_on = np.mean(np.diff(rows)[~first[1:] & ~first[:-1] & (rows[:-1] < 58)] == 1)
    chance = 1 - 1 / 12 * 59 / 60
    near(goes_on, chance, math.sqrt(chance * (1 - chance) / n))
    shares = np.bincount(rows[~first], minlength=59) / n
    assert shares == pytest.approx(np.full(59, 1 / 60), abs=0.007)


def test_history_is_what_it_was_at_another_level():
    panel = market({"model": "history", "of": "B"}, rows=50, history=HISTORY)
    then = HISTORY.block
    assert panel.block.end.tolist() == then.end[:50].tolist()
    level = 100.0 / then.open[0, 1]
    for name in ("open", "high", "low", "close"):
        assert getattr(panel.block, name)[:, 0] == pytest.approx(getattr(then, name)[:50, 1] * level)
    assert panel.block.volume[:, 0] == pytest.approx(then.volume[:50, 1] / np.nanmean(then.volume[:, 1]) * 1e6)


# --- bad input ------------------------------------------------------------------------------------------------------


def job(path=GBM, data=None, **fields):
    fields = {"rows": 100, "assets": [{"symbol": "A", "path": path}], **fields}
    return Job.parse({"simulator": fields, "strategy": {"use": "SmaCross"}, **({} if data is None else {"data": data})})


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"path": {**GBM, "volatility": -0.1}}, "simulator.assets.0.path.volatility", "greater than or equal to 0"),
        ({"path": {"model": "gmb"}}, "simulator.assets.0.path", "unknown model; choose one of"),
        ({"path": {**GBM, "volatilty": 1}}, "simulator.assets.0.path.volatilty", "did you mean 'volatility'"),
        ({"path": {"model": "garch", "volatility": 0.2, "alpha": 0.2, "beta": 0.8}}, "simulator.assets.0.path", "alpha + beta is 1: the variance has no long run"),
        ({"path": {"model": "regimes", "regimes": [{"volatility": 0.1}, {"volatility": 0.2}]}}, "simulator.assets.0.path", "regime 0 needs rows"),
        ({"path": {"model": "regimes", "regimes": [{"volatility": 0.1}] * 2, "transitions": [[1, 0.1], [0, 1]]}}, "simulator.assets.0.path", "line 0 of transitions"),
        ({"assets": [{"symbol": "A", "path": GBM}] * 2}, "simulator", "two assets are named 'A'"),
        ({"assets": []}, "simulator.assets", "at least 1 item"),
        ({"correlation": {"every": 0.1, "matrix": [[1]]}}, "simulator.correlation", "give one of"),
        ({"correlation": {"matrix": [[1, 0], [0, 1]]}}, "simulator", "1 lines of 1 numbers"),
        ({"assets": [{"symbol": "A", "copies": 3, "path": GBM}], "correlation": {"every": -0.6}}, "simulator", "the least is -0.5"),
        ({"assets": [{"symbol": "A", "copies": 3, "path": GBM}], "correlation": {"matrix": [[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]}}, "simulator", "not positive semi-definite (its least eigenvalue is -0.8)"),
        ({"assets": [{"symbol": "A", "copies": 2, "path": GBM}], "correlation": {"matrix": [[1, 0.9], [0.8, 1]]}}, "simulator", "not symmetric"),
        ({"assets": [{"symbol": "A", "copies": 2, "path": GBM}], "correlation": {"loadings": [[0.9], [1.1]]}}, "simulator", "line 1 of loadings"),
        ({"scenarios": [{"scenario": "crash", "row": 95, "rows": 10, "depth": 0.1}]}, "simulator", "scenarios.0 (crash) reaches row 104, but the last one is 99"),
        ({"scenarios": [{"scenario": "gap", "row": 5, "size": 0.1, "symbols": "B"}]}, "simulator", "scenarios.0 (gap) befalls 'B'"),
        ({"scenarios": [{"scenario": "crash", "row": 5, "rows": 5, "depth": 1.5}]}, "simulator.scenarios.0.depth", "less than 1"),
        ({"scenarios": [{"scenario": "gap", "row": 5, "size": 0.1, "sise": 1}]}, "simulator.scenarios.0.sise", "did you mean 'size'"),
        ({"interval": "7h"}, "simulator.interval", "divides a day"),
        ({"interval": "1 day"}, "simulator.interval", "such as 1d, 1h"),
        ({"rows": 0}, "simulator.rows", "greater than or equal to 1"),
        ({"data": {"files": "x.csv"}}, None, "nothing in it needs history: remove [data]"),
        ({"path": {"model": "history", "of": "A"}, "steps": 2}, "simulator", "steps must be at least 3"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
def test_bad_input_is_refused_before_anything_runs(fields, field, says):
    with pytest.raises(JobError) as refused:
        job(**fields)
    assert says in str(refused.value)
    assert refused.value.field == field


def test_what_history_lacks_is_told():
    bootstrap = {"model": "bootstrap", "of": "Z", "block": 5}
    for path, says in (
        (bootstrap, "the data has no symbol 'Z'; it has A, B"),
        ({"model": "history", "of": "A"}, "history has 60 rows"),
    ):
        with pytest.raises(JobError, match=says):
            market(path, rows=100, history=HISTORY)
    with pytest.raises(JobError, match="take bars from"):
        market(bootstrap, rows=100)
    replay = {"scenario": "replay", "row": 1, "rows": 50, "of": "A", "since": "1970-02-01"}
    with pytest.raises(JobError, match="bars of A from 1970-02-01 on, and 50 are to be replayed"):
        market(GBM, rows=100, scenarios=[replay], history=HISTORY)
    with pytest.raises(JobError, match="exchange_calendars knows no calendar 'XNYZ'"):
        market(GBM, calendar="XNYZ")


def test_a_price_that_leaves_the_numbers_is_an_error():
    with pytest.raises(DataError, match="symbol A: its simulated price leaves the range of numbers"):
        market({"model": "gbm", "drift": 900.0, "volatility": 0.1}, rows=1000)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"calendar": "XNYS"}, {}, {"interval": "1h", "start": "2024-03-08"}], ids=str)
def test_a_market_that_was_written_is_read_as_it_was(tmp_path, fields):
    halt = {"scenario": "halt", "row": 50, "rows": 12, "symbols": "B"}
    assets = [{"symbol": name, "path": GBM} for name in "ABC"]
    made = job(assets=assets, rows=300, scenarios=[halt], **fields)
    table = write_csv(Market(made.simulator), tmp_path, calendar=fields.get("calendar"))
    read = Job.parse({**made.plain(), "simulator": None, "data": table})
    read.come_from(tmp_path)
    panel, made_panel = (open_inputs(each).panel for each in (read, made))
    assert panel.layout == made_panel.layout
    assert same([panel.block], [made_panel.block])
    assert run(read, keep=False).report.fingerprint == run(made, keep=False).report.fingerprint
    with pytest.raises(UsageError, match=r"A\.csv is there already"):
        write_csv(Market(made.simulator), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
