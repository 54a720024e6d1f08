"""The data service: history as a stream."""

from __future__ import annotations

from backbus.services.source import SourceRole


class Data(SourceRole):
    """History as a stream."""

    name = "data"
