"""The text of what a run's strategy, and the user's own models, are written in."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path

from backbus.job.job import Job
from backbus.models.loading import files_of_job
from backbus.strategy import Strategy


def sources_of(job: Job, strategy: Strategy | type[Strategy] | None = None) -> dict[str, str]:
    """Texts by file; of a strategy that was handed over its module's, or its class's where that is typed in. Empty for
    a built-in."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in files_of_job(job, strategy).items()}
    if strategy is None:
        return texts
    made = strategy if isinstance(strategy, type) else type(strategy)
    if made.__module__.startswith("backbus."):
        return texts
    with contextlib.suppress(OSError, TypeError):
        place = Path(inspect.getfile(made))
        if place.suffix == ".py" and place.is_file():
            return {place.name: place.read_text(encoding="utf-8"), **texts}
    with contextlib.suppress(OSError, TypeError):
        return {f"{made.__name__}.py": inspect.getsource(made), **texts}
    return texts


def hashes_of_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """BLAKE2b-256 of each, as blobs are named."""
    return {name: hashlib.blake2b(text.encode(), digest_size=32).hexdigest() for name, text in texts.items()}
