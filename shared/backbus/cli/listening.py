"""Who hears how far a command is, where a program has called it and no person looks on."""

from __future__ import annotations

from collections.abc import Callable

caller: Callable[[int, int], None] | None = None
"""Hears how much is done, and of how much."""
