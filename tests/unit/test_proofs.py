"""Receipts run again, and runs compared: what was changed is named, down to the bar and the fill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backbus import Job, Strategy, param, run
from backbus.api.diff import diff
from backbus.api.kept import read_run
from backbus.api.verify import verify
from backbus.cli.app import app
from backbus.errors import BackbusError, DataError, UsageError
from backbus.figures.registry import NothingToShow, figures
from backbus.runs.hashes import hashes_of
from backbus.runs.receipt import job_hash
from tests.unit.kept_runs import home, ran

__all__ = ["home"]


def told(found: Any) -> list[str]:
    return [f"{one.of} {one.where}" for one in found.differences]


def test_a_run_comes_again_from_its_folder_and_from_its_receipt_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ran(home, "first")
    assert verify(folder).same
    alone = tmp_path / "sent" / "receipt.json"
    alone.parent.mkdir()
    alone.write_bytes((folder / "receipt.json").read_bytes())
    found = verify(alone, data=home / "data", strategy=home)
    assert found.same and found.fingerprint == found.receipt.fingerprint
    monkeypatch.chdir(alone.parent)
    with pytest.raises(
        DataError, match=r"cannot find data/A\.csv, data/B\.csv: name the folder that has them by --data"
    ):
        verify(alone, strategy=home)
    with pytest.raises(DataError, match=r"cannot find helping\.py, own\.py: name the folder that has it by --strategy"):
        verify(alone, data=home / "data")


@pytest.mark.parametrize("row", [0, 41, 79])
def test_one_digit_of_the_data_is_named_with_its_bar(home: Path, row: int) -> None:
    folder = ran(home, "first")
    path = home / "data" / "B.csv"
    lines = path.read_text().splitlines()
    lines[row + 1] = lines[row + 1][:-1] + "1"
    path.write_text("\n".join(lines) + "\n")
    found = verify(folder)
    assert told(found) == ["data data/B.csv", f"bar row {row}"]
    bar = found.differences[1].told("then", "now")
    assert bar.startswith(f"bar row {row} differs: now B {lines[row + 1][:10]} (ends ") and "volume 1001" in bar
    assert not found.same and found.came_again  # nobody looks at the volume


def test_a_price_that_changes_the_run_is_named_with_the_first_fill(home: Path) -> None:
    folder = ran(home, "first")
    path = home / "data" / "A.csv"
    lines = path.read_text().splitlines()
    cells = lines[30].split(",")
    lines[30] = ",".join([cells[0], *(f"{float(cell) * 1.3:.2f}" for cell in cells[1:5]), cells[5]])
    path.write_text("\n".join(lines) + "\n")
    found = verify(folder)
    assert told(found)[:2] == ["data data/A.csv", "bar row 29"]
    assert found.differences[-1].of == "fill" and not found.came_again


def test_sources_that_are_another_are_named_and_those_beside_the_receipt_are_run_if_trusted(home: Path) -> None:
    folder = ran(home, "first")
    (home / "helping.py").write_text((home / "helping.py").read_text().replace("sma(n)", "sma(n + 1)"))
    with pytest.raises(UsageError, match=r"helping\.py is not as it was anywhere but in .*source: look at it"):
        verify(folder)
    assert verify(folder, trust=True).same
    (folder / "source" / "helping.py").unlink()
    found = verify(folder)
    assert told(found)[0] == "strategy helping.py" and not found.came_again


def test_a_receipt_that_was_touched_or_is_none_is_refused(home: Path) -> None:
    folder = ran(home, "first")
    path = folder / "receipt.json"
    whole = json.loads(path.read_text())
    whole["job"]["portfolio"]["cash"] = 1.0
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match="its job is not the one that its hash is of"):
        verify(folder)
    path.write_text(path.read_text()[:50])
    with pytest.raises(DataError, match="is no receipt that this backbus reads"):
        verify(folder)
    path.unlink()
    with pytest.raises(DataError, match="there is no receipt; runs of before had none"):
        verify(folder)


def test_a_report_that_says_another_job_than_its_receipt_is_told(home: Path) -> None:
    folder = ran(home, "first")
    path = folder / "report.json"
    path.write_text(path.read_text().replace('"cash": 100000.0', '"cash": 90000.0'))
    found = verify(folder)
    assert told(found) == ["settings portfolio.cash"] and not found.same


@pytest.mark.parametrize("damage", ["{", '{"name": 5}', '["a"]', ""])
def test_a_damaged_report_beside_a_whole_receipt_is_named_though_the_run_comes_again(home: Path, damage: str) -> None:
    folder = ran(home, "first")
    (folder / "report.json").write_text(damage)
    found = verify(folder)
    assert told(found) == ["damaged report.json"] and found.came_again and not found.same
    assert found.differences[0].told("then", "now").startswith(f"damaged: {folder / 'report.json'}: cannot be read as")
    done = CliRunner().invoke(app, ["verify", str(folder)])
    assert done.exit_code == 1
    words = " ".join(done.stdout.split())
    assert (
        words.startswith("damaged: ")
        and f"the same result, despite the differences above: {found.fingerprint}" in words
    )


def test_a_figure_that_was_changed_in_a_report_is_named(home: Path) -> None:
    path = ran(home, "first") / "report.json"
    whole = json.loads(path.read_text())
    sharpe, whole["metrics"]["sharpe"] = whole["metrics"]["sharpe"], 9.0
    path.write_text(json.dumps(whole))
    found = verify(path.parent)
    assert told(found) == ["report metrics.sharpe"] and found.came_again and not found.same
    assert found.differences[0].told("then", "now") == f"report metrics.sharpe: then 9, now {sharpe:.10g}"


def test_another_backbus_is_named_and_the_run_is_made_all_the_same(home: Path) -> None:
    folder = ran(home, "first")
    path = folder / "receipt.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "versions": {**whole["versions"], "numpy": "1.0"}}))
    found = verify(folder)
    assert told(found) == ["backbus numpy"] and found.same


# --- what may have been sent ------------------------------------------------------------------------------------------


def sent(home: Path, place: Path, use: str = "", ran_in: str = "", query: str = "") -> Path:
    """A run's folder as somebody sends it who wants code run: it leaves a file behind."""
    shutil.copytree(ran(home, "model"), place)
    code = (place / "source" / "own.py").read_text() + f"\nopen({str(home / 'PWNED')!r}, 'w').close()\n"
    (place / "source" / "own.py").write_text(code)
    receipt, report = (json.loads((place / name).read_text()) for name in ("receipt.json", "report.json"))
    receipt["strategy"] = hashes_of({path.name: path for path in (place / "source").iterdir()})
    receipt["job"]["strategy"]["use"] = use or "own.py:Own"
    receipt["job_hash"] = job_hash(receipt["job"])
    report["ran"]["folder"] = ran_in or str(home)
    (place / "receipt.json").write_text(json.dumps(receipt))
    (place / "report.json").write_text(json.dumps(report))
    if query:
        (place / "job.toml").write_text(f'[data]\nquery = "{query}"\n[strategy]\nuse = "SmaCross"\n')
    return place


