"""What is known of each bar, by name."""

from __future__ import annotations

PRICES = ("open", "high", "low", "close")
FIELDS = (*PRICES, "volume")
SIDES = ("bid", "ask")
QUOTES = tuple(f"{side}_{price}" for side in SIDES for price in PRICES)
"""Further columns of a bar of quotes: what both sides of the market were."""
DELISTING = "delisting"
EVENTS = ("split", "dividend", DELISTING)
"""Further columns of what befalls an asset."""
CARRIED = "carried"
"""The further column in which 1 marks a bar that is not one, where holes were filled."""
NAMES = (
    "date",
    "time",
    "symbol",
    *FIELDS,
    "adj_close",
    "split",
    "dividend",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    *QUOTES,
)
"""What columns of a source may be, by the names that users have for them."""
