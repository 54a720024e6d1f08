"""What jobs about quotes are refused for, each with what is said to help."""

from __future__ import annotations

from tests.unit.advice_of_files import GOOD, HOURS, MINUTES, H, Told
from tests.unit.advice_of_settings import GONE

SIDES = "Date," + ",".join(f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close"))


def _sides(bars: str) -> str:
    """Quotes of the same times."""
    return SIDES + "\n" + "".join(line.split(",")[0] + ",1" * 8 + "\n" for line in bars.splitlines())


BOTH = {"trades/A.csv": H + MINUTES, "quotes/A.csv": _sides(MINUTES)}

ALL = (
    Told("set quotes = true to have orders fill", BOTH, {}, ({"quotes": True},)),
    Told(
        "is true, and no source has quotes",
        "Date,Open,High,Low,Close,Bid,Ask\n" + GOOD.replace("00\n", "00,1\n"),
        {"quotes": True},
        ({"quotes": GONE},),
    ),
    Told(
        "they must not be longer than bars; make longer bars by data.bars, or leave quotes out",
        BOTH | {"quotes/A.csv": _sides(HOURS)},
        {"quotes": True},
        ({"quotes": GONE, "=quotes/A.csv": None}, {"bars": "1h"}),
    ),
    Told(
        "quotes are of parts of a day, and bars of days; which calendar",
        {"trades/A.csv": H + GOOD, "quotes/A.csv": _sides(HOURS)},
        {"quotes": True},
        ({"calendar": "XNYS"},),
    ),
    Told(
        "has no quotes; import its files with quotes = true", H + GOOD, {"quotes": True}, ({"quotes": GONE},), "dataset"
    ),
)
