"""A universe as strategies see it: who is ranked, what looks ahead, and sweeps that are the runs that they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from backbus.api.run_sweep import run_sweep
from backbus.engine.check import check_strategy
from backbus.engine.run import Engine
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.market.timeframe_ends import framed
from backbus.strategy import BUILTINS, Strategy
from backbus.strategy.builtins import CrossSectionalMomentum, SmaCross
from backbus.strategy.futures import FUTURES, shaken, synthetic_panel
from backbus.trading.records import Records
from tests.unit.order_market import QUIET, bars, job_of, play
from tests.unit.universes import chosen

ROWS, ASSETS = 300, 4


def market(leaving: str = "close", rows: int = ROWS) -> Panel:
    """Assets that come and go at different times."""
    made = synthetic_panel(rows, ASSETS)
    row, asset = np.arange(rows)[:, None], np.arange(ASSETS)[None, :]
    return chosen(made, ((row // (20 + 7 * asset)) % 3 != 1).astype(float), leaving)


@pytest.mark.parametrize("leaving", ["close", "keep"])
@pytest.mark.parametrize("strategy", [SmaCross(fast=3, slow=8), CrossSectionalMomentum(period=5, top=2, every=3)])
def test_honest_strategies_over_a_universe_are_never_accused(strategy, leaving):
    checked = check_strategy(strategy, market(leaving))
    assert checked.finding is None
    assert checked.signals > 10


class Peeks(Strategy):
    """Buys who will be a member ten rows later."""

    lookback: ClassVar[int] = 1

    def signals(self, bars: Any) -> Records:
        members = bars.members.values
        later = np.concatenate((members[10:], members[-10:]))[: len(members)]
        return self.target_weights(np.where(later, 0.1, 0.0))


def test_a_strategy_that_looks_at_who_will_be_in_is_found():
    checked = check_strategy(Peeks(), market("keep"))
    assert checked.finding is not None
    assert (checked.finding.kind, checked.finding.ahead) == ("look-ahead", 10)


@pytest.mark.parametrize("name", FUTURES)
def test_other_futures_have_other_members_from_the_cut_on_alone(name):
    panel = market()
    other = FUTURES[name](panel, 200, 1)
    now, then = panel.block.extra["member"], other.block.extra["member"]
    np.testing.assert_array_equal(now[:200], then[:200])
    assert (now[200:] != then[200:]).any()
    assert set(np.unique(then)) <= {0.0, 1.0}
    np.testing.assert_array_equal(shaken(panel, 1).block.extra["member"], now)


def test_ranks_are_among_members_and_by_bars_of_any_length():
    seen: list[Any] = []

    class Ranks(Strategy):
        def signals(self, bars: Any) -> Records:
            seen.append((bars.close.rank().values, bars.every("1w").close.rank().values, bars.members.values))
            return self.hold_long(bars.close < 0.0)

    panel = market(rows=60)
    source = framed(panel, ["1w"])
    job = Job.parse({"strategy": {"use": "None"}, "data": {"timeframes": "1w"}, "run": {"block": 1000}})
    Engine(job, source, Ranks()).run()
    ranks, weekly, members = seen[0]
    np.testing.assert_array_equal(members, panel.block.extra["member"] == 1.0)
    close = panel.block.close
    np.testing.assert_array_equal(np.isnan(ranks), ~members | np.isnan(close))
    for row in range(60):
        inside = members[row] & ~np.isnan(close[row])
        expected = pd.Series(close[row][inside]).rank(method="first").to_numpy()
        np.testing.assert_array_equal(ranks[row][inside], expected)
    assert weekly.shape[1] == ASSETS
    assert np.nanmax(weekly) <= ASSETS


def test_without_a_universe_all_are_members():
    seen: list[Any] = []

    class Looks(Strategy):
        def signals(self, bars: Any) -> Records:
            seen.append(bars.members.values.all())
            return self.hold_long(bars.members)

    ten = {"sizing": {"model": "fixed_quantity", "quantity": 10.0}}
    told = play(bars(*[[QUIET, QUIET]] * 3), Looks(), job_of(ten))
    assert all(seen)
    assert {asset for _, _, asset, _, _ in told.fills} == {"A", "B"}


def prices(folder: Path) -> None:
    days = pd.bdate_range("2024-01-01", periods=80)
    for at, symbol in enumerate("ABC"):
        rng = np.random.default_rng(at)
        close = 100.0 * np.exp(rng.normal(0.0, 0.02, len(days)).cumsum())
        frame = pd.DataFrame({"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 1e6})
        frame.insert(0, "date", days.strftime("%Y-%m-%d"))
        frame.to_csv(folder / f"{symbol}.csv", index=False)
    (folder / "members.csv").write_text(
        "symbol,from,to\nA,2024-01-01,2024-02-03\nA,2024-03-04,\nB,2024-01-22,\nC,2024-01-01,2024-03-09\n"
    )


@pytest.mark.parametrize("leaving", ["close", "keep"])
def test_a_point_of_a_sweep_is_its_own_run(tmp_path, leaving):
    from backbus.api.run import run

    prices(tmp_path)
    fields: dict[str, Any] = {
        "data": {"files": "*.csv", "universe": "members.csv", "leaving": leaving},
        "strategy": {"use": "SmaCross", "fast": 2, "slow": 5},
        "portfolio": {"sizing": {"model": "equal_weight"}},
    }
    job = Job.parse({**fields, "sweep": {"parameters": {"strategy.fast": [2, 3], "strategy.slow": [5, 8]}}})
    job.come_from(tmp_path)
    swept = run_sweep(job, folder=tmp_path / "out", workers=1)
    lines = swept.tables.read("table").to_pylist()
    assert len(lines) == 4
    for line in lines:
        own = {"use": "SmaCross", "fast": int(line["strategy.fast"]), "slow": int(line["strategy.slow"])}
        alone = Job.parse({**fields, "strategy": own})
        alone.come_from(tmp_path)
        result = run(alone, tables=False)
        assert line["fingerprint"] == result.fingerprint
        assert result.summary.counts.fills > 5


def test_who_leaves_on_a_saturday_is_out_on_monday(tmp_path):
    from backbus.data import load_panel
    from backbus.job.data import DataSettings

    prices(tmp_path)
    settings = DataSettings(files=("*.csv",), universe="members.csv")
    panel = load_panel(settings, {name: tmp_path / name for name in ("A.csv", "B.csv", "C.csv", "members.csv")})
    days = panel.block.session.astype("M8[D]").astype(str).tolist()
    member = panel.block.extra["member"][:, 0]
    assert member[days.index("2024-02-02")] == 1.0  # a Friday; the spell ends on Saturday
    assert member[days.index("2024-02-05")] == 0.0
    assert member[days.index("2024-03-04")] == 1.0


def test_no_built_in_is_offered_who_is_out():
    assert BUILTINS
    for strategy in (SmaCross(fast=2, slow=4), CrossSectionalMomentum(period=3, top=1, every=2)):
        told = play(market(rows=80), strategy, job_of({"sizing": {"model": "equal_weight"}}))
        member = market(rows=80).block.extra["member"]
        for row, _, asset, quantity, _ in told.fills:
            if quantity > 0.0 and not any(one[0] == row and one[2] == asset and one[3] < 0.0 for one in told.fills):
                assert member[row, int(asset[1:])] == 1.0
        assert not told.report.counts.refused_because
