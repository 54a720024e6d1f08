"""What a job's own mistakes are told to become: it is written as the message says, and the job is read."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from backbus.errors import JobError
from backbus.job.job import Job
from tests.unit.advice_of_settings import ALL, GONE, STRATEGY, Refused


def fields_of(case: Refused) -> dict[str, Any]:
    return {**STRATEGY, **copy.copy(dict(case.job))}


def changed(fields: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """The fields with another value of one, or without it."""
    name, _, rest = dotted.partition(".")
    found = dict(fields)
    if rest:
        found[name] = changed(dict(found.get(name, {})), rest, value)
    elif value is GONE:
        found.pop(name, None)
    else:
        found[name] = value
    return found


def message_of(case: Refused) -> str:
    """What the job is refused by."""
    with pytest.raises(JobError) as refused:
        Job.parse(fields_of(case))
    return str(refused.value)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.says[:40])
def test_a_job_that_is_mended_as_its_error_says_is_read(case):
    assert re.search(case.says, message_of(case))
    fields = fields_of(case)
    for dotted, value in case.helps.items():
        fields = changed(fields, dotted, value)
    Job.parse(fields)
