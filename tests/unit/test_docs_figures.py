"""``docs/figures.md`` lists every registered figure, of each kind of result, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backbus.figures.registry import figures
from tests.unit.doc_pages import ROOT, rows, section, text_of, words

PAGE = text_of("figures.md")
KINDS = {
    "run": "Of a run",
    "sweep": "Of a sweep",
    "walk_forward": "Of a walk-forward",
    "cpcv": "Of a cross-validation",
    "monte_carlo": "Of a Monte Carlo job",
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_figure_is_listed_in_the_order_in_which_it_is_shown(kind: str) -> None:
    listed = [words(row[0])[0] for row in rows(section(PAGE, KINDS[kind])) if len(row) == 3]
    ours = [name for name, one in figures(kind).items() if one.draw.__module__.startswith("backbus.")]
    assert listed == ours
    first = next(row for row in rows(section(PAGE, KINDS[kind])) if len(row) == 3)
    assert re.search(r"[Tt]he main one", first[1])


def test_its_pictures_are_drawn_by_the_tool() -> None:
    tool = Path(ROOT / "tools" / "pictures.py").read_text(encoding="utf-8")
    for name in re.findall(r"pictures/(\w+)\.svg", PAGE):
        assert (ROOT / "docs" / "pictures" / f"{name}.svg").is_file() and f'draw("{name}"' in tool
