"""What a panel says of itself where it stands at the end of a cell: counts and a period, and no prices."""

from __future__ import annotations

from backbus.data import panel_from_frame
from tests.unit.made_bars import days


def test_a_panel_its_layout_and_its_blocks_are_a_line_each() -> None:
    frame = next(iter(days(30).values()))
    panel = panel_from_frame(dict.fromkeys("ABCDEFG", frame))
    first, last = panel.block.session[[0, -1]].astype("M8[D]")
    assert repr(panel) == f"<Panel of A, B, C, D, E and 2 more: 30 rows, {first} to {last}>"
    assert repr(panel.layout) == "<Layout of A, B, C, D, E and 2 more: 30 rows, 0 of them warm-up>"
    assert repr(panel.part(0, 0)) == "<Block of 0 rows from row 0>"
    assert repr(panel.part(3, 5)).startswith("<Block of 2 rows from row 3, ")
