"""How many points have been tried of one strategy on one market: the more, the less a best one means.

A strategy is its class in its file, whatever its parameters and its code are by then. A market is the assets, the kind
of their bars and the time: trials are of the same one if they share an asset and a day, of bars of the same kind. So
another start, another calendar, adjusted prices or an asset less do not begin to count anew. Points are counted as they
are computed, so that a sweep that was stopped counts what it tried; the same search counts once, however often it runs.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from backbus.job.job import Job
from backbus.market.panel import Panel, sessions_traded
from backbus.market.timeframes import DAY_NS
from backbus.strategy import Strategy
from backbus.together import text_file, write_together

TRIALS_FILE = "trials.json"
EVERY_S = 1.0
"""How often a running sweep writes down what it has tried: one that is killed loses no more."""
ASSETS_TOLD = 3
_HERE: list[dict[str, Any]] = []
"""Searches of this process that write nothing."""


class Family(NamedTuple):
    """All trials of one strategy on one market."""

    trials: int
    told: str = ""
    """How many, of what and since when, in words."""


class MarketTried(NamedTuple):
    """On what something was tried."""

    kind: str
    """The kind of bars; of a simulated market its settings, but for the seed."""
    symbols: tuple[str, ...]
    first: int
    last: int
    """Sessions, in days since 1970."""

    def overlaps(self, other: MarketTried) -> bool:
        """Whether it is the same market."""
        together = self.first <= other.last and other.first <= self.last
        return self.kind == other.kind and together and not set(self.symbols).isdisjoint(other.symbols)


def market_of(job: Job, panel: Panel) -> MarketTried:
    """The market of a job's sweep."""
    layout, sessions = panel.layout, sessions_traded(panel)
    kind = layout.bars or (f"{layout.interval_ns / DAY_NS:g} d" if layout.daily else f"{layout.interval_ns} ns")
    if job.simulator is not None:
        kind = f"simulated {_hash(job.simulator.model_dump(mode='json', exclude={'seed'}))}"
    return MarketTried(kind, layout.symbols, int(sessions[0]), int(sessions[-1]))


def strategy_of(job: Job, strategy: type[Strategy]) -> str:
    """What tells a strategy from others: its class, and the file that it is in; of a built-in its name."""
    use = job.strategy.use
    file, found, _ = use.partition(".py")
    if found:
        return f"{(job.folder / (file + found)).resolve()}:{strategy.__name__}"
    built_in = strategy.__name__ == use and strategy.__module__.startswith("backbus.")
    return use if built_in else f"{strategy.__module__}.{strategy.__qualname__}"


class Trials:
    """Counts the points of one sweep in a folder's file, in which several processes may count at once; without a
    ``path`` in this process alone."""

    def __init__(self, path: Path | None, job: Job, strategy: type[Strategy], market: MarketTried) -> None:
        self._path, self._strategy, self._market = path, strategy_of(job, strategy), market
        self._name = strategy.__name__
        self._search = _hash(job.plain())
        self._written = 0
        self._at = 0.0

    def count(self, points: int) -> None:
        """So many points of this sweep are computed by now; written down once in a while."""
        now = time.monotonic()
        if points > self._written and now - self._at >= EVERY_S:
            self._write(points)
            self._at = now

    def family(self, points: int) -> Family:
        """All trials of the family, once this sweep has computed ``points``."""
        found = [one for one in self._write(points) if self._related(one)]
        trials = sum(int(one["points"]) for one in found)
        since = min(str(one["since"]) for one in found)
        symbols = sorted({symbol for one in found for symbol in one["symbols"]})
        more = f" and {len(symbols) - ASSETS_TOLD} more" if len(symbols) > ASSETS_TOLD else ""
        assets = ", ".join(symbols[:ASSETS_TOLD]) + more
        searches = f"{len(found)} search{'es' if len(found) > 1 else ''}"
        return Family(trials, f"{trials} trials of {self._name} on {assets} in {searches} since {since}")

    def _related(self, one: dict[str, Any]) -> bool:
        market = MarketTried(one["kind"], tuple(one["symbols"]), one["first"], one["last"])
        return bool(one["strategy"] == self._strategy) and self._market.overlaps(market)

    def _write(self, points: int) -> list[dict[str, Any]]:
        """Write down that this sweep has computed so many points; all searches that are known."""
        if self._path is None:
            self._put(_HERE, points)
            return _HERE
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self._path):
            known = _read(self._path)
            self._put(known, points)
            lines = ",\n".join(json.dumps(one) for one in known)
            text = f'{{"searches": [\n{lines}\n]}}\n'
            write_together(self._path.parent, {self._path.name: text_file(text)})
        self._written = points
        return known

    def _put(self, known: list[dict[str, Any]], points: int) -> None:
        own = next((one for one in known if self._is_this(one)), None)
        if own is None:
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            own = {"strategy": self._strategy, **self._market._asdict(), "search": self._search, "since": today}
            own["points"] = 0
            known.append(own)
        own["points"] = max(own["points"], points)

    def _is_this(self, one: dict[str, Any]) -> bool:
        return bool(
            one["search"] == self._search and one["strategy"] == self._strategy
        ) and self._market == MarketTried(one["kind"], tuple(one["symbols"]), one["first"], one["last"])


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time: a second one waits for the first."""
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> list[dict[str, Any]]:
    """The searches that were written down. A file that cannot be read, or is of before, starts anew."""
    try:
        searches = json.loads(path.read_text(encoding="utf-8"))["searches"]
        return [
            {
                "strategy": str(one["strategy"]),
                "kind": str(one["kind"]),
                "symbols": [str(symbol) for symbol in one["symbols"]],
                "first": int(one["first"]),
                "last": int(one["last"]),
                "search": str(one["search"]),
                "since": str(one["since"]),
                "points": int(one["points"]),
            }
            for one in searches
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _hash(plain: Any) -> str:
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()
