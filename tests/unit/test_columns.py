"""Further columns of the data: features, rates, adjusted closes, as strategies of each style read them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from backbus.api.run import run
from backbus.data import load_panel, map_panel, panel_from_frame, write_panel
from backbus.engine.handlers import run_handlers
from backbus.engine.run import Engine
from backbus.errors import BackbusError, DataError, JobError, ProtocolError, StrategyError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.market.panel import Block, Layout
from backbus.strategy import Strategy
from backbus.streams import codec
from backbus.streams.admission import admit
from backbus.streams.event import Event
from backbus.streams.topology import Kind

ROWS = 400


def text(seed: int, extra: str = "Rate") -> str:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, ROWS)))
    rate = rng.normal(size=ROWS)
    days = np.datetime64("2020-01-01") + np.arange(ROWS)
    lines = [
        f"{day},{c},{c + 1},{c - 1},{c},{c * 0.9},1000,{'' if row % 7 == 0 else r}"
        for row, (day, c, r) in enumerate(zip(days, close.tolist(), rate.tolist(), strict=True))
    ]
    return "\n".join([f"date,open,high,low,close,adj close,volume,{extra}", *lines]) + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "A.csv").write_text(text(1))
    (tmp_path / "B.csv").write_text(text(2, "rate"))
    return tmp_path


def panel_of(folder, **settings):
    settings = {"columns": ["rate"], **settings}
    return load_panel(DataSettings(**settings), {name: folder / name for name in ("A.csv", "B.csv")})


class Streams(Strategy):
    """Long while the rate is above its own mean."""

    def signals(self, bars):
        rate = bars["rate"]
        return self.hold_long(rate > rate.sma(5))


class ByBar(Strategy):
    """The same thought, bar by bar."""

    lookback: ClassVar[int] = 5

    def on_bar(self, bar, book):
        if bar["rate"] > 1.0 and bar.history("rate", 5)[-1] == bar["rate"]:
            self.go_long()
        elif bar["rate"] < -1.0:
            self.go_flat()


class Arrays(Strategy):
    """And in plain arrays."""

    lookback: ClassVar[int] = 3

    def signals(self, bars):
        rate = np.nan_to_num(bars.raw["rate"])
        ahead = rate[3:] + rate[2:-1] + rate[1:-2] + rate[:-3]
        return self.hold_long(bars.stream(ahead > 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("style", [Streams, ByBar, Arrays])
def test_every_style_reads_them_in_both_modes(folder, style):
    panel = panel_of(folder)
    job = Job.parse(
        {"strategy": {"use": "x"}, "data": {"columns": ["rate"]}, "portfolio": {"sizing": {"model": "equal_weight"}}}
    )
    one = Engine(job, panel, style()).run()
    assert one.counts.fills > 20
    assert run_handlers(job, panel, style()).fingerprint == one.fingerprint
    assert run_handlers(job, panel, style(), block=1, window=3).fingerprint == one.fingerprint


def test_what_strategies_see_is_what_the_files_say(folder):
    seen = {}

    class Looks(Strategy):
        def on_bar(self, bar, book):
            seen[bar.symbol, bar.row] = bar["rate"]

    panel = panel_of(folder)
    assert panel.layout.columns == ("rate",)
    job = Job.parse({"strategy": {"use": "x"}})
    Engine(job, panel, Looks()).run()
    for number, name in enumerate(("A.csv", "B.csv")):
        lines = (folder / name).read_text().splitlines()[1:]
        for row, line in enumerate(lines):
            written = line.split(",")[-1]
            value = seen[name[0], row]
            assert np.isnan(value) if written == "" else value == float(written)
            assert panel.block.extra["rate"][row, number].tobytes() == np.float64(value).tobytes()


def test_an_adjusted_close_is_a_column_too(folder):
    panel = panel_of(folder, columns=["adj close", "rate"], adjust="adj_close")
    raw = panel_of(folder)
    assert panel.layout.columns == ("adj close", "rate")
    assert panel.block.extra["adj close"] == pytest.approx(0.9 * raw.block.close)
    assert panel.block.close == pytest.approx(0.9 * raw.block.close)


def test_a_column_that_is_not_there_is_told_of(folder):
    with pytest.raises(JobError, match=r"data\.columns.*A\.csv has no column 'mood' \(found: .*Rate"):
        panel_of(folder, columns=["mood"])
    for strategy in (Streams, ByBar, Arrays):
        job = Job.parse({"strategy": {"use": "x"}})
        with pytest.raises(StrategyError, match=r"no column 'rate'; the job's data\.columns is left out|has no field"):
            Engine(job, panel_of(folder, columns=[]), strategy()).run()


def test_a_column_s_cell_that_is_no_number_is_refused(folder):
    (folder / "A.csv").write_text(text(1).replace(",1000,\n", ",1000,much\n", 1))
    with pytest.raises(DataError, match=r"A\.csv:2, column 'Rate'.*'much' is not a number"):
        panel_of(folder)


@pytest.mark.parametrize("columns", [["close"], ["a", "a"], [""], ["x" * 101], ["end"]])
def test_names_that_can_be_none_are_refused(columns):
    with pytest.raises(BackbusError, match=r"data\.columns"):
        Job.parse({"strategy": {"use": "SmaCross"}, "data": {"columns": columns}})


def test_they_are_kept_in_a_panel_file_and_chosen_from_it(folder):
    panel = panel_of(folder, columns=["rate", "adj close"])
    path = folder / "p.arrow"
    write_panel(panel, path)
    read = map_panel(path).panel
    assert read.layout == panel.layout
    for name in ("rate", "adj close"):
        assert read.block.extra[name].tobytes() == panel.block.extra[name].tobytes()
    chosen = load_panel(DataSettings(columns="adj close", symbols="B", start="2020-02-01"), {"p.arrow": path})
    assert chosen.layout.columns == ("adj close",)
    assert chosen.block.extra["adj close"][31:, 0].tobytes() == panel.block.extra["adj close"][31:, 1].tobytes()
    with pytest.raises(JobError, match=r"p\.arrow has no column 'mood'; it has rate, adj close"):
        load_panel(DataSettings(columns="mood"), {"p.arrow": path})


def test_frames_have_them_as_well(folder):
    import pandas as pd

    frame = pd.read_csv(folder / "A.csv")
    panel = panel_from_frame(frame, settings=DataSettings(columns=["rate"]))
    assert panel.block.extra["rate"][1, 0] == frame["Rate"][1]
    with pytest.raises(JobError, match="no column 'mood'"):
        panel_from_frame(frame, settings=DataSettings(columns=["mood"]))
    result = run({"strategy": {"use": "SmaCross"}, "data": {"columns": ["rate"]}}, frame, tables=False)
    assert result.fingerprint == run({"strategy": {"use": "SmaCross"}}, frame, tables=False).fingerprint


def block_of(columns) -> Block:
    days = np.arange(3, dtype=np.int64)
    prices = np.ones((3, 2))
    return Block(0, days + 1, days, *[prices] * 5, extra=dict.fromkeys(columns, prices * 2.0))


def test_on_the_wire_they_come_after_the_prices_in_their_order():
    event = Event(Kind.NEW_DATA, "data", 0, 3, 18, block_of(["b", "a"]))
    decoded = codec.decode(codec.encode(event, "run", 1))[1]
    assert decoded is not None and isinstance(decoded.payload, Block)
    assert list(decoded.payload.extra) == ["b", "a"]
    assert decoded.payload.extra["a"].tolist() == [[2.0, 2.0]] * 3
    layout = Layout(("A", "B"), 3, 0, 1, ("b", "a"))
    admit(decoded, layout)
    for other in ((), ("a", "b"), ("b",)):
        with pytest.raises(ProtocolError, match="columns"):
            admit(decoded, Layout(("A", "B"), 3, 0, 1, other))
