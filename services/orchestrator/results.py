"""What a result must be to be kept: a report that is JSON, and artifacts that have arrived."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backbus.errors import StackError
from backbus.transport.blobs import BlobFolder


def require_complete(blobs: BlobFolder, report: Mapping[str, Any], artifacts: Mapping[str, str]) -> None:
    """Raise a StackError where a result cannot be kept."""
    missing = [blob for blob in artifacts.values() if not blobs.has(blob)]
    if missing:
        raise StackError(f"artifacts are missing: {missing}")
    try:
        json.dumps(report, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StackError(f"the report cannot be kept: {error}") from None
