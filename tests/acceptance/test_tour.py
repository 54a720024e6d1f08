"""The notebook of examples, cell by cell, as a kernel runs it: names are shared, the last expression is shown."""

from __future__ import annotations

import ast
import json
import linecache
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "tour.ipynb"


def shown_by(cell: str, number: int, names: dict[str, Any]) -> Any:
    """What a cell shows: its last expression's value."""
    place = f"<cell {number}>"
    linecache.cache[place] = len(cell), None, cell.splitlines(keepends=True), place
    tree = ast.parse(cell, place)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), place, "eval"), names)  # type: ignore[attr-defined]


def test_the_tour_runs_and_shows_what_it_says(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(examples)
    before = {path.name for path in examples.iterdir()}
    cells = [
        "".join(cell["source"])
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    ]
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [shown_by(cell, number, names) for number, cell in enumerate(cells)]
    drawn = [hasattr(one, "to_plotly_json") for one in shown]
    pictures = [one for one, is_drawn in zip(shown, drawn, strict=True) if is_drawn]
    assert len(pictures) >= 4 and all(one.data for one in pictures)
    others = [one for one, is_drawn in zip(shown, drawn, strict=True) if not is_drawn]
    tables = [one._repr_html_() for one in others if hasattr(one, "_repr_html_")]
    assert len(tables) >= 6 and any("<svg" in one for one in tables)
    page = names["folder"] / "tour.html"
    assert page.stat().st_size > 100_000
    page.unlink()
    page.parent.rmdir()
    assert {path.name for path in examples.iterdir()} == before
    assert names["other"].metrics["sharpe"] == pytest.approx(names["swept"].summary["best"]["metrics"]["sharpe"])


def test_the_notebook_keeps_no_output() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
