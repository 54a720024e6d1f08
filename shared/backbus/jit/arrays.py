"""Arrays as compiled loops take them: one kernel is made for arrays that nobody writes to, wherever they come from."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = TypeVar("Array", bound=NDArray[Any])


def read_only(values: Array) -> Array:
    """Contiguous and read-only, as panels are and as loops are compiled for; a view where it can be one."""
    flags = values.flags
    if flags.writeable or not flags.c_contiguous:
        values = np.ascontiguousarray(values).view()  # type: ignore[assignment]
        values.flags.writeable = False
    return values
