"""How good ``backbus check`` is: ``python -m tools.check_rates``.

Strategies that look ahead and strategies that do not, each made of a way to know something and a way to act on it:
how many of the first it finds, and how many of the second it accuses. ``--every N`` tries each N-th of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from backbus import check
from backbus.errors import StrategyError

LEAKS: Mapping[str, str] = {
    "the mean of all closes": "close - np.nanmean(close, axis=0)",
    "z-scores over all rows": "(close - np.nanmean(close, axis=0)) / np.nanstd(close, axis=0)",
    "the next close": "shifted(close, -1) - close",
    "the close in five rows": "shifted(close, -5) - close",
    "the close in twenty rows": "shifted(close, -20) - close",
    "a centred mean": "centred(close, 7) - close",
    "a wide centred mean": "close - centred(close, 21)",
    "the highest close of all": "close - 0.5 * np.nanmax(close, axis=0)",
    "the lowest close of all": "close - 1.5 * np.nanmin(close, axis=0)",
    "ranks over all rows": "ranked(close) - 0.5",
    "gradients": "np.gradient(close, axis=0)",
    "holes filled backwards": "backwards(close) - shifted(close, 1)",
    "a mean from the end": "np.nancumsum(close[::-1], axis=0)[::-1] / np.arange(len(close), 0, -1)[:, None] - close",
    "a line through all rows": "close - line(close)",
    "smoothed both ways": "close - smoothed(smoothed(close)[::-1])[::-1]",
    "the session's last close": "close[last_of(session)] - close",
    "the session's highest close": "close - 0.999 * highest_of(close, session)",
    "the next open": "shifted(open_, -1) - close",
    "tomorrow's volume": "shifted(volume, -1) - volume",
    "the next close, after a fall of a tenth": "np.where(close < 0.9 * before, shifted(close, -1) - close, -1.0)",
    "the next close, in a row of a hundred": "np.where(volume % 100 < 1, shifted(close, -1) - close, before - close)",
    "the close in forty rows, above a price": "np.where(close > 100.0, shifted(close, -40) - close, -1.0)",
    "the median of all volumes": "volume - np.nanmedian(volume, axis=0)",
}
HONEST: Mapping[str, str] = {
    "a mean of ten": "close - trailing(close, 10)",
    "a mean of forty": "close - trailing(close, 40)",
    "a mean of three": "trailing(close, 3) - shifted(close, 1)",
    "the close before": "close - shifted(close, 1)",
    "the close five rows ago": "close - shifted(close, 5)",
    "z-scores of twenty rows": "(close - trailing(close, 20)) / (0.01 * close)",
    "the highest of twenty": "close - 0.99 * highest(close, 20)",
    "the lowest of twenty": "close - 1.01 * -highest(-close, 20)",
    "the mean so far": "close - trailing(close, 60)",
    "the open": "close - open_",
    "the gap": "open_ - shifted(close, 1)",
    "the range": "2.0 * close - bars.high.values - bars.low.values",
    "the volume before": "volume - shifted(volume, 1)",
    "a mean of volumes": "volume - trailing(volume, 10)",
    "a difference of means": "trailing(close, 5) - trailing(close, 15)",
    "the change of a change": "close - 2.0 * shifted(close, 1) + shifted(close, 2)",
    "another asset": "close - shifted(close, 1) - (close[:, :1] - shifted(close, 1)[:, :1])",
    "the mean of the row": "close - np.nanmean(close, axis=1, keepdims=True)",
    "ranks within the row": "within(close) - 0.5",
    "a threshold": "close - 100.0",
}
ACTS: Mapping[str, str] = {
    "hold_long": "self.hold_long(known > 0)",
    "hold": "self.hold(np.where(known > 0, 1.0, np.where(known < 0, -1.0, 0.0)))",
    "enter_exit": "self.enter_exit(known > 0, known < 0)",
    "target_weights": "self.target_weights(np.where(np.nan_to_num(known) > 0, 0.1, 0.0))",
}
FILE = """
import warnings
from typing import ClassVar

import numpy as np

from backbus import Strategy

