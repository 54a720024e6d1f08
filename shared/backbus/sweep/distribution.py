"""How a figure is spread over many runs of one strategy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backbus.market.panel import Floats

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def distribution(values: Floats, quantiles: Sequence[float] = QUANTILES) -> dict[str, float] | None:
    """Of the values [runs] that are numbers, ``of`` so many; None where none is."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    told = {quantile_name(q): float(v) for q, v in zip(quantiles, np.quantile(values, quantiles), strict=True)}
    return {
        "mean": float(values.mean()),
        "spread": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        **told,
        "negative": float((values < 0).mean()),
        "of": len(values),
    }


def quantile_name(share: float) -> str:
    """``q05`` for 0.05."""
    return f"q{round(100 * share):02}"
