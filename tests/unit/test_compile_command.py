"""``backbus compile``: what takes minutes is told, once for each place that the sources lie in."""

from __future__ import annotations

from pathlib import Path

import pytest

from backbus.cli import compile as command
from backbus.stack import kernels


def test_a_first_compilation_is_told_once_for_each_place_of_the_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warmed: list[str] = []
    monkeypatch.setenv("BACKBUS_CACHE", str(tmp_path))
    monkeypatch.setattr(command.os, "cpu_count", lambda: 1)
    monkeypatch.setattr(command, "_engine", lambda: warmed.append("engine"))
    monkeypatch.setattr(command, "_others", lambda: warmed.append("others"))

    def told() -> bool:
        command.compile_()
        return "compiling the kernels, once" in capsys.readouterr().err

    assert told()
    assert not told()
    monkeypatch.setattr(kernels, "PACKAGE", tmp_path / "another")
    assert told()
    assert warmed == ["engine", "others"] * 3
