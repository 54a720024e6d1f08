"""Which worker runs what, where a run of the tests has several (``-n``): tests that share what takes long to make are
run by one of them, and all others by whoever is free.

(pytest-xdist has ``--dist loadgroup`` for that, which finds no groups with pytest 9.2: it renames tests to tell them.)
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.processes import RUN_MARK

SHARED = ("stack_to_break", "stack_with_keys", "stack", "cluster", "wheel", "made", "plain_python")
"""Fixtures of a session or a module that take long to make, those first that take part in others."""


def shared_by(item: pytest.Item) -> str | None:
    """What a test shares with others: what it is marked with, a fixture, or what a peer loads."""
    marker = item.get_closest_marker("shares")
    if marker is not None:
        return str(marker.args[0])
    if item.path.parent.name == "peers":
        return item.path.stem
    needed: tuple[str, ...] = getattr(item, "fixturenames", ())
    return next((name for name in SHARED if name in needed), None)


def _file() -> Path:
    """Where the workers of this run tell the one who gives them work what each test shares."""
    return Path(tempfile.gettempdir()) / f"tests-{os.environ[RUN_MARK]}.json"


def tell(items: Iterable[pytest.Item]) -> None:
    """Say what each test shares. All workers say the same."""
    found = {item.nodeid: shared for item in items if (shared := shared_by(item)) is not None}
    part = _file().with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(found), encoding="utf-8")
    part.replace(_file())


class SharersTogether(LoadScopeScheduling):
    """Those that share the same thing are one piece of work; large pieces are given out first."""

    def schedule(self) -> None:
        """Give out work; called when all workers have told."""
        if self.collection is None:
            self._shared = json.loads(_file().read_text(encoding="utf-8"))
            _file().unlink()
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return str(self._shared.get(nodeid, nodeid))
