"""The files of a sweep: their names, and what its summary's holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TABLE_FILE, SUMMARY_FILE, FAN_FILE = "points.parquet", "sweep.json", "fan.parquet"


def summary_text(summary: Mapping[str, Any]) -> str:
    """What the summary's file holds."""
    return json.dumps(summary, indent=1, allow_nan=False) + "\n"
