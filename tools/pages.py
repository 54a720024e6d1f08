"""Make what the pages take from the code: ``python tools/pages.py`` (``make pages``).

- ``examples/README.md``, from the first comment of each example;
- in the tables of settings, the columns *type*, *default* and *of models*: of a job in ``docs/jobs.md``, from the
  models that read it, of a machine in ``docs/services/orchestrator.md``. What a setting means is written by hand, and
  so is a type or a default that the model has no word for: a zone's name, "all there are".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wrap import wrapped

from backbus.job.job import Job
from backbus.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
JOBS, MACHINE = ROOT / "docs" / "jobs.md", ROOT / "docs" / "services" / "orchestrator.md"

Schema = Mapping[str, Any]
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


# --- settings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """One field of one table of a job file. ``model`` is the choice that has it, ``models`` are all of that choice."""

    schema: Schema
    required: bool
    model: str = ""
    models: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """What may stand there; empty where the schema has no more to say than that it is text, or a list."""
        return type_of(self.schema)

    @property
    def default(self) -> str:
        """What it is where it is left out; empty where that takes words."""
        return "required" if self.required else default_of(self.schema.get("default"))


def number(value: float) -> str:
    """A number as the pages write it: 10 000, 10⁹, −1."""
    for power in (52, 63):
        if value == 1 << power:
            return "2" + str(power).translate(RAISED)
    if value == 10**9:
        return "10⁹"
    text = f"{value:,}" if abs(value) >= 10_000 else f"{value:g}"
    return text.removesuffix(".0").replace(",", " ").replace("-", "−")


def default_of(value: Any) -> str:
    """A default as the pages write it; empty for None and for what is empty."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return number(value)
        case str() if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return value
        case str() if value:
            return f'`"{value}"`'
    return ""


def type_of(schema: Schema) -> str:
    """What a value may be, as the pages write it; empty where that takes words."""
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    if len(parts) != 1:
        return ""
    part = parts[0]
    if "enum" in part or "const" in part:
        words = [f'`"{one}"`' if isinstance(one, str) else str(one) for one in part.get("enum", [part.get("const")])]
        return " or ".join(words) if len(words) == 2 else ", ".join(words)
    if part.get("type") == "boolean":
        return "true or false"
    if part.get("type") in ("integer", "number"):
        return f"{'whole number' if part['type'] == 'integer' else 'number'}{_bounds(part)}"
    return ""


def _bounds(part: Schema) -> str:
    if "minimum" in part and "maximum" in part:
        return f", {number(part['minimum'])} to {number(part['maximum'])}"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    told = [f"{sign} {number(part[name])}" for name, sign in signs.items() if name in part]
    return f" {', '.join(told)}" if told else ""


def settings_of_a_job() -> dict[str, list[Setting]]:
    """Every setting of a job by its dotted name, once for each model that has it."""
    schema = Job.model_json_schema()
    found: dict[str, list[Setting]] = {}
    for path, setting in _settings(schema, schema, ""):
        found.setdefault(path, []).append(setting)
    return found


def _settings(
    node: Schema, whole: Schema, path: str, model: str = "", models: tuple[str, ...] = ()
) -> Iterator[tuple[str, Setting]]:
    for name, field in node.get("properties", {}).items():
        tables = list(_tables(field, whole))
        if not tables:
            yield f"{path}{name}", Setting(field, name in node.get("required", ()), model, models)
        names = tuple(filter(None, map(_model, tables)))
        for table in tables:
            yield from _settings(table, whole, f"{path}{name}.", _model(table) or model, names or models)


def _tables(field: Schema, whole: Schema) -> Iterator[Schema]:
    """The tables that a field may be, lists of them included."""
    if "$ref" in field:
        yield whole["$defs"][field["$ref"].rpartition("/")[2]]
    for part in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        yield from _tables(part, whole)
    if isinstance(field.get("items"), Mapping):
        yield from _tables(field["items"], whole)


def _model(table: Schema) -> str:
    for name in ("model", "scenario"):
        if "const" in table.get("properties", {}).get(name, {}):
            return str(table["properties"][name]["const"])
    return ""


def among(one: tuple[str, ...], all_: tuple[str, ...]) -> str:
    """Which of the models of a choice have a field."""
    missing = [model for model in all_ if model not in one]
    if not missing:
        return "all"
    return f"all but {', '.join(missing)}" if len(missing) < len(one) else ", ".join(one)


def told(settings: list[Setting], what: Callable[[Setting], str]) -> str:
    """What is so of a setting; of one that several models have in different ways, which model has it how."""
    if all("const" in setting.schema for setting in settings):
        return ", ".join(dict.fromkeys(map(what, settings)))
    by_text: dict[str, list[str]] = {}
    for setting in settings:
        by_text.setdefault(what(setting), []).append(setting.model)
    if len(by_text) == 1:
        return next(iter(by_text))
    most = max(by_text, key=lambda text: len(by_text[text]))
    rule = most if len(by_text[most]) > 1 else None
    return "; ".join(
        text if text == rule else f"{text or 'none'} ({', '.join(models)})" for text, models in by_text.items()
    )


