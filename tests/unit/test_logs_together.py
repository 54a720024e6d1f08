"""What services wrote is shown in the order of time over all of them, in one format."""

from __future__ import annotations

import datetime

from backbus.stack.logs import by_time, told

ORCHESTRATOR = [
    "2026-11-29T10:00:01.000000Z [info     ] accepted                       job=4397",
    "2026-11-29T10:00:03.000000Z [error    ] fault                          job=4397",
    "Traceback (most recent call last):",
    "ValueError: no",
    "2026-11-29T10:00:05.000000Z [info     ] done                           job=4397",
]
STRATEGY = [
    '{"event": "begun", "service": "strategy", "level": "info", "timestamp": "2026-11-29T10:00:02.500000Z"}',
    '{"event": "over", "service": "strategy", "level": "info", "timestamp": "2026-11-29T10:00:04.000000Z"}',
]


def test_lines_are_in_the_order_of_time_and_a_traceback_stays_with_its_line() -> None:
    found = by_time({"orchestrator": ORCHESTRATOR, "strategy": STRATEGY}, 50)
    assert [(one.service, one.text) for one in found] == [
        ("orchestrator", ORCHESTRATOR[0]),
        ("strategy", STRATEGY[0]),
        *(("orchestrator", line) for line in ORCHESTRATOR[1:4]),
        ("strategy", STRATEGY[1]),
        ("orchestrator", ORCHESTRATOR[4]),
    ]
    assert [one.text for one in by_time({"orchestrator": ORCHESTRATOR, "strategy": STRATEGY}, 2)] == [
        STRATEGY[1],
        ORCHESTRATOR[4],
    ]
    assert by_time({"strategy": STRATEGY}, 0) == []


def test_the_supervisor_s_lines_are_told_like_the_others() -> None:
    at = datetime.datetime(2026, 11, 29, 10, 0, 2, 250_000, tzinfo=datetime.UTC)
    local = at.astimezone().strftime("%Y-%m-%d %H:%M:%S,250")
    line = told("supervisor", f"{local} WARN exited: strategy (exit status 1; not expected)")
    assert line.time == "2026-11-29T10:00:02.250000Z"
    assert line.text == "2026-11-29T10:00:02.250000Z [warning  ] exited: strategy (exit status 1; not expected)"
    spawned = f"{local} INFO spawned: 'strategy' with pid 7"
    found = by_time({"supervisor": [spawned], "orchestrator": ORCHESTRATOR[:2]}, 50)
    assert [one.service for one in found] == ["orchestrator", "supervisor", "orchestrator"]
