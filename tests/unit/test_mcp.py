"""What an agent may give the server's tools, what is refused, and how answers are cut; without the protocol."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from backbus import errors
from backbus.cli.app import app
from backbus.errors import BackbusError
from backbus.mcp.answers import bounded
from backbus.mcp.arguments import Takes, schema_of, typed
from backbus.mcp.limits import ANSWER, AT_ONCE, MAX_POINTS, MAX_SECONDS, Bounds
from backbus.mcp.refusals import NEXT, CallRefused, refusal_of
from backbus.mcp.serving import Desk, _in_arguments, _parsed, _progress
from backbus.mcp.tools import KINDS, OFFERS, ORDERS, STACK_OFFERS, offers
from tests.unit.doc_pages import first_words, rows, section, text_of, words

COMMANDS: dict[str, Any] = dict(getattr(typer.main.get_command(app), "commands", {}))
ALL = (*OFFERS, *STACK_OFFERS)
OF_JOB = next(one.given for one in OFFERS if one.name == "run")
OF_RUN = next(one.given for one in OFFERS if one.name == "explain")
OF_SWEEP = next(one.given for one in OFFERS if one.name == "results")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of an agent's, beside what is none of its business."""
    (tmp_path / "secret.csv").write_text("1,2\n")
    home = tmp_path / "home"
    (home / "jobs").mkdir(parents=True)
    (home / "prices").mkdir()
    (home / "prices" / "linked.csv").symlink_to(tmp_path / "secret.csv")
    (home / "job.toml").write_text('[data]\nfiles = "../secret.csv"\n')
    (home / "jobs" / "deep.toml").write_text("")
    (home / "out.toml").symlink_to(tmp_path / "secret.csv")
    (home / "up").symlink_to(tmp_path)
    return home.resolve()


def refused(given: Any, values: dict[str, Any], folder: Path) -> CallRefused:
    with pytest.raises(CallRefused) as told:
        typed(given, values, folder)
    return told.value


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_tool_is_a_command_with_its_options() -> None:
    for offer in ALL:
        name = offer.command or offer.name
        options = {text for one in COMMANDS[name].params for text in one.opts}
        asked = {"--json", *offer.always, *(one.option for one in offer.given), offer.or_else} - {""}
        assert asked <= options, offer.name


def test_a_tool_is_there_where_its_command_is_and_those_of_the_stack_where_it_was_asked_for() -> None:
    there = offers(Bounds(Path()), COMMANDS)
    assert {"check", "run", "sweep", "results", "runs", "show", "explain", "verify", "diff", "strategies"} <= set(there)
    assert {"compare", "report"} <= set(there)
    assert not {"submit", "jobs"} & set(there)
    assert there["show"].always == ("--here",)
    assert set(offers(Bounds(Path()), ["run"])) == {"run"}
    stack = offers(Bounds(Path(), stack=True), COMMANDS)
    assert {"submit", "jobs"} <= set(stack)
    assert "--here" not in stack["show"].always


def test_no_tool_removes_writes_elsewhere_or_runs_on_a_cluster() -> None:
    options = {one.option for offer in ALL for one in offer.given}
    assert not options & {"--on", "--workers", "--figure", "--open", "--allow-look-ahead"}
    assert not {offer.command or offer.name for offer in ALL} & {"runs rm", "down", "cancel", "data", "keys", "init"}


def test_the_words_of_a_list_are_those_of_its_command(tmp_path: Path) -> None:
    from backbus.cli import runs
    from backbus.runs import library

    assert runs.KINDS == KINDS
    assert {name.removeprefix("-") for name in ORDERS} == set(library.ORDERS)


def test_every_error_of_the_library_has_a_code_and_every_code_a_next_step() -> None:
    kinds = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BackbusError)]
    codes = {kind.__name__: refusal_of({"kind": kind.__name__, "message": "m"}, None, "", {}).code for kind in kinds}
    assert codes["JobError"] == "job.wrong" and codes["DataError"] == "data.wrong"
    assert codes["RunNotFound"] == "not_found" and codes["TooManyPoints"] == "too_large"
    assert codes["StrategyError"] == "strategy.failed" and codes["StackError"] == "no_stack"
    assert set(codes.values()) <= set(NEXT)
    told = refusal_of(
        {"kind": "DataError", "message": "m", "file": "a.csv", "line": 3, "column": None}, None, "", {}
    ).plain()
    assert told == {"code": "data.wrong", "message": "m", "next": NEXT["data.wrong"], "file": "a.csv", "line": 3}
    assert refusal_of({"kind": "JobError", "message": "m"}, None, "", {}, of_job=False).code == "arguments.wrong"
    assert {one.name for one in ALL if one.of_job} == {"check", "run", "sweep", "submit"}
    assert refusal_of({"kind": "OSError", "message": "m"}, None, "", {}).code == "system.refused"


