"""Old names: each is refused by an error that names the new one, and what a version before has written is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backbus import Result, explain, renamed
from backbus.errors import JobError, UsageError
from backbus.job.job import Job
from backbus.performance.tables import TABLES
from backbus.runs.folder import Ran
from backbus.runs.tables import Tables
from backbus.strategy.order_terms import TERMS
from backbus.sweep.files import SUMMARY_FILE
from backbus.sweep.results import load_summary

RAN = Ran("local", "2024-01-01T00:00:00.000+00:00", 0.0)
OLD_JOB = {"strategy": {"use": "SmaCross"}, "execution": {"trail_by": "extremes"}}
IS_NOW = r"execution\.trail_by: 'extremes' is called 'high_low' now"


def test_every_new_name_of_a_term_is_one() -> None:
    assert set(renamed.TERMS.values()) <= set(TERMS)
    assert not set(renamed.TERMS) & set(TERMS)


def test_an_old_value_in_a_job_is_refused_with_the_new_one(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=IS_NOW):
        Job.parse(OLD_JOB)
    path = tmp_path / "job.toml"
    path.write_text('strategy.use = "SmaCross"\n[execution]\ntrail_by = "extremes"\n')
    with pytest.raises(JobError, match=rf"job\.toml:3: {IS_NOW}"):
        Job.load(path)
    path.write_text('strategy.use = "SmaCross"\n')
    with pytest.raises(JobError, match=IS_NOW):
        Job.load(path, overrides=["execution.trail_by=extremes"])


@pytest.mark.parametrize("value", ["lows", ["extremes"], {"extremes": 1}, 7])
def test_a_value_that_never_was_one_is_refused_as_ever(value: Any) -> None:
    with pytest.raises(JobError, match=r"execution\.trail_by: must be 'high_low' or 'close'"):
        Job.parse({"strategy": {"use": "SmaCross"}, "execution": {"trail_by": value}})


def test_a_job_that_a_version_before_kept_is_brought_to_todays_names() -> None:
    kept = Job.parse({"strategy": {"use": "SmaCross"}}).plain()
    kept["execution"]["trail_by"] = "extremes"
    assert Job.parse(renamed.job_of_before(kept)).execution.trail_by == "high_low"
    assert kept["execution"]["trail_by"] == "extremes"
    today = Job.parse({"strategy": {"use": "SmaCross"}, "execution": {"trail_by": "close"}}).plain()
    assert renamed.job_of_before(today) == today
    assert renamed.job_of_before({"strategy": {"use": "SmaCross"}}) == {"strategy": {"use": "SmaCross"}}


def test_the_summary_of_a_sweep_of_before_is_read(tmp_path: Path) -> None:
    (tmp_path / SUMMARY_FILE).write_text(json.dumps({"best": None, "points": 4, "job": OLD_JOB}))
    summary = load_summary(tmp_path)
    assert Job.parse(summary["job"]).execution.trail_by == "high_low"
    assert (summary["best"], summary["points"]) == (None, 4)


def test_an_old_name_of_a_table_is_refused_with_the_new_one(tmp_path: Path) -> None:
    report: Any = None
    result = Result("1", report, Tables({"order_ends": tmp_path, "fills": tmp_path}), RAN)
    for old, new in renamed.TABLES.items():
        assert new in TABLES
        with pytest.raises(UsageError, match=f"^{old} is called {new} now$"):
            result.frame(old)
    with pytest.raises(UsageError, match=r"there is no table 'fees'; there are order_ends, fills$"):
        result.frame("fees")
    with pytest.raises(UsageError, match=r"there is no table 'fills'; none were kept: leave tables=False out$"):
        Result("1", report, Tables({}), RAN).frame("fills")


def test_a_table_of_a_run_of_before_can_be_read_by_the_name_that_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tick": [1, 2]}), tmp_path / "ends.parquet")
    report: Any = None
    result = Result("1", report, Tables({"ends": tmp_path / "ends.parquet"}), RAN)
    assert result.frame("ends")["tick"].tolist() == [1, 2]


def test_a_run_of_before_is_not_explained_but_told_what_to_do(tmp_path: Path) -> None:
    for name in ("equity", "orders", "fills", "ends", "signals", "bookings", "trades"):
        (tmp_path / f"{name}.parquet").touch()
    with pytest.raises(JobError, match=r"ends\.parquet is called order_ends\.parquet now; run the job again, or give"):
        explain(tmp_path)
