"""Prices that break order handling, generated (gaps, limit-up runs, bars without volume, equal prices, and ordinary
days) and real: the daily bars of AAPL, GOOG, IBM and MSFT as they were traded, the crash of 2000 and splits included.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.unit.order_market import bars

Rows = list[tuple[float, float, float, float, float]]
GENERATED, LENGTH = 200, 60
FIELDS = ("open", "high", "low", "close", "volume")


def path(seed: int, rows: int = LENGTH) -> Rows:
    """Open, high, low, close, volume of one asset, prices in cents."""
    draw = np.random.default_rng(seed)
    close, found = 100.0, []
    run = 0
    for _ in range(rows):
        kind = draw.random()
        if run > 0:  # a limit-up (or -down) run: one price all day
            run -= 1
            price = round(close * (1.05 if seed % 2 else 0.95), 2)
            found.append((price, price, price, price, 0.0 if draw.random() < 0.5 else 100.0))
            close = price
            continue
        if kind < 0.03:
            run = 3
        gap = draw.normal(0.0, 0.04) if kind < 0.25 else draw.normal(0.0, 0.003)
        open_ = close if kind > 0.9 else max(1.0, close * (1.0 + gap))
        last = open_ if kind > 0.95 else max(1.0, open_ * (1.0 + draw.normal(0.0, 0.015)))
        swing = abs(draw.normal(0.0, 0.01, 2)) if kind < 0.93 else np.zeros(2)
        high, low = max(open_, last) * (1.0 + swing[0]), min(open_, last) * (1.0 - swing[1])
        # Round numbers make prices meet exactly.
        digits = 0 if seed % 3 == 0 else 2
        o, h, lo, c = (round(float(price), digits) for price in (open_, high, low, last))
        h, lo = max(o, h, c), min(o, lo, c)
        found.append((o, h, lo, c, 0.0 if draw.random() < 0.05 else float(draw.integers(1, 5000))))
        close = c
    return found


def real(folder: Path) -> dict[str, pd.DataFrame]:
    """By symbol, daily bars with the columns ``FIELDS``."""
    found = {}
    for file in sorted(folder.glob("*.csv")):
        frame = pd.read_csv(file, index_col="Date", parse_dates=True).rename(columns=str.lower)
        found[file.stem] = frame[list(FIELDS)].astype(float)
    return found


def paths(folder: Path) -> dict[int, Rows]:
    """By number: generated ones, then the real bars in pieces of as many days."""
    found = {seed: path(seed) for seed in range(GENERATED)}
    for frame in real(folder).values():
        for begin in range(0, len(frame) - LENGTH + 1, LENGTH):
            found[len(found)] = [tuple(row) for row in frame[begin : begin + LENGTH].to_numpy().tolist()]
    return found


__all__ = ["GENERATED", "Rows", "bars", "paths", "real"]
