"""How far ahead a source may be, and what that can bring to one reader."""

from __future__ import annotations

WINDOW_LIMIT_ROWS = 262_144
"""Rows that a source may be ahead of its slowest reader, at the most."""
MESSAGES_PER_ROW = 6
"""Messages that one row can bring to one reader, at the most: SIGNAL, and ORDER and FILL twice each where a strategy
reads the book; blocks and batches come on top and are few."""
