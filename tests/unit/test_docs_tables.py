"""What the pages list is what there is: settings, tables and their columns, words in them, messages, phases, commands.

What can be made from the code is made by ``tools/pages.py``; the rest is held against it here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any, get_args

import pytest
import typer

from backbus import __version__
from backbus.cli.app import app
from backbus.performance.artifacts import REPORT_FILE
from backbus.performance.metrics import Metrics
from backbus.performance.report import Counts, Report
from backbus.performance.tables import CATEGORIES, TABLES, ColumnKind
from backbus.strategy import BUILTINS, parameters
from backbus.strategy.order_terms import TERMS
from backbus.strategy.orders import Fill, Order
from backbus.streams import codec
from backbus.streams.credit import WINDOW_LIMIT_ROWS
from backbus.sweep.files import FAN_FILE, SUMMARY_FILE, TABLE_FILE
from backbus.sweep.search.cross_validation import PATHS_FILE, SPLITS_FILE
from backbus.sweep.search.walk_forward import FOLDS_FILE
from backbus.trading.codes import ENDS, EXPIRED, FILL_RULES, REASONS
from backbus.transport import control, control_codec
from backbus.transport.sockets import BUS_HIGH_WATER
from tests.unit.doc_pages import PAGES, ROOT, first_words, rows, section, stale, text_of, tool, words

KINDS = {
    ColumnKind.COUNT: "whole number",
    ColumnKind.NUMBER: "number",
    ColumnKind.NUMBER_OR_NONE: "number or null",
    ColumnKind.INSTANT: "time",
    ColumnKind.DATE: "date",
}
"""What the pages call a column's type; all others are words."""
FILES = sorted([*(f"{name}.parquet" for name in TABLES), REPORT_FILE])


# --- what is made from the code ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pages", "api", "order_states", "wrap"])
def test_what_is_made_from_the_code_is_as_the_code_is(name: str) -> None:
    assert stale(name) == [], "run: make pages"


def test_a_changed_default_and_a_changed_bound_are_seen() -> None:
    pages = tool("pages")
    settings = pages.settings_of_a_job()
    page = text_of("jobs.md").replace("| number, 1 to 100 | 1 |", "| number, 1 to 50 | 2 |")
    assert page != text_of("jobs.md")
    made = pages.with_tables(page, lambda column, names, now: pages.job_cell(column, names, now, settings))
    assert made == text_of("jobs.md")


# --- results ----------------------------------------------------------------------------------------------------------


def test_the_tables_of_a_run_are_listed_with_their_columns_in_order() -> None:
    page = text_of("results.md")
    titles = re.findall(r"^### (\w+)\.parquet$", page, re.MULTILINE)
    assert sorted(titles) == sorted(TABLES)
    for name, columns in TABLES.items():
        listed = [(words(row[0])[0], row[1]) for row in rows(section(page, f"{name}.parquet"))]
        assert listed == [(column, KINDS.get(kind, "word")) for column, kind in columns.items()], name


def test_the_readme_lists_the_files_of_a_run() -> None:
    listed = first_words(section((ROOT / "README.md").read_text(encoding="utf-8"), "Artifacts"))
    assert sorted(listed) == FILES


def test_the_performance_page_shows_the_files_of_a_run() -> None:
    assert re.findall(r"^(\w+\.(?:parquet|json))$", text_of("services/performance.md"), re.MULTILINE) == FILES


def test_the_files_of_sweeps_are_listed() -> None:
    assert {TABLE_FILE, SUMMARY_FILE} == set(first_words(section(text_of("sweeps.md"), "What comes out")))
    page = text_of("validation.md")
    assert {FOLDS_FILE, SPLITS_FILE, PATHS_FILE} <= set(first_words(page))
    assert FAN_FILE in words(section(text_of("simulator.md"), "Monte Carlo"))


def test_the_words_in_a_table_are_listed_with_their_column() -> None:
    page = text_of("results.md")
    elsewhere = (ColumnKind.PHASE, ColumnKind.REASON, ColumnKind.RULE, ColumnKind.SIGNAL_KIND, ColumnKind.ORDER_TYPE)
    for name, columns in TABLES.items():
        cells = {words(row[0])[0]: row[2] for row in rows(section(page, f"{name}.parquet"))}
        for column, kind in columns.items():
            if kind in CATEGORIES and kind not in elsewhere:
                known = [word for word in CATEGORIES[kind] if word and not word.startswith("(")]
                assert words(cells[column]) == known, f"{name}.{column}"


