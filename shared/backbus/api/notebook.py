"""What a notebook shows of a result that stands at the end of a cell: its figures as a table, and its equity."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

import numpy as np

from backbus.market.panel import Floats
from backbus.runs.advice import advice_of
from backbus.runs.shown import RunShown, SweepShown

WIDTH, HEIGHT = 640, 140
_STYLE = "font-family:sans-serif;font-size:13px"


def run_html(result: RunShown) -> str:
    """The summary of a run, and its equity curve as a picture that needs no script."""
    from backbus.performance.summary import summary_lines

    lines = summary_lines(result.summary, result.settings)
    rows = "".join(_row(line.label, f"{line.figure} {line.words}".strip()) for line in lines)
    remarks = (*advice_of(result.summary, result.settings or None), *result.summary.notes, *result.summary.warnings)
    notes = "".join(f"<li>{escape(note)}</li>" for note in remarks)
    curve = equity_picture(result.column("equity", "equity"), result.cash) if "equity" in result.tables else ""
    told = f"<ul style='margin:4px 0'>{notes}</ul>" if notes else ""
    return (
        f"<div style='{_STYLE}'><b>{escape(result.summary.name)}</b>{curve}"
        f"<table style='border-collapse:collapse'>{rows}</table>{told}</div>"
    )


def sweep_html(result: SweepShown) -> str:
    """The summary of a search, and the head of its table."""
    best = result.summary.get("best")
    lines = [("kind", result.kind), ("rows", f"{result.count('table')}")]
    if best:
        lines += [(name, str(value)) for name, value in best["params"].items()]
        goal = str(result.summary["objective"]).removeprefix("-")
        lines.append((goal, f"{best['metrics'][goal]:.6g}"))
    rows = "".join(_row(name, value) for name, value in lines)
    head = (
        result.tables.frame("table")
        .head(10)
        .to_html(index=False, border=0, float_format=lambda number: f"{number:.6g}")
    )
    name = escape(result.summary["name"])
    return f"<div style='{_STYLE}'><b>{name}</b><table style='border-collapse:collapse'>{rows}</table>{head}</div>"


def equity_picture(values: Floats, begun: float) -> str:
    """An SVG of [rows] values: the least and the greatest of what falls on each pixel, so that no extreme is lost."""
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return ""
    cuts = np.unique(np.linspace(0, len(values), min(WIDTH, len(values)) + 1).astype(np.int64))[:-1]
    low, high = np.minimum.reduceat(values, cuts), np.maximum.reduceat(values, cuts)
    least, most = min(float(low.min()), begun), max(float(high.max()), begun)
    room = (most - least) or 1.0
    across = np.linspace(0.0, WIDTH, len(cuts))

    def down(value: Floats | float) -> Floats:
        return np.asarray(HEIGHT * (most - np.asarray(value)) / room)

    upper = _points(zip(across, down(high), strict=True))
    lower = _points(zip(across[::-1], down(low)[::-1], strict=True))
    start = float(down(begun))
    return (
        f"<svg viewBox='0 -2 {WIDTH} {HEIGHT + 4}' width='{WIDTH}' height='{HEIGHT}' role='img' "
        f"aria-label='equity from {values[0]:,.2f} to {values[-1]:,.2f}' style='display:block;max-width:100%'>"
        f"<line x1='0' x2='{WIDTH}' y1='{start:.1f}' y2='{start:.1f}' stroke='#8a929c' stroke-dasharray='2 3'/>"
        f"<polygon points='{upper} {lower}' fill='#2563a8' stroke='#2563a8' stroke-width='1'/></svg>"
    )


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _row(name: str, value: str) -> str:
    return (
        f"<tr><td style='padding:1px 12px 1px 0;text-align:left'>{escape(name)}</td>"
        f"<td style='padding:1px 0;text-align:right'>{escape(value)}</td></tr>"
    )