def job_cell(column: str, names: list[str], now: str, settings: Mapping[str, list[Setting]]) -> str:
    """What a cell says of the settings that its row is about."""
    known = [settings[name] for name in names if name in settings]
    if not known:
        return now
    if column == "type":
        return told(known[0], lambda setting: setting.type) or now
    if column == "default":
        default = told(known[0], lambda setting: setting.default)
        return now if now.startswith(default or now) and now else default or "none"
    return among(tuple(setting.model for setting in known[0]), known[0][0].models)


def machine_cell(column: str, names: list[str], now: str) -> str:
    """What a cell says of the variables that its row is about."""
    fields = {f"BACKBUS_{name.upper()}": field for name, field in Settings.model_fields.items()}
    if column != "default" or names[0] not in fields:
        return now
    value = fields[names[0]].default
    default = default_of(str(value) if isinstance(value, Path) else value).replace('"', "")
    return now if now.startswith(default) else default


def with_tables(text: str, cell: Callable[[str, list[str], str], str]) -> str:
    """A page with the columns of its tables that ``cell`` (column, names in the row's first cell, text) knows of."""
    lines = text.splitlines()
    head: list[str] = []
    for at, line in enumerate(lines):
        cells = [part.strip() for part in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif not line.startswith("|---") and len(cells) == len(head):
            names = re.findall(r"`([^`]+)`", cells[0])
            filled = [
                cell(column, names, now)
                if names and column in ("type", "default", "of models", "of scenarios")
                else now
                for column, now in zip(head, cells, strict=True)
            ]
            lines[at] = "| " + "".join(f"{part} | " if part else "| " for part in filled).rstrip()
    return "\n".join(lines) + "\n"


# --- examples ---------------------------------------------------------------------------------------------------------

SECTIONS = (
    ("", "Jobs", "*.toml"),
    ("strategies", "Strategies", "*.py"),
    ("simulated", "Simulated markets", "*.toml"),
    ("scenarios", "Scenarios", "*.toml"),
)
PROGRAMS = ("foreign_order_layer",)
"""Folders with a program of several files, and a page of their own."""
LINK = re.compile(r"\]\(([^)]*)\)")
WRITES = re.compile(r"(make run|python examples/sample_data\.py) writes [^.]*?\.(?=\s|$)\s*")


def first_comment(path: Path) -> str:
    """What an example says of itself, on one line: its first comment, or the first paragraph of its docstring."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        said = text.split('"""')[1].partition("\n\n")[0].replace("``", "`")
    else:
        lines = text.splitlines()
        said = " ".join(line.removeprefix("#").strip() for line in lines[: lines.index("")])
    return WRITES.sub("", " ".join(said.split())).strip()


def examples_page() -> str:
    """``examples/README.md``."""
    parts = [
        "# Examples\n",
        "Made by `tools/pages.py` from the first comment of each file.\n",
        "`make run` writes the prices that some of them read to `examples/data`, and "
        "`python examples/sample_data.py` does nothing else. Each job runs as it stands, in one process "
        "(`backbus run FILE`, or `backbus sweep FILE` where it searches) and on a stack "
        "(`backbus submit FILE --wait`).\n",
    ]
    for folder, title, pattern in SECTIONS:
        rows = [
            f"| [{path.name}]({path.relative_to(EXAMPLES).as_posix()}) | {_command(path)}{first_comment(path)} |"
            for path in sorted((EXAMPLES / folder).glob(pattern))
            if path.name != "sample_data.py"
        ]
        head = "| file | command | |\n|---|---|---|" if folder != "strategies" else "| file | |\n|---|---|"
        parts.append(f"## {title}\n\n{head}\n" + "\n".join(rows) + "\n")
    parts.append("## Programs\n\n| folder | |\n|---|---|\n" + "\n".join(map(_program, PROGRAMS)) + "\n")
    return wrapped("\n".join(parts))


def _program(name: str) -> str:
    """The row of a folder: what its page says first."""
    _, first, *_ = (EXAMPLES / name / "README.md").read_text(encoding="utf-8").split("\n\n")
    said = LINK.sub(lambda link: f"]({posixpath.normpath(f'{name}/{link[1]}')})", " ".join(first.split()))
    return f"| [{name}]({name}/README.md) | {said} |"


def _command(path: Path) -> str:
    if path.suffix == ".py":
        return ""
    searches = "\n[sweep" in path.read_text(encoding="utf-8")
    return f"`backbus {'sweep' if searches else 'run'}` | "


# --- all of it --------------------------------------------------------------------------------------------------------


def made() -> dict[Path, str]:
    """Every page that takes something from the code, as it should be."""
    settings = settings_of_a_job()
    return {
        EXAMPLES / "README.md": examples_page(),
        JOBS: with_tables(
            JOBS.read_text(encoding="utf-8"), lambda column, names, now: job_cell(column, names, now, settings)
        ),
        MACHINE: with_tables(MACHINE.read_text(encoding="utf-8"), machine_cell),
    }


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
