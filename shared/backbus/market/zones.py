"""Wall clocks: UTC nanoseconds as those of a zone's clock, and back."""

from __future__ import annotations

import numpy as np

from backbus.market.panel import Ints
from backbus.market.timeframes import DAY_NS


def to_wall(instants: Ints, timezone: str) -> Ints:
    """UTC nanoseconds as nanoseconds of a zone's wall clock."""
    import pandas as pd

    index = pd.DatetimeIndex(instants.view("M8[ns]"), tz="UTC").tz_convert(timezone).tz_localize(None)
    return np.asarray(index.as_unit("ns").asi8, dtype=np.int64)


def from_wall(wall: Ints, timezone: str | None) -> Ints:
    """Nanoseconds of a zone's wall clock as UTC nanoseconds.

    An hour that a clock change skips is the first instant after it, one that is repeated is the first of the two.
    """
    if timezone in (None, "UTC"):
        return wall
    import pandas as pd

    index = pd.DatetimeIndex(wall.view("M8[ns]"))
    aware = index.tz_localize(timezone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward")
    return np.asarray(aware.as_unit("ns").asi8, dtype=np.int64)


def local_days(ends: Ints, timezone: str | None) -> Ints:
    """The day on which each bar ended, by the zone's wall clock; midnight belongs to the day before."""
    wall = ends - 1
    if timezone not in (None, "UTC"):
        assert timezone is not None
        return to_wall(wall, timezone) // DAY_NS
    return np.floor_divide(wall, DAY_NS, out=wall)
