"""A folder that holds a run keeps it: another run is refused, and the same one again takes its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backbus import Strategy, run, run_sweep
from backbus.errors import BackbusError, UsageError
from backbus.folders import RUNS
from backbus.job.job import Job
from tests.unit.kept_runs import home, ran
from tests.unit.order_market import bars, flat, job_of, scripted

__all__ = ["home"]

SWEEP = ("sweep.parameters.n=[3, 4]", "sweep.resamples=20")
WAY_ON = ", and that would be lost: name another folder, or remove this one first"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def swept(home: Path, *overrides: str) -> Path:
    folder = home / RUNS / "first"
    run_sweep(Job.load(home / "job.toml", overrides=[*SWEEP, *overrides]), folder=folder, workers=0)
    return folder


def test_the_same_run_again_takes_its_place_whatever_it_is_called_and_in_whatever_blocks(home: Path) -> None:
    folder = ran(home, "first")
    assert ran(home, "first", 'name="again"', "run.block=7") == folder
    assert '"again"' in (folder / "report.json").read_text()


def strategy_changed(home: Path) -> None:
    (home / "helping.py").write_text((home / "helping.py").read_text() + "\n# another\n")


def prices_changed(home: Path) -> None:
    path = home / "data" / "A.csv"
    path.write_text(path.read_text().replace("1000\n", "1001\n", 1))


OTHERS: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "settings": (None, ("portfolio.cash=5000.0",), r"with other settings (portfolio.cash)"),
    "parameters": (None, ("strategy.n=9",), r"with other settings (strategy.n)"),
    "strategy": (strategy_changed, (), r"of another strategy's files (helping.py)"),
    "prices": (prices_changed, (), r"of other files of prices (data/A.csv)"),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("made", [ran, swept], ids=["run", "sweep"])
def test_another_one_is_refused_before_it_is_computed_and_nothing_of_the_first_is_lost(
    home: Path, monkeypatch: pytest.MonkeyPatch, made: Any, other: str
) -> None:
    change, overrides, told = OTHERS[other]
    if made is swept and other == "parameters":
        overrides, told = ("sweep.parameters.n=[5, 6]",), "with other settings (sweep.parameters.n)"
    folder: Path = ran(home, "first") if made is ran else swept(home)
    before = bytes_of(folder)
    if change is not None:
        change(home)
    monkeypatch.setattr("backbus.engine.run.Engine.run", None)
    with pytest.raises(UsageError) as said:
        made(home, *((("first",) if made is ran else ()) + overrides))
    kind = "run" if made is ran else "sweep"
    assert str(said.value) == f"{folder} holds another {kind}, 'mine' {told}{WAY_ON}"
    assert bytes_of(folder) == before


def test_a_run_and_a_sweep_do_not_take_each_other_s_place(home: Path) -> None:
    folder = swept(home)
    with pytest.raises(UsageError, match=r"holds another sweep, 'mine' which is no single run, and that would be lost"):
        run(Job.load(home / "job.toml", overrides=list(SWEEP)), folder=folder)
    single = ran(home, "single", *SWEEP)
    with pytest.raises(UsageError, match=r"holds another run, 'mine' which is no search, and that would be lost"):
        run_sweep(Job.load(home / "job.toml", overrides=list(SWEEP)), folder=single, workers=0)
    swept(home)  # and the same sweep again is one


def test_a_run_of_prices_that_were_handed_over_is_refused_where_others_are_there(tmp_path: Path) -> None:
    def buys(s: Strategy, bar: Any, book: Any) -> None:
        s.order(10.0)

    first, dearer, same = ([flat(price)] * 4 for price in (100, 110, 100))
    strategy = scripted({0: buys})
    run(job_of(), bars(*first), strategy=strategy, folder=tmp_path / "one")
    before = bytes_of(tmp_path / "one")
    with pytest.raises(UsageError, match=r"'.*' of other prices, and that would be lost"):
        run(job_of(), bars(*dearer), strategy=strategy, folder=tmp_path / "one")
    assert bytes_of(tmp_path / "one") == before
    run(job_of(), bars(*same), strategy=strategy, folder=tmp_path / "one")


@pytest.mark.parametrize("damage", [None, "{"])
def test_a_run_that_does_not_say_what_it_was_made_of_is_not_replaced(home: Path, damage: str | None) -> None:
    receipt = ran(home, "first") / "receipt.json"
    receipt.unlink() if damage is None else receipt.write_text(damage)
    with pytest.raises(
        BackbusError, match=r"holds a run that does not say what it was made of, and that would be lost"
    ):
        ran(home, "first")


def test_a_folder_without_a_run_is_taken_as_it_is(home: Path) -> None:
    (home / RUNS / "first").mkdir(parents=True)
    (home / RUNS / "first" / "notes.txt").write_text("mine")
    assert (ran(home, "first") / "notes.txt").read_text() == "mine"
