"""A result as a page or as Markdown: all of it is there, in words where there is nothing to draw, or nothing is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backbus import run_sweep, together
from backbus.api.kept import read_run
from backbus.api.result import Result
from backbus.api.sweep_result import SweepResult
from backbus.api.verify import verify
from backbus.cli.app import app
from backbus.errors import BackbusError, DataError, UsageError
from backbus.figures import registry
from backbus.job.job import Job
from backbus.performance.metrics import Metrics
from backbus.report import markdown, tables, writing
from backbus.report.conventions import FORMULAS
from backbus.report.luck import sharpe_doubt
from backbus.runs.shown import RunShown
from tests.unit.doc_pages import rows, text_of
from tests.unit.kept_runs import home, ran
from tests.unit.report_pages import told_in

__all__ = ["home"]


def page_of(folder: Path, **more: bool) -> str:
    result = read_run(folder)
    return result.report(folder / "page.html", **more).read_text(encoding="utf-8")


def result_of(folder: Path) -> Result:
    found = read_run(folder)
    assert isinstance(found, Result)
    return found


def test_a_page_says_what_was_traded_when_by_what_and_what_came_of_it(home: Path) -> None:
    folder = ran(home, "first")
    page, result = page_of(folder), result_of(folder)
    (said,) = re.findall(r'<p class="headline">(.*?)</p>', page)
    assert said.startswith("own.py:Own (n 4) traded A and B, 2020-01-01 to 2020-04-21 (80 rows). A return of ")
    doubt = sharpe_doubt(result.summary)
    assert doubt is not None and f"{result.metrics['sharpe']:.2f} ± {doubt.error:.2f}" in said
    for name in ("Total return", "Sharpe", "Fees"):
        assert f"<dt>{name}</dt>" in page
    told = told_in(page)
    assert [one["name"] for one in told["figures"]] == list(registry.figures("run"))
    sizes = {one["name"]: one["rows"] for one in told["tables"]}
    assert sizes["orders"] == result.count("orders") and sizes["fills"] == result.summary.counts.fills


def test_a_page_needs_no_other_file_and_no_host(home: Path) -> None:
    page = page_of(ran(home, "first"))
    own = re.sub(r'<script type="application/octet-stream" id="plotly">.*?</script>', "", page)
    assert not re.findall(r"""(?:src|href)=["'](?!#)|url\(|@import|https?://""", own)
    assert "default-src 'none'" in page and "connect-src" not in page


def test_the_receipt_and_the_job_are_in_it_and_sources_where_they_are_asked_for(home: Path) -> None:
    folder = ran(home, "first")
    page = page_of(folder)
    assert told_in(page, "receipt") == json.loads((folder / "receipt.json").read_text())
    (job,) = re.findall(r"<summary>job.toml</summary><pre>(.*?)</pre>", page, re.DOTALL)
    assert tomllib.loads(job.replace("&quot;", '"'))["strategy"]["n"] == 4
    assert "class Own(Strategy)" not in page
    assert verify(folder / "page.html", data=home, strategy=home).same
    (folder / "source" / "passwords.py").symlink_to("/etc/passwd")
    (folder / "source" / "other.py").write_text("not of the receipt")
    with_source = page_of(folder, with_source=True)
    assert "root:" not in with_source and "not of the receipt" not in with_source
    assert verify(folder / "page.html", data=home, trust=True).same
    assert "class Own(Strategy)" in with_source and "source/helping.py" in with_source


def test_what_users_write_cannot_become_part_of_the_page(home: Path) -> None:
    page = page_of(ran(home, "odd", "name='</script><img src=x>'"))
    assert "<img" not in page and "</script><i" not in page


def test_a_title_of_two_lines_is_a_heading_and_a_line_below(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import plotly.graph_objects as go

    registry.figures()
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))

    @registry.figure("two", "what it means")
    def two(run: RunShown) -> go.Figure:
        return go.Figure(go.Bar(x=["a"], y=[1.0])).update_layout(title="<b>One</b><br><sub>p < 0.05</sub>")

    page = page_of(ran(home, "first"))
    assert '<h2>One</h2><p class="meaning">what it means: p &lt; 0.05</p>' in page


def test_a_figure_of_one_s_own_that_raises_is_one_message_and_the_rest_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.figures()
    known = dict(registry._KNOWN)
    monkeypatch.setattr(registry, "_KNOWN", known)

    @registry.figure("broken", "what cannot be")
    def broken(run: RunShown) -> None:
        raise ZeroDivisionError("by <nothing>")

    page = page_of(ran(home, "first"))
    assert "Not drawn: the figure &#x27;broken&#x27; raised ZeroDivisionError: by &lt;nothing&gt;" in page
    for one in told_in(page)["figures"]:
        assert one["name"] == "broken" or "spec" in one or one["words"].startswith("Nothing to show: ")


