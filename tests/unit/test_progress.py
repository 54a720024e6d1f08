"""A progress bar says how fast and how long yet, where somebody looks; a pipe is left alone."""

from __future__ import annotations

import io
import sys
import time

import pytest

from backbus.cli.printed.progress import bar_of, left_in_words, speed_in_words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_speeds_and_times_are_told_in_three_figures() -> None:
    assert speed_in_words(1_234_567.0, "rows") == "1.23 M rows/s"
    assert speed_in_words(12_345.0, "points") == "12.3 k points/s"
    assert speed_in_words(7.25, "points") == "7.25 points/s"
    assert speed_in_words(25_000_000.0, "B") == "25 MB/s"
    assert speed_in_words(None, "rows") == speed_in_words(0.0, "rows") == ""
    assert [left_in_words(value) for value in (None, 0.0, 59.9, 61.0, 3600.0, 9000.0)] == [
        "", "0 s left", "59 s left", "1 min 1 s left", "1 h 0 min left", "2 h 30 min left",
    ]  # fmt: skip


def test_a_terminal_sees_name_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "100")):
        monkeypatch.setenv(name, value)
    with bar_of("[red]mine[/]", quiet=False, unit="points") as move:
        assert move is not None
        for done in (10, 20, 30):
            move(done, 1000)
            time.sleep(0.15)
    text = seen.getvalue()
    assert "[red]mine[/]" in text
    assert "points/s" in text and "left" in text


def test_a_pipe_and_who_asks_for_json_see_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        with bar_of("mine", quiet=quiet) as move:
            assert move is None
        assert stream.getvalue() == ""
