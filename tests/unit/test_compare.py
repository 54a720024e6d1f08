"""Runs side by side: their own figures, the settings that part them, curves; and a report's page as a receipt."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from backbus.api.compare import compare
from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.api.verify import read_receipt, verify
from backbus.errors import DataError, JobError, UsageError
from backbus.performance.metrics import FIGURES
from backbus.runs.embedded import element
from tests.unit.kept_runs import home, ran

__all__ = ["home"]


def result(folder: Path) -> Result:
    found = read_run(folder)
    assert isinstance(found, Result)
    return found


def test_runs_stand_beside_each_other_with_what_parts_them(home: Path) -> None:
    one, other = ran(home, "one"), ran(home, "other", "strategy.n=9", "execution.commission={model='bps', bps=10}")
    third = ran(home, "third", "name='third'")
    found = compare(one, result(other), third)
    assert found.names == ("mine (one)", "mine (other)", "third")
    assert list(found.table.index) == list(FIGURES)
    for name, run in zip(found.names, found.results, strict=True):
        assert found.table[name]["sharpe"] == run.metrics["sharpe"]
        curve = found.equity[name]
        assert curve.iloc[-1] == pytest.approx(1.0 + run.metrics["total_return"], rel=1e-12)
    assert found.settings.loc["strategy.n"].tolist() == [4, 9, 4]
    assert found.settings.loc["execution.commission.bps"].tolist()[1] == 10
    told = json.loads(json.dumps(found.plain()))
    assert told["correlation"][0][2] == pytest.approx(1.0)
    both = pd.DataFrame({"a": found.results[0].returns, "b": found.results[1].returns}).corr().iloc[0, 1]
    assert told["correlation"][0][1] == pytest.approx(both, rel=1e-9)
    assert len(found.plot().data) == 3 and "sharpe" in found._repr_html_()


def test_what_cannot_be_compared_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    one = ran(home, "one")
    with pytest.raises(UsageError, match="at least two"):
        compare(one)
    with pytest.raises(JobError, match="no run 'nothing'"):
        compare(one, "nothing")


def page(folder: Path, place: Path, *, sources: bool) -> Path:
    """What a report is to whoever verifies it."""
    receipt = json.loads((folder / "receipt.json").read_text())
    texts = {path.name: path.read_text() for path in sorted((folder / "source").iterdir())}
    carried = element("receipt", receipt) + (element("source", texts) if sources else "")
    place.write_text(f"<!doctype html><p>&lt;{carried}</p>", encoding="utf-8")
    return place


def test_a_page_is_verified_like_the_run_that_it_is_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ran(home, "one")
    monkeypatch.chdir(home)
    report = page(folder, home / "report.html", sources=False)
    assert read_receipt(report) == read_receipt(folder / "receipt.json")
    assert verify(report).same
    (home / "own.py").unlink()
    (folder / "source" / "own.py").unlink()
    with pytest.raises(DataError, match=r"own\.py.*--strategy"):
        verify(report)


def test_code_that_came_in_a_page_runs_only_where_it_is_trusted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ran(home, "one")
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    report = page(folder, elsewhere / "report.html", sources=True)
    monkeypatch.chdir(elsewhere)
    with pytest.raises(UsageError, match="--trust"):
        verify(report, data=home / "data")
    assert verify(report, data=home / "data", trust=True).same
    changed = report.read_text().replace("self.hold_long", "self.hold_short")
    report.write_text(changed)
    with pytest.raises(DataError, match="not the one that its receipt tells of"):
        verify(report, data=home / "data", trust=True)
    for broken in ("[1]", '{"own.py": 3}', '{"own.py'):
        whole = page(folder, elsewhere / "report.html", sources=False).read_text()
        report.write_text(f'{whole}<script type="application/json" id="source">{broken}</script>')
        with pytest.raises(DataError, match=r"report\.html: its sources cannot be read"):
            verify(report, data=home / "data", trust=True)


def test_a_page_that_was_cut_says_so(home: Path) -> None:
    folder = ran(home, "one")
    report = page(folder, home / "report.html", sources=False)
    report.write_text(report.read_text()[:400])
    with pytest.raises(DataError, match="holds no receipt: it is no report of this backbus, or was cut"):
        verify(report)


def test_a_comparison_is_one_page(home: Path) -> None:
    found = compare(ran(home, "one"), ran(home, "other", "strategy.n=9"))
    place = found.report(home / "both.html")
    text = place.read_text()
    assert text.endswith("</html>\n") and "mine (one), mine (other)" in text
    for name in ("figure-equity", "figure-underwater", "table-figures", "table-settings"):
        assert f'id="{name}"' in text
    assert 'id="made-of"' not in text and "src=" not in text
    with pytest.raises(UsageError, match=r"ends in \.html"):
        found.report(home / "both.pdf")
    with pytest.raises(UsageError, match="no folder"):
        found.report(home / "nowhere" / "both.html")
