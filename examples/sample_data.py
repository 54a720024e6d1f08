"""Write prices to ``data`` beside this script: real daily ones, and trades that are made up.

``data/*.csv`` is the daily history of AAPL, GOOG, IBM and MSFT, 2000 to 2013, which comes with the bokeh-sampledata
package: nothing is downloaded. ``data/actions`` has it as it was traded, with splits and dividends.
``data/trades/SIM.csv`` is two weeks of trades of a share that does not exist, the same on every machine. Run it as
often as you like.

    python examples/sample_data.py
"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "data"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
COLUMNS = {
    "Date": "date",
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Volume": "volume",
    "Adj Close": "adj_close",
}
SPLIT_FROM, ROUNDING = 1.3, 2e-4
"""From where on a jump of the adjusted close is a split; what its rounding makes."""
DAYS = [f"2024-03-{day:02}" for day in (11, 12, 13, 14, 15, 18, 19, 20, 21, 22)]
SESSIONS, TRADES = len(DAYS), 6000
OPEN_MS, SESSION_MS = 48_600_000, 23_400_000
"""13:30 UTC, when New York's market opens in summer, and how long it is open."""


def write_samples(folder: Path = FOLDER) -> list[Path]:
    """Write one CSV file per symbol; each appears whole or not at all."""
    try:
        from bokeh_sampledata import stocks
    except ImportError:
        raise SystemExit("the sample prices are not installed; run: pip install bokeh-sampledata") from None
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for symbol in SYMBOLS:
        bars = getattr(stocks, symbol)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(bars[name] for name in COLUMNS.values()), strict=True))
        paths.append(_write(folder / f"{symbol}.csv", text.getvalue()))
    return paths


def write_actions(folder: Path = FOLDER / "actions") -> list[Path]:
    """Write the same histories as they were traded, with the splits and dividends that their adjusted closes tell of.

    Between two days the adjusted close moves by close ratio × split / (1 − dividend / close before); what it moves
    beyond the close is therefore a split where that is near a ratio of small numbers, else a dividend.
    """
    from bokeh_sampledata import stocks

    folder.mkdir(parents=True, exist_ok=True)
    names = list(COLUMNS.values())[:-1]
    paths = []
    for symbol in SYMBOLS:
        bars = getattr(stocks, symbol)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*list(COLUMNS)[:-1], "Split", "Dividend"])
        close, adjusted = bars["close"], bars["adj_close"]
        for row, bar in enumerate(zip(*(bars[name] for name in names), strict=True)):
            split = dividend = 0.0
            if row:
                beyond = adjusted[row] / adjusted[row - 1] / (close[row] / close[row - 1])
                if beyond > SPLIT_FROM:
                    split = round(2.0 * beyond) / 2.0
                elif beyond - 1.0 > ROUNDING:
                    dividend = round(close[row - 1] * (1.0 - 1.0 / beyond), 4)
            writer.writerow([*bar, split, dividend])
        paths.append(_write(folder / f"{symbol}.csv", text.getvalue()))
    return paths


def write_trades(folder: Path = FOLDER / "trades") -> Path:
    """Write the trades of ten sessions: most of them, and the larger ones, near the opening and the close.

    All arithmetic is on whole numbers: milliseconds, cents and shares.
    """
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.Philox(key=1).random_raw(3 * TRADES * SESSIONS).astype(np.int64) & 0xFFFF
    waits, moves, sizes = draws.reshape(3, SESSIONS, TRADES)
    place = np.arange(TRADES, dtype=np.int64)
    middle = np.minimum(place, TRADES - place) * 4 // TRADES  # 0 at both ends of a session, 2 in its middle
    lines = ["time,price,size"]
    cents = 5000
    for session in range(SESSIONS):
        pause = waits[session] % 700 * (1 + 2 * middle)
        after = np.cumsum(pause) * SESSION_MS // int(pause.sum() + 1)
        step = moves[session]
        drift = 1 if session % 3 else -1
        change = np.where(step < 13_000, -1, np.where(step > 52_500, 1, 0)) + np.where(step % 997 == 0, drift * 4, 0)
        price = cents + np.cumsum(change)
        cents = int(price[-1]) + int(moves[session, 0]) % 61 - 30
        shares = 100 * (1 + sizes[session] % 20 // (1 + middle)) + np.where(sizes[session] % 500 == 0, 10_000, 0)
        opened = np.datetime64(DAYS[session], "ms") + np.timedelta64(OPEN_MS, "ms")
        stamps = (opened + after.astype("m8[ms]")).astype(str)
        rows = zip(stamps.tolist(), price.tolist(), shares.tolist(), strict=True)
        lines += [f"{stamp}Z,{cents_ // 100}.{cents_ % 100:02},{count}" for stamp, cents_, count in rows]
    return _write(folder / "SIM.csv", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> Path:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


if __name__ == "__main__":
    for written in (*write_samples(), *write_actions(), write_trades()):
        sys.stdout.write(f"{written}\n")