def pwned(home: Path) -> bool:
    return (home / "PWNED").exists()


@pytest.mark.parametrize("way", ["as it is", "by where it ran", "by use", "by an absolute use", "a receipt alone"])
def test_no_code_that_may_have_been_sent_runs_unless_it_is_trusted_or_named(home: Path, way: str) -> None:
    place = home / "in" / "X"
    use = {"by use": "in/X/source/own.py:Own", "by an absolute use": f"{place}/source/own.py:Own"}.get(way, "")
    sent(home, place, use, "in/X/source" if way == "by where it ran" else "")
    asked = place / "receipt.json" if way == "a receipt alone" else place
    with pytest.raises(UsageError, match=r"own\.py.* (look at it|run it with) .*--trust"):
        verify(asked, data=home / "data")
    with pytest.raises(BackbusError, match=r"own\.py"):
        verify(asked, data=home / "data", strategy=home)  # the user's own folder, in which it was unpacked
    assert not pwned(home)
    verify(asked, data=home / "data", trust=True)
    assert pwned(home)


def test_a_receipt_runs_no_file_to_which_it_leads_with_other_bytes(home: Path) -> None:
    (home / "in").mkdir()
    folder = ran(home, "first")
    (home / "own.py").write_text(f"open({str(home / 'PWNED')!r}, 'w').close()\n")
    (home / "in" / "receipt.json").write_bytes((folder / "receipt.json").read_bytes())
    with pytest.raises(DataError, match=r"cannot find .*own\.py"):
        verify(home / "in" / "receipt.json", data=home / "data")
    assert not pwned(home)