warnings.simplefilter("ignore")


def shifted(x, rows):
    out = np.full_like(x, np.nan)
    if rows > 0:
        out[rows:] = x[:-rows]
    elif len(x) > -rows:
        out[:rows] = x[-rows:]
    return out


def trailing(x, rows):
    return sum(shifted(x, back) if back else x for back in range(rows)) / rows


def centred(x, rows):
    half = rows // 2
    return sum(shifted(x, by) if by else x for by in range(-half, half + 1)) / rows


def highest(x, rows):
    return np.fmax.reduce([shifted(x, back) if back else x for back in range(rows)])


def ranked(x):
    return np.argsort(np.argsort(np.nan_to_num(x), axis=0), axis=0) / max(len(x), 1)


def within(x):
    return np.argsort(np.argsort(np.nan_to_num(x), axis=1), axis=1) / x.shape[1]


def backwards(x):
    out = x.copy()
    for row in range(len(x) - 2, -1, -1):
        out[row] = np.where(np.isnan(out[row]), out[row + 1], out[row])
    return out


def line(x):
    known = np.nan_to_num(x)
    if len(x) < 3:
        return known
    at = np.arange(len(x))
    slope, level = np.polyfit(at, known, 1)
    return slope * at[:, None] + level


def smoothed(x):
    out = np.nan_to_num(x)
    for row in range(1, len(x)):
        out[row] = 0.8 * out[row - 1] + 0.2 * out[row]
    return out


def last_of(session):
    return np.searchsorted(session, session, side="right") - 1


def highest_of(x, session):
    out = np.empty_like(x)
    for day in np.unique(session):
        out[session == day] = np.nanmax(np.nan_to_num(x[session == day]), axis=0)
    return out


class Tried(Strategy):
    lookback: ClassVar[int] = {lookback}

    def signals(self, bars):
        close, open_, volume, session = {raw}
        before = shifted(close, 1)
        with np.errstate(all="ignore"):
            known = {known}
        known = np.asarray(known)[-len(bars):]
        return {act}
"""
OF_BLOCKS = "bars.close.values, bars.open.values, bars.volume.values, bars.session"
WITH_PAST = "bars.raw.close, bars.raw.open, bars.raw.volume, bars.session"


class Rates(NamedTuple):
    """What came of it."""

    leaks: int
    found: int
    honest: int
    accused: int
    missed: list[str]
    wrong: list[str]


def texts(known: Mapping[str, str], *, honest: bool) -> Iterator[tuple[str, str]]:
    """Names and files of strategies. Honest ones reach back by their lookback, the others look at their block."""
    for name, how in known.items():
        plain = honest and ("bars.high" in how)
        for act, says in ACTS.items():
            raw = WITH_PAST if honest and not plain else OF_BLOCKS
            text = FILE.replace("{lookback}", "60" if honest and not plain else "0")
            yield f"{name}, {act}", text.replace("{raw}", raw).replace("{known}", how).replace("{act}", says)


def accused(text: str, folder: Path) -> bool:
    """Whether the check finds something in a strategy's file."""
    path = folder / "tried.py"
    path.write_text(text, encoding="utf-8")
    try:
        return not check({"strategy": {"use": str(path)}}).clean
    except StrategyError:
        return True


def rates(every: int = 1) -> Rates:
    """Try each ``every``-th strategy of both kinds."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        bad, good = (list(texts(known, honest=known is HONEST))[::every] for known in (LEAKS, HONEST))
        missed = [name for name, text in bad if not accused(text, folder)]
        wrong = [name for name, text in good if accused(text, folder)]
    return Rates(len(bad), len(bad) - len(missed), len(good), len(wrong), missed, wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--every", type=int, default=1)
    found = rates(parser.parse_args().every)
    sys.stdout.write(
        f"{found.found} of {found.leaks} leaks found, {found.accused} of {found.honest} honest ones accused\n"
    )
    for name in found.missed:
        sys.stdout.write(f"  missed: {name}\n")
    for name in found.wrong:
        sys.stdout.write(f"  accused: {name}\n")