def test_texts_that_no_file_can_hold_and_figures_that_end_the_process_leave_the_rest_of_the_page(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import plotly.graph_objects as go

    registry.figures()
    monkeypatch.setattr(registry, "_KNOWN", dict(registry._KNOWN))

    @registry.figure("half", "what cannot be")
    def half(run: RunShown) -> None:
        raise ValueError("half \ud800 of a pair")

    @registry.figure("ends", "what it means")
    def ends(run: RunShown) -> None:
        raise SystemExit(3)

    @registry.figure("halves", "what it means")
    def halves(run: RunShown) -> go.Figure:
        times = ["2020-01-01", "2020-01-02"]
        drawn = go.Figure(go.Scatter(x=times, y=[1.0, 2.0], text=["\udfff", "é"], name="\ud801"))
        return drawn.update_layout(title="of \ud800 halves")

    page = page_of(ran(home, "first"))
    assert "Not drawn: the figure &#x27;half&#x27; raised ValueError: half � of a pair" in page
    assert "Not drawn: the figure &#x27;ends&#x27; raised SystemExit: 3" in page
    assert "<h2>of � halves</h2>" in page
    found = {one["name"]: one for one in told_in(page)["figures"]}
    assert found["halves"]["spec"]["data"][0]["name"] == "�" and "spec" in found["equity"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data.end='2020-01-03'"], "Nothing was traded."),
        (["data.start='2020-01-01'", "data.end='2020-01-01'"], "(1 row)"),
        (["portfolio.lot=0"], "still open"),
    ],
)
def test_a_run_without_trades_of_one_bar_or_with_open_fractions_has_words_for_what_is_not_there(
    home: Path, overrides: list[str], words: str
) -> None:
    page = page_of(ran(home, "odd", *overrides))
    assert words in page
    for one in told_in(page)["figures"]:
        assert ("spec" in one) != ("words" in one)
        assert "words" not in one or one["words"].startswith("Nothing to show: ")