def test_the_server_loads_neither_numbers_nor_a_compiler() -> None:
    program = (
        "import sys; import backbus.mcp.server; "
        "print([name for name in ('numba', 'numpy', 'pandas', 'pyarrow', 'typer') if name in sys.modules])"
    )
    done = subprocess.run((sys.executable, "-P", "-c", program), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- arguments --------------------------------------------------------------------------------------------------------


def test_arguments_become_words_and_nothing_that_is_given_is_an_option(folder: Path) -> None:
    told = typed(OF_JOB, {"job": "jobs/deep.toml", "settings": ["strategy.fast=1", "name=x"]}, folder)
    assert told.words == ("--set=strategy.fast=1", "--set=name=x", "--", "jobs/deep.toml")
    told = typed(OF_JOB, {"job_toml": "name = 'a'"}, folder)
    assert (told.words, told.read) == (("--", "-"), "name = 'a'")
    assert typed(OF_RUN, {"run": "--help", "order": 3}, folder).words == ("--order=3", "--", "--help")
    assert typed(OF_RUN, {"run": "a", "asset": "--json", "date": "x"}, folder).words[0] == "--asset=--json"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"jobb": "job.toml"}, "did you mean 'job'"),
        ({"job": 3}, "job must be a text"),
        ({"job": ""}, "job must be a text"),
        ({"job": "job.toml", "job_toml": "a = 1"}, "give job or job_toml, not both"),
        ({"job": "job.toml", "settings": "a=1"}, "settings must be a list of texts"),
        ({"job": "job.toml", "settings": ["a"]}, "settings: wants section.field=value, not 'a'"),
        ({"job": "job.toml", "settings": ["a=1", "a.b=2"]}, "settings: a.b=2: 'a' is a value, not a table"),
        ({"job": "job.toml", "settings": ["x=" + "[" * 100_000]}, "settings: tables or lists lie too deep"),
        ({"job_toml": "x=" + "[" * 100_000}, "job_toml: tables or lists lie too deep"),
        ({"job_toml": "a." * 2000 + "b = 'x'"}, "job_toml: tables or lists lie too deep"),
        ({"job_toml": "x = " + "1" * 5000}, "job_toml: Exceeds the limit"),
        ({"job": "~nobody9/x"}, "~nobody9/x is no path: nobody is called 'nobody9' on this machine"),
        ({"job": "job.toml", "settings": ["data.files=~nobody9/x"]}, "nobody is called 'nobody9'"),
    ],
)
def test_arguments_that_fit_no_kind_are_refused(values: dict[str, Any], says: str, folder: Path) -> None:
    told = refused(OF_JOB, values, folder)
    assert told.code == "arguments.wrong"
    assert says in told.message
    assert told.plain()["next"]


def test_what_is_required_and_numbers_are_looked_at(folder: Path) -> None:
    assert "sweep is missing" in refused(OF_SWEEP, {}, folder).message
    assert "order must be a whole number" in refused(OF_RUN, {"run": "a", "order": True}, folder).message
    runs = next(one.given for one in OFFERS if one.name == "runs")
    assert "limit must be a number from 1" in refused(runs, {"limit": 0}, folder).message
    assert "kind must be one of" in refused(runs, {"kind": "x"}, folder).message
    schema = schema_of(runs)
    assert schema["properties"]["limit"]["minimum"] == 1 and not schema["additionalProperties"]


