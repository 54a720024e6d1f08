"""The job and the functions of docs/models.md run as they stand, and use all that the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from backbus import run
from backbus.job.job import Job
from backbus.trading.own_models import Beforehand, Charged, Deal, Holding, Wish
from tests.unit.panels import panel_of

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


def shown(language: str) -> str:
    """The one block of the page in a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


def test_the_job_of_the_page_runs_with_its_functions(tmp_path: Path) -> None:
    (tmp_path / "my_strategy.py").write_text(shown("python"), encoding="utf-8")
    (tmp_path / "job.toml").write_text(shown("toml"), encoding="utf-8")
    job = Job.load(tmp_path / "job.toml")
    assert {own.kind for own in job.own_models()} == {"slippage", "commission", "sizing", "margin"}
    draw = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 0.02, (300, 2)), axis=0))
    market = panel_of(close, close * 1.01, close * 0.99, close, close * 0.0 + 5000.0)
    report = run(job, market, tables=False).summary
    assert report.counts.fills > 20
    other = Job.load(tmp_path / "job.toml", overrides=["execution.slippage.parameters.quiet=0.01"])
    assert run(other, market, tables=False).summary.fingerprint != report.fingerprint


def test_the_page_names_every_number_that_a_function_is_told() -> None:
    for group in (Deal, Charged, Wish, Holding, Beforehand):
        for name in group._fields:
            assert f"`{name}`" in PAGE, (group.__name__, name)
