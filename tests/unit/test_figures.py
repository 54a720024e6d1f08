"""Figures show the numbers that they are of, and a page needs nothing but itself."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from backbus.cli.app import app
from backbus.errors import BackbusError, UsageError
from backbus.figures import bars_figure, check_place, fan_figure, fit_figure, grid_figure, write_figure
from backbus.figures.bars import CANDLES, MOST_LINES, SMALL, thinned
from backbus.figures.fit_diagnostics import density, memory
from backbus.figures.style import BLUE, GREEN, GREY, ORANGE, RED, THEMES, inked
from tests.unit.simulated import market

GBM = {"model": "gbm", "volatility": 0.3}
JOB = """
[simulator]
rows = 600
[[simulator.assets]]
symbol = "A"
path = { model = "gbm", volatility = 0.2 }
[strategy]
use = "SmaCross"
fast = 5
slow = 20
"""


def job_file(folder, text=JOB):
    path = folder / "job.toml"
    path.write_text(text)
    return path


def test_bars_that_are_put_together_are_the_bar_of_their_time():
    halt = {"scenario": "halt", "row": 30, "rows": 60}
    panel = market(GBM, rows=1003, scenarios=[halt])
    bars, rows = thinned(panel, 0, 100)
    b = panel.block
    assert len(rows) == 92 and rows[-1] == 1002
    for number, last in enumerate(rows.tolist()):
        part = slice(11 * number, last + 1)
        close = b.close[part, 0]
        traded = ~np.isnan(close)
        if not traded.any():
            assert all(np.isnan(field[number]) for field in bars)
            continue
        assert bars.open[number] == b.open[part, 0][traded][0]
        assert bars.close[number] == close[traded][-1]
        assert bars.high[number] == np.nanmax(b.high[part, 0])
        assert bars.low[number] == np.nanmin(b.low[part, 0])
        assert bars.volume[number] == pytest.approx(np.nansum(b.volume[part, 0]))
    assert np.isnan(bars.close).sum() == 5  # whole groups within the halt


def test_a_short_market_is_drawn_bar_by_bar():
    panel = market(GBM, rows=100)
    figure = bars_figure(panel, "a title")
    candles, volume = figure.data
    assert np.array_equal(candles.close, panel.block.close[:, 0])
    assert np.array_equal(volume.y, panel.block.volume[:, 0])
    assert figure.layout.title.text == "a title"
    assert len(candles.text) == 100 and candles.text[0] == str(np.datetime64(int(panel.block.session[0]), "D"))


def test_a_long_market_of_many_assets_says_what_it_leaves_out():
    panel = market(rows=3000, assets=[{"symbol": "A", "copies": MOST_LINES + 3, "path": GBM}])
    figure = bars_figure(panel)
    assert len(figure.data) == MOST_LINES
    assert f"{MOST_LINES} of {MOST_LINES + 3} assets" in figure.layout.title.text
    assert all(line.y[0] == 1.0 for line in figure.data)
    assert figure.data[2].y[-1] == pytest.approx(panel.block.close[-1, 2] / thinned(panel, 2, 600)[0].close[0])
    one = bars_figure(market(GBM, rows=3000))
    assert len(one.data[0].close) <= CANDLES


def test_a_grid_has_every_market_and_what_it_is_beside():
    panels = {name: market(GBM, rows=100, seed=seed) for seed, name in enumerate("abcd")}
    figure = grid_figure(panels, {"b": panels["a"]}, volume=True)
    assert [note.text for note in figure.layout.annotations if note.text] == list("abcd")
    assert len(figure.data) == 4 * 3 + 1
    assert any(np.array_equal(trace.y, panels["d"].block.close[:, 0]) for trace in figure.data)
    assert len(grid_figure({"a": market(GBM, rows=5000)}).data[1].y) <= SMALL


def test_a_fan_is_its_table():
    sessions = 20
    names = ("q01", "q05", "q25", "q50", "q75", "q95", "q99", "mean")
    rng = np.random.default_rng(1)
    columns = {name: np.sort(rng.normal(size=sessions)) + 100 * place for place, name in enumerate(names)}
    dates = np.arange(sessions).astype("M8[D]")
    table = pa.table({"date": pa.array(dates), **{name: pa.array(values) for name, values in columns.items()}})
    figure = fan_figure(table, 100.0)
    drawn = [np.asarray(trace.y) for trace in figure.data]
    assert len(drawn) == len(names)
    assert all(any(np.array_equal(values, y) for y in drawn) for values in columns.values())
    assert figure.layout.shapes[0].y0 == 100.0


def test_how_well_a_model_fits_is_told_by_density_and_memory():
    rng = np.random.default_rng(1)
    normal = rng.normal(0.0, 0.02, 200_000)
    where, dense = density(normal, 0.02)
    known = ~np.isnan(dense)
    assert (dense[known] * (where[1] - where[0])).sum() == pytest.approx(1.0)
    middle = np.abs(where) < 1.5
    assert dense[middle] == pytest.approx(np.exp(-0.5 * where[middle] ** 2) / np.sqrt(2 * np.pi), rel=0.05)
    assert np.abs(memory(normal)).max() < 0.012
    size = np.abs(normal)
    by_pandas = pd.Series(size).autocorr(3)
    assert memory(normal)[2] == pytest.approx(by_pandas, abs=1e-4)
    assert not memory(np.zeros(100)).any()
    figure = fit_figure({"A": normal[:5000]}, {"A": {"gbm": normal, "garch": 2 * normal}})
    assert [trace.name for trace in figure.data] == ["the data"] * 2 + ["gbm"] * 2 + ["garch"] * 2


def test_a_page_loads_nothing(tmp_path):
    path = tmp_path / "market.html"
    write_figure(bars_figure(market(GBM, rows=50)), path)
    text = path.read_text()
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=", text)
    assert "Plotly.newPlot" in text and len(text) > 1_000_000


def test_no_button_of_a_page_sends_the_figure_away(tmp_path):
    path = tmp_path / "market.html"
    write_figure(bars_figure(market(GBM, rows=50)), path)
    config = json.loads(re.findall(r"\{[^{}]*\"showSendToCloud\"[^{}]*\}", path.read_text())[-1])
    assert config["showSendToCloud"] is False


@pytest.mark.parametrize(
    ("name", "says"),
    [("market.gif", "ends in .html"), ("market", "ends in .html"), ("none/market.html", "no folder .*none")],
)
def test_a_figure_that_cannot_be_written_is_refused_first(tmp_path, name, says):
    with pytest.raises(UsageError, match=says):
        check_place(tmp_path / name)
    done = CliRunner().invoke(
        app, ["simulate", str(job_file(tmp_path)), "--out", str(tmp_path / "out"), "--figure", str(tmp_path / name)]
    )
    assert done.exit_code != 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "writes"), [("fan.html", "write_text"), ("fan.svg", "write_bytes")])
@pytest.mark.parametrize("old", [None, "the one of before"])
def test_a_figure_appears_whole_or_not_at_all(tmp_path, monkeypatch, name, writes, old):
    path, whole = tmp_path / name, getattr(Path, writes)
    if old is not None:
        path.write_text(old)

    def full(self, content, *given, **named):
        whole(self, content[: len(content) // 2], *given, **named)
        raise OSError(28, "No space left on device")

    class Drawn(go.Figure):
        def to_image(self, *given, **named):
            return b"<svg></svg>"

    monkeypatch.setattr(Path, writes, full)
    monkeypatch.setitem(sys.modules, "kaleido", object())
    with pytest.raises(BackbusError, match=rf"{name}: cannot be written: No space left on device; make room, or name"):
        write_figure(Drawn(), path)
    assert [one.name for one in tmp_path.iterdir()] == ([] if old is None else [name])
    assert old is None or path.read_text() == old


def test_without_plotly_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(UsageError, match=r"figures need plotly: pip install"):
        check_place(tmp_path / "a.html")


def test_the_command_line_draws_markets_fits_and_fans(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = str(job_file(tmp_path))
    call = CliRunner().invoke
    assert call(app, ["simulate", job, "--out", "out", "--figure", "market.html"]).exit_code == 0
    assert (tmp_path / "market.html").stat().st_size > 1_000_000
    fit = ["simulate", "fit", job, "--model", "gbm", "--model", "garch", "--figure", "fit.html"]
    assert call(app, fit).exit_code == 0
    assert "garch" in (tmp_path / "fit.html").read_text()
    swept = job_file(tmp_path, JOB + "[sweep.monte_carlo]\nmarkets = 8\n")
    assert call(app, ["sweep", str(swept), "--workers", "0"]).exit_code == 0
    (sweep,) = (tmp_path / "var" / "runs").glob("*/sweep.json")
    assert call(app, ["results", str(sweep.parent), "--figure", "fan.html"]).exit_code == 0
    assert "25 to 75 %" in (tmp_path / "fan.html").read_text()
    (sweep.parent / "fan.parquet").unlink()
    refused = call(app, ["results", str(sweep.parent), "--figure", "fan.html"])
    assert refused.exit_code != 0 and "monte_carlo" in str(refused.exception)


def luminance(colour: str) -> float:
    """WCAG 2.1's relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_in_bars_can_be_read_in_both_themes(theme):
    swap = THEMES[theme].get("swap", {})
    colours = [BLUE, ORANGE, GREEN, RED, GREY]
    for colour, ink in zip(colours, inked(colours)["insidetextfont"]["color"], strict=True):
        assert inked(colour)["insidetextfont"]["color"] == ink
        ground, text = (swap.get(one, one).replace("white", "#ffffff") for one in (colour, ink))
        low, high = sorted((luminance(ground), luminance(text)))
        assert (high + 0.05) / (low + 0.05) > 4.0, (colour, ink)
