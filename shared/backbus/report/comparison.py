"""Runs side by side as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backbus.performance.summary import FORMS, title_of, written
from backbus.report.drawing import drawn_figure
from backbus.report.headline import PageWords, period_of, strategy_of
from backbus.report.packing import Packing, Told
from backbus.report.page import page_parts
from backbus.report.series import Lifted
from backbus.report.tables import made_table
from backbus.report.writing import check_page, write_parts
from backbus.runs.shown import RunShown


class ComparedWords(PageWords):
    """What a page says of runs that stand beside each other."""

    def __init__(self, runs: Sequence[RunShown], names: Sequence[str]) -> None:
        super().__init__("comparison", ", ".join(names))
        self.sentences = [
            f"{name}: {strategy_of(run.settings)}, {period_of(run.summary)}, "
            f"return {written('total_return', run.summary.metrics.total_return)}, "
            f"Sharpe {written('sharpe', run.summary.metrics.sharpe)}."
            for name, run in zip(names, runs, strict=True)
        ]


def write_comparison(
    runs: Sequence[RunShown],
    names: Sequence[str],
    settings: Mapping[str, Sequence[Any]],
    curves: Sequence[tuple[str, str, Any]],
    path: Path,
) -> None:
    """Write runs beside each other into a page. ``settings`` are those that part them, a value for each run;
    ``curves`` are figures: name, meaning, plotly's. Raises UsageError for a place where nothing can be written."""
    check_page(path)
    with Packing() as packing:
        lifted = Lifted(packing)
        figures = [drawn_figure(name, meaning, figure, lifted) for name, meaning, figure in curves]
        lifted.settle()
        tables: list[Told] = [_figures(runs, names, packing)]
        if settings:
            tables.append(_settings(settings, names, packing))
        write_parts(path, page_parts(ComparedWords(runs, names), figures, tables, {}, None, packing.blobs()))


def _figures(runs: Sequence[RunShown], names: Sequence[str], packing: Packing) -> Told:
    metrics = [run.summary.metrics.model_dump() for run in runs]
    having = [name for name in FORMS if any(of[name] is not None for of in metrics)]
    columns = {"figure": np.array([title_of(name) for name in having], object)}
    for name, of in zip(names, metrics, strict=True):
        columns[name] = np.array([written(figure, of[figure]) for figure in having], object)
    return made_table(packing, "figures", "Figures", columns)


def _settings(settings: Mapping[str, Sequence[Any]], names: Sequence[str], packing: Packing) -> Told:
    columns = {"setting": np.array(list(settings), object)}
    for place, name in enumerate(names):
        values = ["–" if of[place] is None else str(of[place]) for of in settings.values()]
        columns[name] = np.array(values, object)
    return made_table(packing, "settings", "Settings that part them", columns)
