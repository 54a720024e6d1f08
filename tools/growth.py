"""Draw how runs grow with bars, assets and processes: ``python tools/growth.py`` (``make pages``).

What ``benchmarks/growth.json`` holds, which ``make bench BENCH=--growth`` writes; a panel for each of its curves.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from diagrams import PLACE, WIDTH, Drawing

MEASURED = Path(__file__).resolve().parent.parent / "benchmarks" / "growth.json"
PANEL_WIDTH, PANEL_HEIGHT, TOP = WIDTH / 2, 210, 24
BY_COUNT = "processes"
"""Along these a pace should rise as they do, as far as there are processors; along all else it should stay."""


def short(value: float) -> str:
    """Three figures, thousands by letter."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return f"{value:.3g}"


def _panel(drawing: Drawing, curve: dict[str, Any], processors: int, left: float, top: float) -> None:
    points = curve["points"]
    sizes, paces = ([point[name] for point in points] for name in ("size", "pace"))
    even = curve["along"] == BY_COUNT
    ideal = [paces[0] * (min(size, processors) / sizes[0] if even else 1) for size in sizes]
    highest = max(*paces, *ideal) * 1.15
    begin, end, base, height = left + 70, left + PANEL_WIDTH - 45, top + 150, 112
    drawing.text(left + 24, top, curve["name"], kind="text bold", at="start")
    drawing.text(left + 24, top + 17, curve["unit"], size=12, kind="dim", at="start")

    def place(size: float, pace: float) -> tuple[float, float]:
        along = [size if even else math.log10(size) for size in (size, sizes[0], sizes[-1])]
        share = (along[0] - along[1]) / (along[2] - along[1])
        return round(begin + share * (end - begin), 1), round(base - pace / highest * height, 1)

    drawing.line((left + 40, base), (left + PANEL_WIDTH - 15, base), kind="grid", tip=False)
    drawing.line(*map(place, sizes, ideal), tip=False, dashed=True)
    drawing.line(*map(place, sizes, paces), kind="marked", tip=False)
    for size, pace in zip(sizes, paces, strict=True):
        x, y = place(size, pace)
        drawing.dot(x, y)
        drawing.text(x, y + 19 if even else y - 11, short(pace), size=12)
        drawing.text(x, base + 17, short(size), size=12, kind="dim")
    drawing.text((begin + end) / 2, base + 34, curve["along"], size=12, kind="dim")


def growth() -> Drawing:
    """All curves, two beside each other."""
    told = json.loads(MEASURED.read_text(encoding="utf-8"))
    curves = told["curves"]
    tall = -(-len(curves) // 2)
    said = "; ".join(
        f"{curve['name']}, {curve['unit']}: "
        + ", ".join(f"{short(point['pace'])} at {short(point['size'])}" for point in curve["points"])
        + f" {curve['along']}"
        for curve in curves
    )
    drawing = Drawing(TOP + PANEL_HEIGHT * tall + 40, "How runs grow", said)
    for number, curve in enumerate(curves):
        _panel(drawing, curve, told["processors"], number % 2 * PANEL_WIDTH, TOP + 12 + number // 2 * PANEL_HEIGHT)
    drawing.text(
        24,
        TOP + PANEL_HEIGHT * tall + 24,
        f"Medians, {told['date']}, {told['processors']} processors. Dashed: the pace of the first size; of "
        "processes, times their number, as far as there are processors.",
        size=12,
        kind="dim",
        at="start",
    )
    return drawing


def made() -> dict[Path, str]:
    """The picture's file and text."""
    return {PLACE / "growth.svg": str(growth())}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
