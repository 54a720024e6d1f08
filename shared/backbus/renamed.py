"""Public names that were others once: an old one is refused with the one that it has now, wherever a user can say it.

Each family of names has one table, from old to new.
"""

from __future__ import annotations

TERMS = {f"{name}_share": f"{name}_fraction" for name in ("trail", "take_profit", "stop_loss", "trailing_loss")}
"""Terms of an order or a signal, and exits of a holding rule."""


def is_now(old: str, new: str) -> str:
    """What to say to whoever uses an old name."""
    return f"{old} is called {new} now"
