"""Write real daily prices of AAPL, GOOG, IBM and MSFT (2000 to 2013) to ``data/*.csv`` beside this script.

They come with the bokeh-sampledata package: nothing is downloaded. Run it as often as you like.

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
    for written in write_samples():
        sys.stdout.write(f"{written}\n")
