"""Every example of a market: one answer here, on the stack, and in any blocks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backbus import Job, run
from tests.acceptance.golden import EXAMPLES, report_here

if TYPE_CHECKING:
    from tests.stacks import Stack

AT_THE_TOP = (
    "brackets.toml",
    "calendar.toml",
    "dollar_bars.toml",
    "margin_pairs.toml",
    "multi_timeframe.toml",
    "own_models.toml",
    "rebalance_500.toml",
    "splits_and_dividends.toml",
)
SIMULATED = sorted(
    str(path.relative_to(EXAMPLES)) for kind in ("simulated", "scenarios") for path in (EXAMPLES / kind).glob("*.toml")
)


def test_there_is_an_example_of_each_model_and_each_scenario() -> None:
    from backbus.job import simulator

    models = {simulator.RandomWalk, simulator.Gbm, simulator.Merton, simulator.Heston, simulator.Garch}
    models |= {simulator.OrnsteinUhlenbeck, simulator.RegimeSwitching, simulator.Bootstrap, simulator.History}
    tags = {model.model_fields["model"].annotation.__args__[0] for model in models}
    assert tags <= {Path(name).stem for name in SIMULATED}
    scenarios = {each.scenario for name in SIMULATED for each in Job.load(EXAMPLES / name).simulator.scenarios}
    assert len(scenarios) == 13


@pytest.mark.parametrize("name", [*AT_THE_TOP, *SIMULATED])
def test_an_example_has_one_answer(examples: Path, stack: Stack, tmp_path: Path, name: str) -> None:
    here = report_here(name)
    assert here.counts.fills >= 4
    cut = Job.load(examples / name, overrides=["run.block=97"])
    assert run(cut, tables=False).summary == here
    with stack.client() as client:
        job = Job.load(examples / name, overrides=["run.block=100", "run.window=300"])
        result = client.run(job, fresh=True, folder=tmp_path)
    assert result.summary == here
    assert (result.mode, result.attempts) == ("stack", 1)
