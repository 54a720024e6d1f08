"""The rules of one job as step functions read them: one record of numbers, made once, never changed."""

from __future__ import annotations

import numpy as np

RULES = np.dtype(
    [
        ("cash", "<f8"),
        ("lot", "<f8"),
        ("leverage", "<f8"),
        ("size", "<f8"),
        ("max_weight", "<f8"),
        ("bars_per_year", "<f8"),
        ("slippage", "<f8"),
        ("fee", "<f8"),
        ("fee_minimum", "<f8"),
        ("fee_maximum", "<f8"),
        ("assets", "<i8"),
        ("sizing", "<i8"),
        ("volatility_rows", "<i8"),
        ("shorts", "<i8"),
        ("fill_at_close", "<i8"),
        ("size_at_open", "<i8"),
        ("slippage_model", "<i8"),
        ("fee_model", "<i8"),
    ]
)

FIXED_QUANTITY, FIXED_CASH, PERCENT_OF_EQUITY, TARGET_WEIGHT, EQUAL_WEIGHT, VOLATILITY_TARGET = range(6)
SIZINGS = ("fixed_quantity", "fixed_cash", "percent_of_equity", "target_weight", "equal_weight", "volatility_target")

NO_SLIPPAGE, BASIS_POINTS_SLIPPAGE, HALF_SPREAD = range(3)
NO_FEE, PER_SHARE, PER_ORDER, BASIS_POINTS_FEE = range(4)
