"""Draw the pictures of the docs: ``python -m tools.pictures`` (``make pictures``). They are the examples' own markets.

Needs a Chromium, in which plotly draws; nothing is loaded from the network.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from backbus.api.run import run
from backbus.api.run_sweep import run_sweep
from backbus.engine.inputs import files_of, inputs_of
from backbus.figures import bars_figure, fit_figure, grid_figure, write_figure
from backbus.job.job import Job
from backbus.market.panel import Panel
from backbus.simulator import fitting
from tests.browser.chromium import Browser

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "docs" / "pictures"
EXAMPLES = ROOT / "examples"
ZOOM = {"delisting": (1900, 2100), "flash_crash": (960, 1040), "gap": (960, 1040), "halt": (980, 1040)}
"""Rows that are shown of a scenario; 900 to 1200 where nothing is said."""


def panel_of(job: Job) -> Panel:
    """The market of a job."""
    return inputs_of(job, files_of(job)).panel


def cut(panel: Panel, first: int, stop: int) -> Panel:
    """Some rows of it."""
    return Panel(replace(panel.layout, rows=stop - first), panel.block.rows(first, stop))


def models() -> None:
    """One market of each model."""
    markets = {}
    for path in sorted((EXAMPLES / "simulated").glob("*.toml")):
        if path.stem != "mixed":
            markets[path.stem] = panel_of(Job.load(path))
    draw("models", grid_figure(markets, title="Models"))


def scenarios() -> None:
    """Each scenario, and in grey the same market without it."""
    markets, without = {}, {}
    for path in sorted((EXAMPLES / "scenarios").glob("*.toml")):
        job = Job.load(path)
        first, stop = ZOOM.get(path.stem, (900, 1200))
        markets[path.stem] = cut(panel_of(job), first, stop)
        assert job.simulator is not None
        plain = job.model_copy(update={"simulator": job.simulator.model_copy(update={"scenarios": ()})})
        plain.come_from(job.folder)
        without[path.stem] = cut(panel_of(plain), first, stop)
    draw("scenarios", grid_figure(markets, without, volume=True, title="Scenarios"))


def day() -> None:
    """A session of one-minute bars, busy at both ends."""
    job = Job.load(EXAMPLES / "simulated" / "mixed.toml")
    panel = panel_of(job)
    layout = replace(panel.layout, symbols=panel.symbols[:1], rows=390)
    block = panel.block.rows(0, 390)
    first = {name: getattr(block, name)[:, :1] for name in ("open", "high", "low", "close", "volume")}
    draw("day", bars_figure(Panel(layout, replace(block, **first)), "One-minute bars of a session"))


def fit() -> None:
    """Models beside the history of a share."""
    panel = panel_of(Job.load(EXAMPLES / "sma_crossover.toml"))
    closes = fitting.closes_of(panel, "IBM")
    made = {}
    for model in ("gbm", "garch", "merton", "regimes"):
        returns = fitting.returns_of_model(fitting.fit(closes, model, 252.0).path, closes, 252.0)
        assert returns is not None
        made[model] = returns
    data = {"IBM": fitting.returns_of_closes(closes)}
    draw("fit", fit_figure(data, {"IBM": made}, "Models beside the data they were fitted to"))


def fan() -> None:
    """The Monte-Carlo example."""
    result = run_sweep(EXAMPLES / "monte_carlo.toml")
    title = f"Equity of a moving-average cross in {result.count('table')} simulated markets"
    draw("fan", result.figures["fan"].update_layout(title_text=title))


def price() -> None:
    """Orders, exits and fills of half a year."""
    half = {"data.start": "2012-07-01", "data.end": "2012-12-31"}
    draw("price", run(EXAMPLES / "brackets.toml", overrides=half).figures["price"])


def heat_map() -> None:
    """The example of a grid."""
    draw("heat_map", run_sweep(EXAMPLES / "sma_grid.toml").figures["heat_map"])


def report() -> None:
    """The head of the example's report, as a browser shows it."""
    with tempfile.TemporaryDirectory() as folder:
        page = run(EXAMPLES / "sma_crossover.toml").report(Path(folder) / "report.html")
        browser = Browser()
        try:
            browser.look(width=1200, height=1560)
            browser.open(page)
            browser.picture(PLACE / "report.png")
        finally:
            browser.close()
    sys.stdout.write(f"{(PLACE / 'report.png').relative_to(ROOT)}\n")


def draw(name: str, figure: object) -> None:
    """Write it, and say so."""
    write_figure(figure, PLACE / f"{name}.svg")
    sys.stdout.write(f"{(PLACE / name).relative_to(ROOT)}.svg\n")


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for one in (models, scenarios, day, fit, fan, price, heat_map, report):
        one()