def test_the_report_is_listed_field_by_field() -> None:
    page = text_of("results.md")
    assert sorted(first_words(section(page, "The report").partition("###")[0])) == sorted(Report.model_fields)
    assert sorted(first_words(section(page, "Counts"))) == sorted(Counts.model_fields)


def test_every_figure_is_listed_once_and_no_other() -> None:
    assert sorted(first_words(text_of("metrics.md"))) == sorted(Metrics.model_fields)


def test_every_end_of_an_order_is_listed_as_it_is_counted() -> None:
    listed = [row for row in rows(section(text_of("fills.md"), "Why an order did not fill")) if len(row) == 3]
    counted = {words(row[0])[0]: row[1] for row in listed}
    ends = {code: FILL_RULES[code] for code in range(ENDS, len(FILL_RULES))}
    assert counted == {told: "expired" if code in EXPIRED else "ended" for code, told in ends.items()}


def test_every_reason_is_listed() -> None:
    listed = [row for row in rows(section(text_of("fills.md"), "Why an order did not fill")) if len(row) == 2]
    assert sorted(word for row in listed for word in words(row[0])) == sorted(filter(None, REASONS))


# --- the life of a run ------------------------------------------------------------------------------------------------


def kinds(union: Any) -> set[str]:
    return {model.model_fields["kind"].default for model in get_args(get_args(union)[0])}


def messages(page: str, row: str) -> set[str]:
    """The messages that a row of a service's first table names."""
    cell = next(cells[1] for cells in rows(text_of(f"services/{page}.md")) if cells[0] == row)
    return set(re.findall(r"\b[A-Z]{2}[A-Z_]*\b", cell))


def test_the_orchestrator_s_page_names_every_message() -> None:
    assert messages("orchestrator", "comes in") | {"OK", "ERROR"} == kinds(control_codec.Request)
    assert messages("orchestrator", "goes out") == kinds(control_codec.Order)


def test_the_optimizer_s_page_names_the_messages_of_a_worker() -> None:
    members = {"HELLO", "BEAT"}
    workers = {"WANT", "CHUNK", "POINTS", "TOTAL", "TABLE", "LEASE_FAULT", "GET_INPUTS", "GET_CHUNKS", "GET_POINTS"}
    assert workers <= kinds(control_codec.Request)
    assert messages("optimizer", "goes out") == members | workers


@pytest.mark.parametrize("number", [BUS_HIGH_WATER, WINDOW_LIMIT_ROWS])
def test_limits_are_told_as_they_are(number: int) -> None:
    shown = f"{number:,}".replace(",", " ")
    for page in ("decisions.md", "protocol.md"):
        assert shown in text_of(page), f"{page}: {shown}"


# --- strategies -------------------------------------------------------------------------------------------------------


def test_every_term_of_an_order_and_what_becomes_of_it_is_told() -> None:
    page = section(text_of("strategies.md"), "Orders")
    told = " ".join(words(page))
    for name in TERMS:
        # A fraction of the entry's price is told beside the price that it stands for.
        assert re.search(rf"\b{name.removesuffix('_fraction')}\b", told), name
    for owner in (Order, Fill):
        for name in (slot for slot in owner.__slots__ if not slot.startswith("_")):
            assert re.search(rf"\b{name}\b", told), f"{owner.__name__}.{name}"


