"""The market simulator alone: bars a second of each model, on one core."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from backbus.job.simulator import SimulatorSettings
from backbus.market.columns import FIELDS
from backbus.simulator import Market
from benchmarks.bench import Bench
from benchmarks.measure import Check, Hold, Line, interleaved, median, seconds_of, short
from benchmarks.rows.engine import speed

ROW = "simulate"
BLOCK = 8192
MODELS: dict[str, dict[str, Any]] = {
    "geometric Brownian motion": {"model": "gbm", "volatility": 0.2},
    "GARCH(1,1)": {"model": "garch", "volatility": 0.2, "alpha": 0.1, "beta": 0.8},
    "Merton's jumps": {"model": "merton", "volatility": 0.2, "jumps": 10.0, "jump_deviation": 0.05},
    "Heston's variance": {"model": "heston", "volatility": 0.2, "reversion": 2.0, "volatility_of_variance": 0.3},
}


def run(bench: Bench) -> Iterator[Line | Check]:
    """Minute bars of four moves each."""
    rows, repeats = bench.pick(2_000_000, 100_000), bench.pick(5, 2)
    markets = {title: _market(rows, path) for title, path in MODELS.items()}
    for market in markets.values():
        _make(market, BLOCK)  # so that all is compiled
    bench.say(f"{repeats} markets of {short(rows)} bars of each model in turns")
    times = interleaved(
        repeats, *(lambda market=market: seconds_of(lambda: _make(market, BLOCK)) for market in markets.values())
    )
    for title, taken in zip(markets, times, strict=True):
        hold = Hold(rows / median(taken), 20e6, "bars/s") if title == next(iter(MODELS)) else None
        yield Line(ROW, f"{short(rows)} bars of {title}, four moves each", speed(rows, taken), hold=hold, runs=(taken,))
    assets = 500
    asset = {"copies": assets, "path": MODELS["geometric Brownian motion"]}
    wide = Market(_settings(bench.pick(2520, 100), asset, {"every": 0.3}))
    taken = interleaved(repeats, partial(_timed, wide))[0]
    yield Line(ROW, f"{assets} correlated assets of {len(wide)} bars", speed(assets * len(wide), taken), runs=(taken,))
    first = next(iter(markets.values()))
    yield Check(ROW, "a market in blocks of 8192 rows and of 1000", _make(first, BLOCK) == _make(first, 1000))


def _settings(rows: int, asset: dict[str, Any], correlation: dict[str, Any] | None = None) -> SimulatorSettings:
    return SimulatorSettings.model_validate(
        {"rows": rows, "interval": "1m", "assets": [{"symbol": "A", **asset}], "correlation": correlation}
    )


def _market(rows: int, path: dict[str, Any]) -> Market:
    return Market(_settings(rows, {"path": path}))


def _make(market: Market, size: int) -> bytes:
    """All of it; a digest of the last row."""
    digest = hashlib.blake2b(digest_size=8)
    for block in market.blocks(size):
        last = block
    for name in FIELDS:
        digest.update(getattr(last, name)[-1:].tobytes())
    return digest.digest()


def _timed(market: Market) -> float:
    return seconds_of(lambda: _make(market, BLOCK))
