# ruff: noqa: E501  (a wrong setting and what is said of it stand in one line)
"""Whole markets: any cut, any company, correlation, a day's shape, files, and bad input."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backbus.api.run import run
from backbus.data import write_csv
from backbus.engine.inputs import open_inputs
from backbus.errors import DataError, JobError, UsageError
from backbus.job.job import Job
from backbus.market.columns import FIELDS
from backbus.market.panel import whole
from backbus.market.timeframes import DAY_NS
from backbus.simulator import Market
from tests.processes import ROOT
from tests.unit.mixed_market import GBM, HESTON, HISTORY, WHOLE, digest
from tests.unit.simulated import market, near, returns, same, settings


@pytest.mark.slow
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


def test_plain_python_makes_the_same_bars(plain_python):
    assert plain_python("tests.unit.mixed_market", "digest") == digest()


@pytest.mark.slow
def test_after_the_warm_up_no_market_compiles_anything():
    command = [sys.executable, "-m", "tests.unit.mixed_market"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=True)
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
    assert year._clock.bars_per_year == 251.55 * 6


# --- bad input ------------------------------------------------------------------------------------------------------


def job(path=GBM, data=None, **fields):
    fields = {"rows": 100, "assets": [{"symbol": "A", "path": path}], **fields}
    return Job.parse({"simulator": fields, "strategy": {"use": "SmaCross"}, **({} if data is None else {"data": data})})


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"path": {**GBM, "volatility": -0.1}}, "simulator.assets.0.path.volatility", "greater than or equal to 0"),
        ({"path": {"model": "gmb"}}, "simulator.assets.0.path", "unknown model; did you mean 'gbm'? choose one of"),
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


@pytest.mark.slow
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
    assert run(read, tables=False).summary.fingerprint == run(made, tables=False).summary.fingerprint
    with pytest.raises(UsageError, match=r"A\.csv is there already"):
        write_csv(Market(made.simulator), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_no_link_is_followed_where_a_market_is_written(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "prices").mkdir()
    (tmp_path / "prices" / ".A.csv.part").symlink_to(victim)
    write_csv(Market(job(assets=[{"symbol": "A", "path": GBM}], rows=3).simulator), tmp_path / "prices")
    assert victim.read_text() == "mine"
    assert len((tmp_path / "prices" / "A.csv").read_text().splitlines()) == 4