def test_the_parameters_of_built_in_strategies_are_listed_as_they_are() -> None:
    listed: dict[str, list[tuple[str, str, str]]] = {}
    name = ""
    for row in rows(section(text_of("strategies.md"), "Built-in strategies")):
        if len(row) == 6:
            name = row[0] or name  # (a row without one goes on with the strategy above)
            listed.setdefault(name, []).append((words(row[1])[0], row[2], row[3]))
    known = {
        strategy.__name__: [
            (one.name, one.type, f"{one.default:g}" if one.type != "bool" else str(one.default).lower())
            for one in parameters(strategy)
        ]
        for strategy in set(BUILTINS.values())
    }
    assert listed == {name: told for name, told in known.items() if told}


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> dict[tuple[str, ...], set[str]]:
    """Every command, as words, with its options."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(command: Any, path: tuple[str, ...]) -> None:
        found[path] = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*path, name))

    walk(typer.main.get_command(app), ())
    return found


def typed(text: str) -> Iterable[list[str]]:
    """The words of every ``backbus …`` in a page's code."""
    code = re.findall(r"^```(?:sh|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for piece in (*(line for block in code for line in block.splitlines()), *words(text)):
        for command in re.findall(r"(?:^|[$;(] ?|if )backbus (.*)", piece):
            yield re.split(r"\s+#|[|;)>]", command)[0].split()


def test_the_pages_type_commands_and_options_that_there_are() -> None:
    known = commands()
    seen: set[tuple[str, ...]] = set()
    for page in PAGES:
        for line in typed(page.read_text(encoding="utf-8")):
            path: tuple[str, ...] = ()
            for word in line:
                if (*path, word) not in known:
                    break
                path = (*path, word)
            path = ("simulate", "make") if path == ("simulate",) else path  # the group makes by default
            seen.add(path)
            for option in re.findall(r"(?:^|\s)(--[a-z-]+)", " ".join(line)):
                assert option in known[path] | {"--help"}, f"{page.name}: backbus {' '.join(line)}"
    groups = {path for path in known if any(other[:-1] == path for other in known)}
    assert set(known) - groups - seen == set(), "commands that no page shows"


def test_each_group_of_commands_says_which_it_has() -> None:
    for path in sorted((ROOT / "shared" / "backbus" / "cli").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        names = {
            name
            for each in re.findall(r"for command in \(([\w, ]+)\):\s+app\.command", text)
            for name in each.split(", ")
        }
        said = text.partition("\n\n")[0]
        for name in names:
            assert re.search(rf"\b{name}\b", said), f"{path.name}: {name}"


# --- benchmarks -------------------------------------------------------------------------------------------------------


def test_every_row_of_the_benchmarks_is_listed() -> None:
    files = (ROOT / "benchmarks" / "rows").glob("*.py")
    known = [
        name for path in files for name in re.findall(r'^ROW = "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert sorted(words(row[0])[0] for row in rows(page)) == sorted(known)
    named = re.findall(r"\b[Rr]ows? `(\w+)`", text_of("performance.md"))
    assert set(named) <= set(known)


# --- versions and decisions ------------------------------------------------------------------------------------------


def test_the_changelog_tells_of_this_version_and_of_these_messages() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[([\d.]+)\]", page, re.MULTILINE)[0] == __version__
    assert f"messages of the bus are version {codec.VERSION}" in page
    assert f"Control messages are version {control.VERSION}" in page


def test_contributing_names_files_that_there_are() -> None:
    for name in words((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        if re.fullmatch(r"[\w.-]+/[\w./-]+", name):
            assert (ROOT / name).exists(), name


def test_every_decision_has_its_date() -> None:
    decisions = re.findall(r"^### (.+)\n\n((?:.+\n)*)", text_of("decisions.md"), re.MULTILINE)
    assert len(decisions) > 60
    dated = re.compile(r"\*\d{4}-\d\d-\d\d(; measured\b.+)?\*\n", re.DOTALL)
    undated = [title for title, first in decisions if not dated.fullmatch(first)]
    assert undated == []


# --- words ------------------------------------------------------------------------------------------------------------


def defined() -> set[str]:
    """Every name that the library or the processes define, field by field."""
    names: set[str] = set()
    for folder in (ROOT / "shared" / "backbus", ROOT / "services"):
        for path in folder.rglob("*.py"):
            names |= {path.name, *(part.name for part in path.parents if ROOT in part.parents)}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef | ast.FunctionDef):
                    names.add(node.name)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.id)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    names.add(node.value)
                elif isinstance(node, ast.arg):
                    names.add(node.arg)
    return names


@pytest.mark.slow
def test_each_word_of_the_glossary_is_where_it_says() -> None:
    names = defined()
    listed = rows(text_of("glossary.md"))
    assert len(listed) > 100
    for word, meaning, place in listed:
        assert meaning and words(place), word
        for name in words(place):
            assert name in names or (ROOT / name).exists(), f"{word}: {name}"
    said = [one.strip() for word, _, _ in listed for one in word.split(",")]
    twice = {one for one in said if said.count(one) > 1}
    assert twice == set(), "one word, one thing"