@pytest.mark.parametrize(
    "values",
    [
        {"job": "../secret.csv"},
        {"job": "/etc/passwd"},
        {"job": "~/job.toml"},
        {"job": "out.toml"},
        {"job": "up/home/../secret.csv"},
        {"job": "job.toml", "settings": ["data.files=/etc/passwd"]},
        {"job": "job.toml", "settings": ['data.files=["prices/a.csv", "../secret.csv"]']},
        {"job": "jobs/deep.toml", "settings": ["data.files=../../secret.csv"]},
        {"job": "job.toml", "settings": ["data.files=prices/*.csv"]},
        {"job": "job.toml", "settings": ["strategy.use=/tmp/x.py:Cross"]},
        {"job": "job.toml", "settings": ["performance.risk_free={file='~/rates.csv'}"]},
        {"job": "job.toml", "settings": ["data.query=select * from read_csv('/etc/passwd')"]},
        {"job_toml": '[data]\nfiles = "../secret.csv"'},
        {"job_toml": '[data]\nquery = "select 1"'},
        {"job_toml": '[strategy]\nuse = "../x.py:Cross"'},
        {"job_toml": '[data]\ndatabase = "up/x.db"'},
    ],
)  # fmt: skip
def test_nothing_that_an_agent_names_is_outside_of_the_folder(values: dict[str, Any], folder: Path) -> None:
    told = refused(OF_JOB, values, folder)
    assert told.code == "not_allowed", told.message


def test_what_stays_inside_is_let_pass(folder: Path) -> None:
    (folder / "prices" / "linked.csv").unlink()
    for settings in (
        ["data.files=prices/*.csv"],
        ['data.symbols=["BRK/B"]'],
        ["strategy.use=s.py:Cross"],
        ["data.start=2020-01-01"],
    ):
        assert typed(OF_JOB, {"job": "job.toml", "settings": settings}, folder).words
    # A job that lies in the folder is the user's, and names prices anywhere.
    assert typed(OF_JOB, {"job": "job.toml"}, folder).words == ("--", "job.toml")
    assert typed(OF_JOB, {"job": "jobs/deep.toml", "settings": ["data.files=../prices"]}, folder).words
    # A job's paths start from where it lies, not from where a link leads.
    (folder / "linked.toml").symlink_to(folder / "jobs" / "deep.toml")
    assert typed(OF_JOB, {"job": "linked.toml", "settings": ["data.files=prices"]}, folder).words[-1] == "linked.toml"
    assert refused(OF_JOB, {"job": "linked.toml", "settings": ["data.files=../prices"]}, folder).code == "not_allowed"
    assert typed(OF_JOB, {"job": "job.toml", "settings": [f"name={'x' * 5000}"]}, folder).words


def test_a_file_that_is_not_there_is_said_to_be_missing(folder: Path) -> None:
    told = refused(OF_JOB, {"job": "none.toml"}, folder)
    assert (told.code, told.message) == ("not_found", f"there is no file none.toml in {folder}")


def test_runs_outside_are_refused_but_the_folder_of_runs_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    for run in ("../other/run", "/tmp", "up/run", "~"):
        assert refused(OF_RUN, {"run": run}, folder).code == "not_allowed"
    (folder / "var").mkdir()
    (tmp_path / "large" / "abc").mkdir(parents=True)
    (folder / "var" / "runs").symlink_to(tmp_path / "large")
    assert typed(OF_RUN, {"run": "var/runs/abc"}, folder).words == ("--", "var/runs/abc")


def test_a_link_among_the_runs_that_leads_out_is_refused(folder: Path, tmp_path: Path) -> None:
    runs, outside = folder / "var" / "runs", tmp_path / "other"
    for home in (runs / "abc", outside):
        home.mkdir(parents=True)
        (home / "report.json").write_text("{}")
    compared = next(one.given for one in OFFERS if one.name == "compare")
    desk = Desk(Bounds(folder), COMMANDS)
    assert desk._words(desk.offers["show"], {}).words[-1] == "--last"
    (runs / "def").symlink_to(outside)
    for run in ("d", "def", "its name"):
        told = refused(OF_RUN, {"run": run}, folder)
        assert told.code == "not_allowed" and "var/runs/def is a link that leads outside of" in told.message
    assert refused(OF_RUN, {"run": "var/runs/def"}, folder).code == "not_allowed"
    assert refused(compared, {"runs": ["abc", "def"]}, folder).code == "not_allowed"
    with pytest.raises(CallRefused, match="leads outside"):
        desk._words(desk.offers["show"], {})
    assert typed(OF_RUN, {"run": "ab"}, folder).words == ("--", "ab")
    (runs / "abc" / "fills.parquet").symlink_to(tmp_path / "secret.csv")
    assert "abc/fills.parquet is a link" in refused(OF_RUN, {"run": "ab"}, folder).message


def test_errors_of_commands_name_a_tool_s_arguments() -> None:
    offer = next(one for one in OFFERS if one.name == "run")
    assert _in_arguments("--set wants it, not --set-off", offer) == "`settings` wants it, not --set-off"
    given = next(one.given for one in OFFERS if one.name == "compare")
    assert "runs must be a list of 2 or more" in refused(given, {"runs": ["a"]}, Path()).message


