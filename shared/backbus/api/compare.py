"""``compare``: runs side by side, in figures, settings and curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.errors import DataError, UsageError
from backbus.folders import RUNS
from backbus.kinds import PATH, takes
from backbus.performance.metrics import FIGURES
from backbus.runs.differences import settings_apart
from backbus.runs.library import find_run

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, repr=False)
class Comparison:
    """Some runs beside each other."""

    results: tuple[Result, ...]
    names: tuple[str, ...]
    """What each is called here: its job's name, with the begin of its id where another has the same."""

    @property
    def table(self) -> pd.DataFrame:
        """[figures, runs] the figures of docs/metrics.md."""
        import pandas as pd

        return pd.DataFrame(dict(zip(self.names, (one.metrics for one in self.results), strict=True)), list(FIGURES))

    @property
    def settings(self) -> pd.DataFrame:
        """[settings, runs] those that are not the same in all."""
        import pandas as pd

        return pd.DataFrame.from_dict(dict(self._settings()), orient="index", columns=list(self.names))

    @property
    def equity(self) -> pd.DataFrame:
        """[sessions, runs] equity at each session's end, as a multiple of what the account began with."""
        import pandas as pd

        return pd.DataFrame({
            name: pd.Series(one.daily / one.cash, pd.DatetimeIndex(one.sessions, name="session"))
            for name, one in zip(self.names, self.results, strict=True)
        })  # fmt: skip

    def plot(self) -> go.Figure:
        """Equity of all on one axis, each as a multiple of what it began with."""
        import plotly.graph_objects as go

        from backbus.figures.style import LINES, dress

        found = go.Figure()
        for place, (name, one) in enumerate(zip(self.names, self.results, strict=True)):
            line = {"color": LINES[place % len(LINES)], "width": 1.4}
            found.add_trace(go.Scatter(x=one.sessions, y=one.daily / one.cash, mode="lines", name=name, line=line))
        dress(found, "Equity, as a multiple of the start")
        return found

    @takes(path=PATH)
    def report(self, path: Path | str) -> Path:
        """Write them as one page that opens offline, a file that ends in .html; returns its place. Raises UsageError
        for a place where nothing can be written."""
        from backbus.report.comparison import write_comparison

        curves = [
            ("equity", "equity at each session's end, as a multiple of what the account began with", self.plot()),
            ("underwater", "how far each is below its highest", self._underwater()),
        ]
        write_comparison(self.results, self.names, dict(self._settings()), curves, Path(path))
        return Path(path)

    def _underwater(self) -> go.Figure:
        import plotly.graph_objects as go

        from backbus.figures.style import LINES, dress

        found = go.Figure()
        for place, (name, one) in enumerate(zip(self.names, self.results, strict=True)):
            line = {"color": LINES[place % len(LINES)], "width": 1.2}
            below = one.daily / np.maximum(np.maximum.accumulate(one.daily), one.cash) - 1.0
            found.add_trace(go.Scatter(x=one.sessions, y=below, mode="lines", name=name, line=line))
        dress(found, "Below the highest", height=300)
        found.update_yaxes(tickformat=".0%")
        return found

    def _settings(self) -> Iterator[tuple[str, list[Any]]]:
        first, *others = (one.settings for one in self.results)
        apart = [{one.where: one for one in settings_apart(first, other)} for other in others]
        for name in dict.fromkeys(name for found in apart for name in found):
            then = next(found[name].first for found in apart if name in found)
            yield name, [then, *(found[name].second if name in found else then for found in apart)]

    def _repr_html_(self) -> str:
        shown = self.table.dropna(how="all").to_html(border=0, float_format=lambda number: f"{number:.6g}")
        settings = "" if self.settings.empty else self.settings.to_html(border=0)
        return f"<div>{escape(', '.join(self.names))}{settings}{shown}</div>"

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(self.names)}>"

    def plain(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        runs = [
            {"job": one.job, "name": one.summary.name, "called": name, "fingerprint": one.fingerprint}
            for name, one in zip(self.names, self.results, strict=True)
        ]
        return {
            "runs": runs,
            "figures": {name: [one.metrics[name] for one in self.results] for name in FIGURES},
            "settings": dict(self._settings()),
            "correlation": self.correlation(),
        }

    def correlation(self) -> list[list[float | None]]:
        """[runs, runs] of the returns of sessions that both have; None where there are less than three, or one does not
        vary."""
        returns = [dict(zip(one.sessions.tolist(), one.session_returns.tolist(), strict=True)) for one in self.results]
        return [[_correlation(one, other) for other in returns] for one in returns]


def _correlation(one: dict[Any, float], other: dict[Any, float]) -> float | None:
    both = [(one[day], other[day]) for day in one if day in other]
    pairs = np.array(both, dtype=np.float64).reshape(-1, 2)
    first, second = pairs[np.isfinite(pairs).all(axis=1)].T
    if len(first) < 3 or first.std() == 0.0 or second.std() == 0.0:
        return None
    return float(np.corrcoef(first, second)[0][1])


def compare(*runs: Result | Path | str) -> Comparison:
    """Runs beside each other: results, or runs of ``var/runs`` by folder, id or name. Raises JobError for one that is
    not there, UsageError for less than two, or for a search, and DataError for one that is damaged."""
    if len(runs) < 2:
        raise UsageError("name at least two runs to compare")
    results = [one if isinstance(one, Result) else _read(one) for one in runs]
    named = [one.summary.name for one in results]
    names = [
        name if named.count(name) == 1 else f"{name} ({one.job[:6]})" for name, one in zip(named, results, strict=True)
    ]
    for place, name in enumerate(names):
        if names.index(name) != place:
            names[place] = f"{name} {place + 1}"
    return Comparison(tuple(results), tuple(names))


def _read(run: Path | str) -> Result:
    if not isinstance(run, Path | str):
        told = "a Result, or a run of var/runs by its folder, id or name"
        raise UsageError(f"compare: a run is {told}; one is of type {type(run).__name__} here")
    folder = run if isinstance(run, Path) else find_run(run, RUNS)
    found = read_run(folder)
    if not isinstance(found, Result):
        best = "; `backbus rerun` makes a run of one of its points" if found.kind == "sweep" else ""
        raise UsageError(f"{run} is of a {found.kind}, and single runs are compared{best}")
    if "equity" not in found.tables:
        raise DataError(
            "has no equity.parquet, which is compared: it is not whole; run the job again", file=str(folder)
        )
    for name in ("equity", "session"):
        found.column("equity", name)  # a damaged one is told before anything is shown
    return found
