"""Sessions that are kept on the disk: the same as those that exchange_calendars tells, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import exchange_calendars
import numpy as np
import pytest

from backbus.errors import JobError
from backbus.market import calendars, kept_sessions
from backbus.market.calendars import Sessions, bounds_of, sessions_between, zone_of
from backbus.market.kept_sessions import Files, keep_sessions

FIELD = "data.calendar"
DAYS = 18_000, 18_100


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one's own in which sessions are kept, and a library that nobody else has changed."""
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path))
    monkeypatch.setattr(calendars, "_keeper", None)
    monkeypatch.setattr(calendars._library, "_library", exchange_calendars)
    keep_sessions()
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """As in a process that knows of nothing yet."""
    calendars._made.clear()
    bounds_of.cache_clear()


def files(home: Path) -> list[Path]:
    return sorted(home.rglob("*.sessions"))


def told(monkeypatch: pytest.MonkeyPatch) -> deque[str]:
    """Which calendars the library is asked for from now on."""
    asked: deque[str] = deque()
    make = calendars._make
    monkeypatch.setattr(calendars, "_make", lambda name, *rest: asked.append(name) or make(name, *rest))
    return asked


def same(one: Sessions, other: Sessions) -> None:
    for mine, theirs in zip(one, other, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["XNYS", "24/7", "XTKS", "us_futures", "NYSE"])
def test_what_was_told_once_is_read_again_and_is_the_same(
    name: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sessions_between(name, *DAYS, field=FIELD)
    bounds, zone = bounds_of(name, FIELD), zone_of(name)
    forget()
    asked = told(monkeypatch)
    monkeypatch.setattr(calendars, "_bounds_by_library", None)
    same(sessions_between(name, *DAYS, field=FIELD), first)
    same(sessions_between(name, DAYS[0] + 20, DAYS[1] - 20, field=FIELD), part(first, DAYS[0] + 10, DAYS[1] - 10))
    assert (bounds_of(name, FIELD), zone_of(name)) == (bounds, zone)
    assert not asked


def part(sessions: Sessions, first: int, last: int) -> Sessions:
    asked = slice(*np.searchsorted(sessions.days, (first, last + 1)).tolist())
    return Sessions(*(each[asked] for each in sessions))


def test_other_days_are_asked_for_and_take_the_place_of_those_within_them(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions_between("XNYS", *DAYS, field=FIELD)
    before = files(kept)
    forget()
    asked = told(monkeypatch)
    sessions_between("XNYS", DAYS[0] - 5, DAYS[1] + 5, field=FIELD)
    assert list(asked) == ["XNYS"]
    assert len(files(kept)) == 1 and files(kept) != before
    sessions_between("XNYS", 15_000, 15_100, field=FIELD)
    assert len(files(kept)) == 2


@pytest.mark.parametrize("harm", ["cut", "emptied", "one bit", "other clocks", "of nothing", "a folder"])
def test_a_file_that_cannot_be_believed_counts_as_none_and_is_written_anew(
    harm: str, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sessions_between("XNYS", *DAYS, field=FIELD)
    (path,) = files(kept)
    whole = path.read_bytes()
    match harm:
        case "cut":
            path.write_bytes(whole[:-8])
        case "emptied":
            path.write_bytes(b"")
        case "one bit":
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        case "other clocks":
            with monkeypatch.context() as patch:
                patch.setattr(kept_sessions, "_clock", lambda zone: "of last year")
                known = calendars.Known(
                    (0, 1), "America/New_York", DAYS[0] - 10, DAYS[1] + 10, Sessions(*[first.days] * 3)
                )
                path.write_bytes(kept_sessions._written(known))
        case "of nothing":
            path.write_bytes(kept_sessions.hashlib.blake2b(b"[]", digest_size=16).digest() + b"[]")
        case "a folder":
            path.unlink()
            path.mkdir()
    forget()
    asked = told(monkeypatch)
    same(sessions_between("XNYS", *DAYS, field=FIELD), first)
    assert list(asked) == ["XNYS"]
    assert harm == "a folder" or path.read_bytes() == whole
    assert not [each for each in path.parent.iterdir() if each.name.startswith(".")]


def test_other_versions_of_the_library_have_folders_of_their_own(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions_between("XNYS", *DAYS, field=FIELD)
    forget()
    versions = {**kept_sessions.versions(), "exchange_calendars": "99"}
    monkeypatch.setattr(kept_sessions, "versions", lambda: versions)
    asked = told(monkeypatch)
    sessions_between("XNYS", *DAYS, field=FIELD)
    assert list(asked) == ["XNYS"]
    assert len({path.parent for path in files(kept)}) == 2


def test_where_nothing_can_be_written_the_library_is_asked_each_time(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = kept / "a file"
    blocked.touch()
    calendars.keep_with(Files(blocked))
    asked = told(monkeypatch)
    first = sessions_between("XNYS", *DAYS, field=FIELD)
    forget()
    same(sessions_between("XNYS", *DAYS, field=FIELD), first)
    assert list(asked) == ["XNYS"] * 2
    with monkeypatch.context() as patch:  # a folder that is there, and cannot be written
        calendars.keep_with(Files(kept))
        patch.setattr(kept_sessions, "hidden", refused)
        forget()
        same(sessions_between("XNYS", *DAYS, field=FIELD), first)
    assert not files(kept)


def refused(folder: Path, place: str) -> Path:
    raise PermissionError(13, "Permission denied", str(folder / place))


def test_a_calendar_of_ones_own_is_not_kept_nor_one_that_was_changed_by_who_loaded_the_library(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions_between("XNYS", *DAYS, field=FIELD)
    exchange_calendars.register_calendar_type(
        "MINE", type("Mine", (exchange_calendars.exchange_calendar_xnys.XNYSExchangeCalendar,), {})
    )
    try:
        sessions_between("MINE", *DAYS, field=FIELD)
        assert len(files(kept)) == 1
    finally:
        exchange_calendars.deregister_calendar("MINE")
    forget()
    monkeypatch.setattr(calendars._library, "_library", None)  # as where a strategy loads it before we do
    asked = told(monkeypatch)
    sessions_between("XNYS", *DAYS, field=FIELD)
    sessions_between("XLON", *DAYS, field=FIELD)
    assert list(asked) == ["XNYS", "XLON"]
    assert len(files(kept)) == 1


def test_a_name_that_nobody_knows_is_refused_as_ever_and_leaves_no_file(kept: Path) -> None:
    for name in ("XNYX", "../XNYS", "a" * 300, ""):
        with pytest.raises(JobError, match="exchange_calendars knows no calendar"):
            sessions_between(name, *DAYS, field=FIELD)
    assert not files(kept)


WRITES = """
import sys
from backbus.market.calendars import sessions_between
from backbus.market.kept_sessions import keep_sessions
keep_sessions()
sys.stdin.readline()
for first in range(15_000, 15_400, 100):
    sessions_between("XNYS", first, first + 300, field="data.calendar")
print(sessions_between("XNYS", 15_100, 15_200, field="data.calendar").closes.sum(), "pandas" in sys.modules)
"""


@pytest.mark.slow
def test_processes_that_write_at_once_have_one_answer_and_leave_whole_files(kept: Path) -> None:
    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
        )

    running = [start() for _ in range(2)]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = {one.communicate(timeout=120)[0].split()[0] for one in running}
    assert len(said) == 1
    folder = files(kept)[0].parent
    assert {path.suffix for path in folder.iterdir()} == {".sessions"}
    after = start().communicate("go\n", timeout=120)[0].split()
    assert said == {after[0]}
    assert after[1] == "False", "what is kept is read without the library"