def test_a_report_writes_over_nothing(folder: Path) -> None:
    given = next(one.given for one in OFFERS if one.name == "report")
    assert any(one.takes is Takes.NEW_FILE for one in given)
    assert typed(given, {"run": "a", "out": "a.html"}, folder).words[0] == f"--out={folder / 'a.html'}"
    assert refused(given, {"run": "a", "out": "job.toml"}, folder).code == "not_allowed"
    assert refused(given, {"run": "a", "out": "../a.html"}, folder).code == "not_allowed"
    assert refused(given, {"run": "a", "out": "a.pdf"}, folder).code == "arguments.wrong"
    assert refused(given, {"run": "a", "out": "none/a.html"}, folder).code == "not_found"


# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_that_has_room_is_as_it_is() -> None:
    answer = {"a": [1, 2], "b": {"c": "d"}}
    assert bounded(answer, ANSWER, "how") == answer


@pytest.mark.parametrize(
    ("answer", "what", "kept"),
    [
        ({"notes": [f"note {number} " + "x" * 50 for number in range(3000)], "n": 1}, "notes", 200),
        ({"a": {"symbols": {f"S{number}": number for number in range(9000)}}, "n": 1}, "a.symbols", 100),
        ({"hashes": {f"file{number}.csv": "ab" * 32 for number in range(900)}, "n": 1}, "hashes", 100),
        ({"text": "é" * 90_000, "n": 1}, "text", 1000),
        ({"rows": [{"x": "y" * 100_000}], "n": 1}, "rows.0.x", 1000),
        ({"rows": [[1] * 30_000], "n": 1}, "rows.0", 1000),
    ],
)
def test_an_answer_is_cut_where_it_is_long_and_says_so(answer: dict[str, Any], what: str, kept: int) -> None:
    told = bounded(answer, ANSWER, "read the file")
    assert len(json.dumps(told)) <= ANSWER
    assert told["n"] == 1
    (cut,) = told.pop("left_out")
    assert (cut["what"], cut["how"]) == (what, "read the file")
    assert kept <= cut["kept"] < cut["of"]
    assert set(told) == set(answer)
    if "hashes" in answer:
        assert set(told["hashes"].values()) == {"ab" * 32}


def test_an_answer_that_is_long_in_many_places_is_cut_in_all_of_them_by_as_much() -> None:
    answer = {f"list{number}": list(range(2000)) for number in range(40)}
    told = bounded(answer, ANSWER, "how")
    assert len(json.dumps(told)) <= ANSWER
    lengths = [len(told[name]) for name in answer]
    assert min(lengths) > 50 and max(lengths) - min(lengths) < 20
    assert told["list3"] == list(range(len(told["list3"])))
    assert len(told["left_out"]) == 13 and told["left_out"][-1]["what"] == "28 other places"


def test_the_last_line_is_the_answer() -> None:
    assert _parsed('hello\n{"a": 1}\n') == {"a": 1}
    assert _parsed("") is None and _parsed("hello") is None and _parsed("[1]") is None


def test_progress_grows_and_is_never_whole() -> None:
    from backbus.mcp.progress import PROGRESS

    done, words = 0.0, ""
    for packed in (b"", b"", PROGRESS.pack(0, 0), PROGRESS.pack(50, 100), PROGRESS.pack(100, 100), b"", b""):
        before = done
        done, words = _progress(packed, before)
        assert before < done < 100.0
        assert words == ("" if not packed else " of ".join(map(str, PROGRESS.unpack(packed))))


# --- what is told of it -----------------------------------------------------------------------------------------------


def test_the_page_lists_the_tools_their_arguments_the_codes_and_the_limits() -> None:
    page = text_of("mcp.md")
    listed = {words(row[0])[0]: set(words(row[1])) for row in rows(section(page, "The tools"))}
    assert list(listed) == list(dict.fromkeys(one.name for one in ALL))
    for offer in ALL:
        assert {one.name for one in offer.given} - {"job_toml", "settings", "job"} <= listed[offer.name], offer.name
    assert set(first_words(section(page, "Answers"))) == set(NEXT)
    assert f"`--max-points`, {MAX_POINTS}, " in page and f"`--max-seconds`, {MAX_SECONDS:g}:" in page
    assert f"{ANSWER:,} characters".replace(",", " ") in page and AT_ONCE == 2