def test_a_sent_receipt_runs_the_user_s_own_file_of_the_same_bytes_where_it_lies_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, downloads = ran(home, "first"), tmp_path_factory.mktemp("downloads")
    (downloads / "receipt.json").write_bytes((folder / "receipt.json").read_bytes())
    assert verify(downloads / "receipt.json").same
    (home / "receipt.json").write_bytes((folder / "receipt.json").read_bytes())  # it may have brought the file along
    with pytest.raises(
        UsageError, match=r"own\.py may have come with the receipt: look at it, and run it with --trust"
    ):
        verify(home / "receipt.json")
    assert verify(home / "receipt.json", strategy=home).same
    monkeypatch.chdir(downloads)
    with pytest.raises(UsageError, match="source: look at it, and run it with --trust"):
        verify(folder, data=home / "data")  # none of this folder's runs


def test_figures_of_a_run_that_may_have_been_sent_run_nothing_of_it(home: Path) -> None:
    result = read_run(sent(home, home / "in" / "X"))
    assert result.market is not None
    (home / "in" / "X" / "job.toml").write_text((home / "job.toml").read_text().replace("data/", "../../data/"))
    shutil.copy(home / "in" / "X" / "source" / "own.py", home / "in" / "X" / "own.py")
    shutil.copy(home / "helping.py", home / "in" / "X" / "helping.py")
    title = figures()["price"].draw(result).layout.title.text
    assert "sources that may have been sent are not run: only those of runs in var/runs are" in title
    with pytest.raises(DataError, match="sources that may have been sent are not run"):
        result.strategy()
    asks = read_run(sent(home, home / "in" / "Y", query=f"COPY (select 1) TO '{home / 'PWNED'}'"))
    with pytest.raises(NothingToShow, match="a query that may have been sent is not made"):
        figures()["price"].draw(asks)
    assert not pwned(home)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"job": {}}, "strategy"),
        ({"strategy": {"~nobodyxx/own.py": "00"}}, "~nobodyxx/own.py"),
        (
            {"market": {"rows": 1, "part_rows": 1, "parts": "AAAA", "assets": ""}},
            "is no receipt that this backbus reads",
        ),
        (
            {"market": {"rows": 1, "part_rows": 1, "parts": "", "assets": "AA=="}},
            "is no receipt that this backbus reads",
        ),
    ],
)
def test_a_receipt_that_says_nonsense_is_one_message(home: Path, change: dict[str, Any], told: str) -> None:
    path = ran(home, "first") / "receipt.json"
    whole = {**json.loads(path.read_text()), **change}
    path.write_text(json.dumps({**whole, "job_hash": job_hash(whole["job"])}))
    with pytest.raises(BackbusError, match=told):
        verify(path.parent)


@pytest.mark.parametrize("said", [5, {"folder": 5}, {"folder": ""}])
def test_a_report_that_says_nonsense_of_where_it_ran_is_no_matter(home: Path, said: Any) -> None:
    path = ran(home, "first") / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "ran": said}))
    assert verify(path.parent).same


class Handed(Strategy):
    """Handed over from Python."""

    n: int = param(5)

    def signals(self, bars: Any) -> Any:
        """Above its mean."""
        return self.hold_long(bars.sma(2) > bars.sma(self.n))


def test_a_strategy_that_was_handed_over_is_told_with_its_parameters_and_runs_again(home: Path) -> None:
    one, other = home / "one", home / "other"
    for n, folder in ((4, one), (9, other)):
        run(Job.load(home / "job.toml"), strategy=Handed(n=n), folder=folder)
    assert "settings strategy.n" in told(diff(one, other))
    assert verify(one, trust=True).same
    assert json.loads((one / "receipt.json").read_text())["job"]["strategy"] == {"use": "test_proofs.py:Handed", "n": 4}
    again = run(Job.load(one / "job.toml"), folder=home / "again")
    assert again.fingerprint == verify(one, trust=True).fingerprint


def test_runs_are_told_apart_by_setting_order_and_fill(home: Path) -> None:
    first = ran(home, "first")
    second = ran(home, "second", 'execution.commission={model="bps", bps=10}', 'name="dear"')
    found = diff(first, second)
    assert told(found)[:2] == ["settings execution.commission.bps", "settings execution.commission.model"]
    assert [one.of for one in found.differences[-2:]] == ["order", "fill"]
    assert "fee 0)" in found.differences[-1].told() and not found.same
    assert diff(first, first).differences == () and diff(first, first).same
