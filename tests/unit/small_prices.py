"""Daily prices of two made-up shares, as a file that a job can name."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_prices(folder: Path, days: int, parts: int = 8) -> None:
    """Write ``prices.csv``: a random walk of whole eighths, or other ``parts`` of one, the same one every time."""
    steps = np.random.Generator(np.random.Philox(5)).integers(-9, 10, (days, 2))
    prices = 100.0 + np.cumsum(steps / float(parts), axis=0)
    lines = ["date,symbol,open,high,low,close,volume"]
    day = np.datetime64("2020-01-01")
    for row, line in enumerate(prices):
        for symbol, price in zip("AB", line, strict=True):
            lines.append(f"{day + row},{symbol},{price},{price + 1},{price - 1},{price + 0.25},1000")
    (folder / "prices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
