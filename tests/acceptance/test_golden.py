"""Every example gives the answer that is written down: here, through the handlers, by processes and by a fleet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backbus import Job
from tests.acceptance.golden import (
    EXAMPLES,
    NAMES,
    SEARCHES,
    digests,
    expected,
    fingerprint_of_handlers,
    moved,
    report_here,
    search_here,
)

if TYPE_CHECKING:
    from tests.stacks import Stack

GOLDEN = expected()


pytestmark = pytest.mark.usefixtures("examples")


def test_every_example_is_written_down() -> None:
    assert sorted(GOLDEN) == NAMES
    assert [name for name, answer in GOLDEN.items() if "search" in answer] == SEARCHES


@pytest.mark.parametrize("name", NAMES)
def test_one_process_and_five_handlers_give_the_fingerprint_that_is_written_down(name: str) -> None:
    assert report_here(name).fingerprint == GOLDEN[name]["fingerprint"]
    assert fingerprint_of_handlers(name) == GOLDEN[name]["fingerprint"]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_on_this_machine_gives_the_tables_that_are_written_down(
    name: str, workers: int, tmp_path: Path
) -> None:
    assert search_here(name, tmp_path, workers) == GOLDEN[name]["search"]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_fleet_gives_the_tables_that_are_written_down(name: str, stack: Stack, tmp_path: Path) -> None:
    with stack.client(timeout_s=300.0) as client:
        result: Any = client.run(Job.load(EXAMPLES / name), fresh=True, folder=tmp_path / "search")
    assert digests(result) == GOLDEN[name]["search"]


def test_what_moved_is_named() -> None:
    changed = {**GOLDEN, SEARCHES[0]: {"fingerprint": "0", "search": {**GOLDEN[SEARCHES[0]]["search"], "summary": "1"}}}
    lines = list(moved(GOLDEN, changed))
    assert [line.split(" ")[1] for line in lines] == ["fingerprint", "summary"]
    assert all(line.startswith(f"{SEARCHES[0]}: ") for line in lines)
    assert list(moved(GOLDEN, GOLDEN)) == []