SEARCHES = {
    "sweep": ["sweep.resamples=20"],
    "walk_forward": ["sweep.walk_forward={train=30, test=20}"],
    "cpcv": ["sweep.cpcv={groups=4, test_groups=2}"],
}
LUCK = {
    "sweep": ["Probabilistic Sharpe", "Deflated Sharpe, sweep"],
    "walk_forward": ["Parameter changes"],
    "cpcv": ["Overfitting"],
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_of_all_kinds_have_a_page_and_a_summary(home: Path, kind: str) -> None:
    job = Job.load(
        home / "job.toml", overrides=["sweep.parameters.n=[3, 4, 5]", 'sweep.objective="-volatility"', *SEARCHES[kind]]
    )
    result = run_sweep(job, folder=home / "found", workers=0)
    assert isinstance(result, SweepResult) and result.kind == kind
    page = result.report(home / "page.html").read_text(encoding="utf-8")
    headline = page.partition('<p class="headline">')[2].partition("</p>")[0]
    assert re.search(r"own\.py:Own over n on data/\*\.csv: \d+ \w+, by the least Volatility\. ", headline)
    luck = page.partition('<section id="luck">')[2].partition("</section>")[0]
    assert re.findall("<tr><td>(.*?)</td>", luck)[: len(LUCK[kind])] == LUCK[kind]
    (points,) = (one for one in told_in(page)["tables"] if one["name"] == "table")
    assert points["rows"] == result.count("table")
    assert result.receipt is not None and result.receipt.fingerprint in markdown(result, result.job)


def test_the_spread_over_markets_names_each_quantile_by_its_share(tmp_path: Path) -> None:
    market = {"rows": 60, "assets": [{"symbol": "A", "path": {"model": "gbm", "volatility": 0.2}}]}
    strategy = {"use": "SmaCross", "fast": 2, "slow": 5}
    job = {"strategy": strategy, "simulator": market, "sweep": {"monte_carlo": {"markets": 5}}}
    page = run_sweep(job, workers=0).report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "on simulated markets of A: 5 markets. Over 5 markets" in page
    head = page.partition("<h2>Spread over all of them</h2>")[2].partition("</thead>")[0]
    shares = ["1 %", "5 %", "25 %", "50 %", "75 %", "95 %", "99 %"]
    assert re.findall("<th>(.*?)</th>", head) == ["", "Mean", "Deviation", *shares]


def test_a_table_that_is_too_long_says_how_many_rows_are_left_out_and_where_they_are(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_CELLS", 200)
    folder = ran(home, "first")
    (orders,) = (one for one in told_in(page_of(folder))["tables"] if one["name"] == "orders")
    assert 0 < orders["rows"] < 15 and orders["left"] == result_of(folder).count("orders") - orders["rows"]
    assert f"{orders['left']:,} rows more are not in this page: orders.parquet has all." in page_of(folder)


# --- files that cannot be written or read ---------------------------------------------------------------------------


def test_a_page_appears_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ran(home, "first")
    before = sorted(folder.iterdir())

    def full(*_: object) -> object:
        yield "<!doctype html>"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "page_parts", full)
    with pytest.raises(BackbusError, match=r"cannot be written: No space left on device; make room, or name another"):
        page_of(folder)
    assert sorted(folder.iterdir()) == before


def test_no_link_is_followed_where_a_page_is_written_and_what_a_killed_process_left_stops_nobody(home: Path) -> None:
    folder = ran(home, "first")
    victim = home / "victim"
    victim.write_text("mine")
    (folder / ".page.html.part").symlink_to(victim)
    (folder / "page.html").symlink_to(victim)
    assert page_of(folder).startswith("<!doctype html>")
    assert victim.read_text() == "mine" and not (folder / "page.html").is_symlink()
    assert [one.name for one in folder.glob(".*")] == [".page.html.part"]


def test_no_name_of_a_hidden_file_is_made_twice(tmp_path: Path) -> None:
    first, second = (together.hidden(tmp_path, "sources/" + "é" * 100) for _ in range(2))
    assert first != second and first.read_bytes() == second.read_bytes() == b""


def test_a_summary_that_cannot_be_written_says_which_file_and_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    ran(home, "first")

    def full(_: str) -> object:
        def write(path: Path) -> None:
            path.write_text("## mi")
            raise OSError(28, "No space left on device")

        return write

    monkeypatch.setattr(together, "text_file", full)
    words = r"^told\.md: cannot be written: No space left on device; make room, or name another folder$"
    with pytest.raises(BackbusError, match=words):
        said("first", "--md", "--out", "told.md")
    assert not list(home.glob("*told.md*"))
    for options in (["--md", "--out", "var"], ["--out", "var"]):
        with pytest.raises(UsageError, match=r"^var is a folder: name a file in it"):
            said("first", *options)


def test_what_cannot_be_is_refused_before_anything_is_drawn(home: Path) -> None:
    result = read_run(ran(home, "first"))
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere to write a report to"):
        result.report(home / "nowhere" / "page.html")
    with pytest.raises(UsageError, match=r"ends in \.html, or, .* in Markdown, in \.md, not to page\.pdf$"):
        result.report(home / "page.pdf")
    with pytest.raises(UsageError, match=r"Markdown has no sources in it: write a page \(\.html\), or leave them out"):
        result.report(home / "told.md", with_source=True)
    assert not list(home.glob("*told.md*"))


def test_a_damaged_table_is_one_message_and_no_page(home: Path) -> None:
    folder = ran(home, "first")
    (folder / "fills.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"fills\.parquet: cannot be read as a table of a run: .*; run the job again"):
        page_of(folder)
    assert not (folder / "page.html").exists()


# --- the command ----------------------------------------------------------------------------------------------------


def said(*words: str) -> str:
    result = CliRunner().invoke(app, ["report", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_writes_a_page_beside_the_run_and_prints_markdown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    folder = ran(home, "first")
    assert said("--last").startswith("var/runs/first/report.html: ")
    assert (folder / "report.html").stat().st_size > 1_000_000
    text = said("first", "--md")
    assert text.startswith("## mine\n\nown.py:Own (n 4) traded A and B, ")
    result = result_of(folder)
    assert f"| fingerprint | `{result.fingerprint}` |" in text
    assert "| Total return | " in text and all(str(note).split(":")[0] in text for note in result.summary.notes)
    assert said("first", "--md", "--out", "told.md") == "told.md\n"
    assert (home / "told.md").read_text(encoding="utf-8") == text
    assert said("first", "--out", "again.md") == "again.md\n"
    assert result.report("third.md") == Path("third.md")
    assert (home / "again.md").read_bytes() == (home / "third.md").read_bytes() == (home / "told.md").read_bytes()
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    opened = CliRunner().invoke(app, ["report", "first", "--open"], catch_exceptions=False)
    assert opened.stderr == "no browser could be opened here; open var/runs/first/report.html in one\n"
    with pytest.raises(UsageError, match="name a run, or say --last"):
        said()
    with pytest.raises(UsageError, match="leave out --open and --with-source"):
        said("first", "--md", "--open")


# --- formulas -------------------------------------------------------------------------------------------------------


def plain(cell: str) -> str:
    """A cell of a page without its marks."""
    return cell.replace("**", "").replace("`", "").strip()


def test_the_formulas_of_a_page_are_those_of_the_docs() -> None:
    listed = {name: plain(row[1]) for row in rows(text_of("metrics.md")) for name in re.findall(r"`(\w+)`", row[0])}
    assert list(FORMULAS) == list(Metrics.model_fields)
    assert {name: listed[name] for name in FORMULAS} == FORMULAS
