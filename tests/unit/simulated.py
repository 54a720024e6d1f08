"""Small simulated markets for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbus.job.simulator import SimulatorSettings
from backbus.market.columns import FIELDS
from backbus.market.panel import Block, Panel, whole
from backbus.simulator import Market

YEAR = 252.0


def settings(*paths: dict[str, Any], rows: int = 1000, **fields: Any) -> SimulatorSettings:
    """One asset for each path, A, B, C …; a year of 252 bars."""
    assets = [{"symbol": chr(65 + number), "path": path} for number, path in enumerate(paths)]
    return SimulatorSettings.model_validate({"rows": rows, "bars_per_year": YEAR, "assets": assets, **fields})


def market(*paths: dict[str, Any], history: Panel | None = None, **fields: Any) -> Panel:
    """The whole of it."""
    return whole(Market(settings(*paths, **fields), history))


def returns(panel: Panel) -> NDArray[np.float64]:
    """[rows, assets] changes of the logarithm of the close, the first from 100."""
    closes = np.vstack((np.full(panel.layout.assets, 100.0), panel.block.close))
    return np.diff(np.log(closes), axis=0)


def same(one: list[Block], other: list[Block]) -> bool:
    """Whether two cuts of a market have the same bytes."""
    return all(
        np.concatenate([getattr(block, name) for block in one]).tobytes()
        == np.concatenate([getattr(block, name) for block in other]).tobytes()
        for name in ("end", "session", *FIELDS)
    )


def near(found: float, expected: float, error: float, *, times: float = 4.5) -> None:
    """Fail where a figure is further from what it must be than so many standard errors: once in 150 000 by chance."""
    assert abs(found - expected) < times * error, f"{found} instead of {expected} ± {error}"
