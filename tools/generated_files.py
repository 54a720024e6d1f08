"""Price files by chance: forms × zones × calendars × faults, files of text and of types, vendors' dumps, splits as they
are printed, and LEAN's folder; each read back and held against what it was made from.

    python -m tools.generated_files --count 10000 --seed 1

Each comes out in one of four ways: *read* to the truth, *refused*, *noted* (read to something else, with a note), or
*wrong*: read to something else without a word, which ends the command with status 1 and shows the file.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from backbus.data import load_panel, resolve_files
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.job.parsing import parse
from backbus.market.panel import Panel
from tools.generated.actions import lean_folder, with_splits
from tools.generated.made import Columns, Made
from tools.generated.text_files import daily, within_the_day
from tools.generated.typed_files import dumps, parquet, several

KINDS: tuple[tuple[Callable[[random.Random], Made], int], ...] = (
    (daily, 40),
    (within_the_day, 20),
    (with_splits, 10),
    (lean_folder, 10),
    (parquet, 8),
    (dumps, 7),
    (several, 5),
)
"""What is made, and in how many of a hundred files."""
ALWAYS_NOTED = ("lean", "splits")
"""Kinds whose notes tell of what was read, and excuse no difference."""


def made(seed: int) -> Made:
    """The file of this number, always the same one."""
    chance = random.Random(f"file {seed}")
    kinds, weights = zip(*KINDS, strict=True)
    kind: Callable[[random.Random], Made] = chance.choices(kinds, weights)[0]
    return kind(chance)


def outcome(one: Made, folder: Path) -> tuple[str, str]:
    """How a file came out, and why."""
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        for name, text in {one.name: one.text, **one.more}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(text)
        settings = parse(DataSettings, one.settings, within=("data",))
        files = resolve_files(settings, place) if settings.files else {one.name: place / one.name}
        panel = load_panel(settings, files)
    except BackbusError as error:
        return "refused", str(error)
    finally:
        shutil.rmtree(place)
    difference = _difference(one, panel)
    if difference is None:
        return "read", ""
    explained = panel.notes and one.forms[0] not in ALWAYS_NOTED
    return ("noted", "; ".join(panel.notes)) if explained else ("wrong", difference)


def _difference(one: Made, panel: Panel) -> str | None:
    block = panel.block
    if one.daily:
        days = block.session.astype("M8[D]").astype(str).tolist()
    else:
        days = [str(pd.Timestamp(each)) for each in block.end.tolist()]
    if days != one.days:
        return f"rows {days[:4]} … instead of {one.days[:4]} …"
    asset = 0 if one.asset is None else panel.symbols.index(one.asset)
    found_of = {asset: one.prices} | {panel.symbols.index(symbol): prices for symbol, prices in one.others.items()}
    return next((why for each, prices in found_of.items() if (why := _unlike(panel, each, prices))), None)


def _unlike(panel: Panel, asset: int, prices: Columns) -> str | None:
    block = panel.block
    for name, values in prices.items():
        ours = block.cells()[name][:, asset]
        if name in ("split", "dividend"):  # where there is none, cells may be empty, 0 or 1
            nothing = 1.0 if name == "split" else 0.0
            ours = np.where(np.isnan(ours) | (ours == 0.0), nothing, ours)
        if not np.allclose(ours, values, rtol=1e-9, atol=1e-9 if name == "dividend" else 0.0):
            return f"{name} {ours[:3].tolist()} instead of {values[:3]}"
    return None


def run(count: int, seed: int, folder: Path) -> Iterator[tuple[int, Made, str, str]]:
    """All files of a range, and how each came out."""
    for number in range(seed * 1_000_000, seed * 1_000_000 + count):
        one = made(number)
        yield number, one, *outcome(one, folder)


def main() -> int:
    """Make files, read them back, and count."""
    parser = argparse.ArgumentParser(description="Price files by chance, read back.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--refused", action="store_true", help="print why files were refused, the commonest first")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    kinds: dict[str, Counter[str]] = {}
    why: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as place:
        for number, one, how, told in run(arguments.count, arguments.seed, Path(place)):
            counts[how] += 1
            if counts.total() % 500 == 0:
                sys.stderr.write(f"{counts.total()} of {arguments.count}: {dict(counts)}\n")
            kinds.setdefault(one.forms[0], Counter())[how] += 1
            if how == "wrong":
                wrong.append((number, told))
                sys.stderr.write(f"{number} {one.forms} {one.settings}: {told}\n{one.text[:400]!r}\n\n")
            elif how == "refused":
                why[" ".join(word for word in told.split() if not any(map(str.isdigit, word)))[:110]] += 1
    if arguments.json:
        sys.stdout.write(json.dumps({"counts": counts, "kinds": kinds, "wrong": wrong}) + "\n")
    else:
        sys.stdout.write(", ".join(f"{how}: {count}" for how, count in counts.most_common()) + "\n")
        for kind, found in sorted(kinds.items()):
            told = ", ".join(f"{how}: {count}" for how, count in found.most_common())
            sys.stdout.write(f"  {kind}: {told}\n")
    if arguments.refused:
        for told, count in why.most_common(25):
            sys.stdout.write(f"{count:6} {told}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
