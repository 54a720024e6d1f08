"""Files that hold one JSON object, read whole or refused by one error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from backbus.errors import DataError


def read_object(path: Path, what: str) -> dict[str, Any]:
    """The object in a file, which is ``what``. Raises FileNotFoundError, and DataError for one that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        said = json.loads(text)
        if "\\ud" in text.lower():  # half a letter can be written as JSON, and nowhere else
            json.dumps(said, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot be read as {what}: {reason}; run the job again", file=str(path)) from None
    if not isinstance(said, dict):
        problem = f"cannot be read as {what}: it holds no object in braces; run the job again"
        raise DataError(problem, file=str(path))
    return said
