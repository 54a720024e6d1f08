"""Figures of markets, of fits and of results: plotly's, so that pages, reports and notebooks show the same ones.

They need the extra ``figures``. Nothing of backbus needs them.
"""

from backbus.figures.bars import bars_figure, grid_figure
from backbus.figures.fan import fan_figure
from backbus.figures.fit_diagnostics import fit_figure
from backbus.figures.page import check_place, write_figure
from backbus.figures.registry import NothingToShow, RegisteredFigure, figure, figures, find_figure

__all__ = [
    "NothingToShow",
    "RegisteredFigure",
    "bars_figure",
    "check_place",
    "fan_figure",
    "figure",
    "figures",
    "find_figure",
    "fit_figure",
    "grid_figure",
    "write_figure",
]
