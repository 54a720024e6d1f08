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
MEMBER = "member"
"""The further column in which 1 says that an asset is in the universe in that row, and 0 that it is not."""
OWN_SESSION = "own_session"
"""The further column with the session of an asset's own market, where assets trade by several calendars."""
LEAVING = ("close", "keep")
"""What becomes of a position in an asset that leaves the universe."""
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
