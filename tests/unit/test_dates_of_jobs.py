"""Dates in a job are what is written, wherever the job goes; numbers are none."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from backbus.job.parsing import override_field

USE = {"use": "SmaCross"}
NEW_YORK = timezone(timedelta(hours=-5))


def job(end: Any) -> Job:
    return Job.parse({"data": {"files": "A.csv", "end": end}, "strategy": USE})


def simulated(start: Any) -> Job:
    path = {"model": "gbm", "volatility": 0.2}
    simulator = {"rows": 5, "start": start, "assets": [{"symbol": "A", "path": path}]}
    return Job.parse({"simulator": simulator, "strategy": USE})


@pytest.mark.parametrize(
    "end",
    [
        date(2024, 1, 5),
        datetime(2024, 1, 5),
        datetime(2024, 1, 5, tzinfo=UTC),
        datetime(2024, 1, 5, tzinfo=NEW_YORK),
        datetime(2024, 1, 5, 9, 30),
        datetime(2024, 1, 5, 9, 30, 0, 250_000, tzinfo=NEW_YORK),
    ],
)
def test_a_job_that_was_sent_ends_where_it_did_before(end: date) -> None:
    sent = Job.parse(json.loads(job(end).model_dump_json()))
    assert (type(sent.data.end), sent.data.end) == (type(end), end)
    assert type(job(str(end)).data.end) is type(end)


@pytest.mark.parametrize("written", [20240101, "20240101", 2024, "2024", 1704067200, "1704067200", 2024.0, True, "now"])
def test_what_is_no_date_is_not_taken_for_seconds_since_1970(written: Any) -> None:
    with pytest.raises(JobError, match=r"^data\.end: must be a date, as 2024-01-31, or a date and time, as .*, not "):
        job(written)
    with pytest.raises(JobError, match=r"^simulator\.start: must be a date, as 2024-01-31, not "):
        simulated(written)


def test_a_date_that_is_none_of_the_calendar_is_refused_by_its_own_name() -> None:
    with pytest.raises(JobError, match=r"^data\.end: month must be in 1\.\.12 \(it is '2024-13-01'\)"):
        job("2024-13-01")
    fields: dict[str, Any] = {"data": {"files": "A.csv"}, "strategy": USE}
    override_field(fields, "data.end=2024-01-31 09:30")
    assert Job.parse(fields).data.end == datetime(2024, 1, 31, 9, 30)


def test_what_must_be_a_list_is_told_so() -> None:
    with pytest.raises(JobError, match=r"^data\.header: must be a list, not 'date,open'$"):
        Job.parse({"data": {"files": "A.csv", "header": "date,open"}, "strategy": USE})
