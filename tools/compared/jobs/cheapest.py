"""All of the account in the asset with the lowest price, anew at each close."""

from __future__ import annotations

from typing import Any

import numpy as np

from backbus import Strategy


class Cheapest(Strategy):
    """The first of them where several are the lowest."""

    def signals(self, bars: Any) -> Any:
        """A weight of 1 in one asset, of 0 in all others."""
        close = bars.close.values
        return self.target_weights((np.arange(close.shape[1]) == np.argmin(close, axis=1)[:, None]).astype(float))
