"""Folders that commands know without being told, in a module that takes no time to import."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("var/runs")
"""Where the files of runs and sweeps go, a folder each, below the current folder."""
