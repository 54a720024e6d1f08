"""One figure: what a peer publishes, what comes out here, and why the two differ where they do.

A number is the same where it is within half a unit of the last digit that is published; one of 13 digits and more,
which is a float written out, within 10⁻¹² of itself: sums in another order are not another answer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

WRITTEN_OUT = 13
ROUNDING = 1e-12


class Row(NamedTuple):
    """``why`` is the reason of a difference that is known beforehand; it counts only where there is one. ``of`` is how
    large the numbers are of which the figure is a difference: its roundings are theirs."""

    case: str
    figure: str
    theirs: str
    ours: float | int | str
    why: str = ""
    of: float = 0.0

    @property
    def same(self) -> bool:
        """Whether ours is theirs, as far as theirs is published."""
        their = number(self.theirs)
        if their is None or isinstance(self.ours, str):
            return self.theirs == str(self.ours)
        if math.isnan(their) or math.isnan(self.ours):
            return math.isnan(their) and math.isnan(self.ours)
        if digits(self.theirs) >= WRITTEN_OUT:
            return abs(self.ours - their) <= ROUNDING * max(abs(their), abs(self.ours), self.of)
        return abs(self.ours - their) <= 0.5 * 10.0 ** -decimals(self.theirs) * (1.0 + 1e-9)

    @property
    def shown(self) -> str:
        """Ours, written as theirs is."""
        if self.same:
            return self.theirs
        if isinstance(self.ours, str) or number(self.theirs) is None:
            return str(self.ours)
        places = decimals(self.theirs) and max(decimals(self.theirs), 2)
        return repr(float(self.ours)) if digits(self.theirs) >= WRITTEN_OUT else f"{self.ours:.{places}f}"

    @property
    def verdict(self) -> str:
        """What the page says last."""
        return "the same" if self.same else self.why or UNEXPLAINED


UNEXPLAINED = "**not explained**"


def number(text: str) -> float | None:
    """The number that a text is, None where it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def digits(text: str) -> int:
    """How many digits a number is written with, leading zeros left out."""
    return len("".join(sign for sign in text.lower().split("e")[0] if sign.isdigit()).lstrip("0"))


def decimals(text: str) -> int:
    """How many digits stand behind the point; fewer than none for a positive exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    return len(mantissa.partition(".")[2]) - (int(exponent) if exponent else 0)
