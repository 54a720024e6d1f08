"""What the documents show works, and nothing that a user can set is left out of them.

Conventions of the documents: in a ``console`` block, lines that begin with ``$ `` are commands and the rest is what
they print, where it is shown; all blocks of a page run in order, in one folder, against a running stack. A code block
whose first line is ``# name.ext`` is that file. Other blocks (``sh``, ``text``) are read by people only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import BaseModel

from backbus.job.job import Job, StrategySettings
from backbus.settings import Settings
from backbus.stack.services import SERVICES, WORKER
from tests.processes import ROOT

if TYPE_CHECKING:
    from tests.stacks import Stack

pytestmark = pytest.mark.timeout(900)
"""Starting a stack and typing what every page shows takes its time on a machine that does something else as well."""

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[!.]*/README.md")])
SERVICE_PAGES = sorted((ROOT / "docs" / "services").glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def files(page: Path) -> dict[str, str]:
    """The files that a page shows, by name."""
    found = {}
    for language in ("python", "toml"):
        for body in blocks(page, language):
            name = re.match(r"# ([\w./-]+\.(?:py|toml))\n", body)
            if name:
                found[name[1]] = body
    return found


def commands(page: Path) -> list[str]:
    return [line[2:] for body in blocks(page, "console") for line in body.splitlines() if line.startswith("$ ")]


def shown(page: Path) -> list[str]:
    """What the page's commands print, line by line; of many nothing is shown."""
    return [line for body in blocks(page, "console") for line in body.splitlines() if not line.startswith("$ ")]


def same(shown: str, printed: str) -> bool:
    """Whether two lines differ in nothing but ids of jobs, and in how many attempts a fingerprint took."""
    one, other = (
        re.sub(r"^([0-9a-f]{32}) \d$", r"\1", re.sub(r"\b[0-9a-f]{12}\b", "ID", each)) for each in (shown, printed)
    )
    return one.rstrip() == other.rstrip()


@pytest.fixture
def working_folder(tmp_path: Path, examples: Path) -> Path:
    """A folder of a user's own with the examples in it."""
    (tmp_path / "examples").symlink_to(examples)
    return tmp_path


def write_files(page: Path, folder: Path) -> dict[str, str]:
    shown = files(page)
    for name, text in shown.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return shown


def done(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, f"{command}: status {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


# --- commands and code ---------------------------------------------------------------------------------------------


def test_every_service_has_its_page() -> None:
    assert {page.stem for page in SERVICE_PAGES} == {service.name for service in (*SERVICES, WORKER)}


@pytest.mark.parametrize("page", SERVICE_PAGES, ids=lambda page: page.stem)
def test_commands_of_a_service_page_work(page: Path, stack: Stack, working_folder: Path) -> None:
    typed = commands(page)
    assert typed, f"{page.name} shows no command"
    script = "exec 2>&1\nset -eu\n" + "\n".join(typed) + "\n"
    answered = iter(done(["sh", "-c", script], working_folder, stack.user()).splitlines())
    for line in shown(page):
        assert any(same(line, one) for one in answered), f"{page.name} shows what was not printed: {line}"


def test_the_jobs_of_the_readme_run(working_folder: Path) -> None:
    shown = write_files(ROOT / "README.md", working_folder)
    jobs = [name for name in shown if name.endswith(".toml")]
    variables = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    assert len(jobs) >= 2
    for name in jobs:
        printed = done(["backbus", "run", name], working_folder, variables)
        assert "Fingerprint" in printed


def test_the_readme_s_question_why_has_an_answer(working_folder: Path) -> None:
    write_files(ROOT / "README.md", working_folder)
    typed = [line for body in blocks(ROOT / "README.md", "sh") for line in body.splitlines()]
    asked = next(line for line in typed if line.startswith("backbus explain"))
    variables = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done(["backbus", "run", "my_job.toml"], working_folder, variables)
    told = done(["sh", "-c", asked], working_folder, variables)
    assert re.search(
        r"was working: order \d+, market, to buy [\d,]+ of [\d,]+ wanted \(not enough buying power\)", told
    )
    assert re.search(r"at the open: bought [\d,]+: market order at the open", told)


def test_the_readme_s_python_runs_here_and_on_a_stack(stack: Stack, working_folder: Path) -> None:
    shown = write_files(ROOT / "README.md", working_folder)
    scripts = [name for name, text in shown.items() if name.endswith(".py") and "(Strategy)" not in text]
    assert scripts
    for name in scripts:
        done([sys.executable, name], working_folder, stack.user())


def test_each_strategy_of_the_readme_trades(working_folder: Path) -> None:
    from backbus import run

    shown = write_files(ROOT / "README.md", working_folder)
    strategies = [name for name, text in shown.items() if name.endswith(".py") and "(Strategy)" in text]
    assert len(strategies) >= 2
    prices = str(working_folder / "examples" / "data" / "*.csv")
    for name in strategies:
        job = {"data": {"files": [prices], "adjust": "adj_close"}, "strategy": {"use": str(working_folder / name)}}
        assert run(job, tables=False).summary.counts.fills > 0


def test_the_strategies_in_the_reference_can_be_loaded(tmp_path: Path) -> None:
    from backbus.errors import StrategyError
    from backbus.strategy import load_strategy

    shown = [body for body in blocks(ROOT / "docs" / "strategies.md", "python") if "(Strategy)" in body]
    assert len(shown) >= 2
    for number, body in enumerate(shown):
        path = tmp_path / f"shown_{number}.py"
        path.write_text(body, encoding="utf-8")
        name = re.findall(r"class (\w+)\(Strategy\)", body)[0]
        if "def signals" in body or "def on_bar" in body:
            assert load_strategy(f"{path.name}:{name}", {path.name: path}).style != "none"
        else:
            with pytest.raises(StrategyError, match="neither signals"):
                load_strategy(f"{path.name}:{name}", {path.name: path})


def test_a_plain_client_in_the_protocol_page_gets_its_answer(stack: Stack, working_folder: Path) -> None:
    page = ROOT / "docs" / "protocol.md"
    write_files(page, working_folder)
    imported = {line.split()[1] for line in files(page)["plain_client.py"].splitlines() if line.startswith("import ")}
    assert imported <= {"hashlib", "os", "pathlib", "uuid", "msgpack", "zmq", "zmq.auth"}
    answered = done([sys.executable, "plain_client.py"], working_folder, stack.user()).split()[0]
    watched = done([sys.executable, "watch.py"], working_folder, stack.user()).strip()
    assert answered == watched
    assert re.fullmatch(r"[0-9a-f]{32}", answered)


# --- completeness --------------------------------------------------------------------------------------------------


def job_fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Dotted names of every setting, those of each alternative of a union included."""
    for name, field in model.model_fields.items():
        here = f"{path}{name}"
        models = [part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
        if not models:
            yield here
        for one in models:
            yield from job_fields(one, f"{here}.")


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def documented(page: Path) -> set[str]:
    """What stands as code in the first column of the page's tables."""
    rows = re.findall(r"^\|([^|]*)\|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_setting_of_a_job_is_documented() -> None:
    as_of_the_job = ("instruments.slippage.", "instruments.commission.")
    assert {name for name in job_fields(Job) if name.startswith(as_of_the_job)} == {
        f"instruments.{name.removeprefix('execution.')}"
        for name in job_fields(Job)
        if name.startswith(("execution.slippage.", "execution.commission."))
    }
    wanted = {name for name in job_fields(Job) if not name.startswith(as_of_the_job)}
    assert "portfolio.sizing.lookback" in wanted and issubclass(StrategySettings, BaseModel)
    listed = documented(ROOT / "docs" / "jobs.md")
    assert wanted - listed == set()
    sections = {name.partition(".")[0] for name in wanted}
    assert {name for name in listed if name.partition(".")[0] in sections and "=" not in name} - wanted <= {
        "strategy.…",
        "portfolio.sizing",
        "performance.risk_free",
        "instruments.slippage",
        "instruments.commission",
        "data",
        "run",
    }


def test_every_model_of_a_choice_is_documented() -> None:
    text = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
    schema = Job.model_json_schema()["$defs"]
    models = {one["properties"]["model"]["const"] for one in schema.values() if "model" in one.get("properties", {})}
    scenarios = {
        each["properties"]["scenario"]["const"] for each in schema.values() if "scenario" in each.get("properties", {})
    }
    assert len(scenarios) == 13
    # Not as that which a setting is "of".
    assert {name for name in models | scenarios if not re.search(rf'(?<!of )`"?{name}"?`', text)} == set()


def test_the_job_files_in_the_documents_are_valid() -> None:
    seen = 0
    for page in PAGES:
        for body in blocks(page, "toml"):
            fields = tomllib.loads(body)
            if "strategy" in fields:
                Job.parse(fields, file=str(page))
                seen += 1
    assert seen >= 3


def test_every_environment_variable_is_documented() -> None:
    for setting in Settings.model_fields:
        name = f"`BACKBUS_{setting.upper()}`"
        assert name in (ROOT / "docs" / "services" / "orchestrator.md").read_text(encoding="utf-8"), name


def test_no_page_names_a_variable_that_does_not_exist() -> None:
    known = {f"BACKBUS_{name.upper()}" for name in Settings.model_fields}
    elsewhere = "".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("compose.yaml", ".ci/run", "tools/up", "tools/down", "shared/backbus/jit/sources.py")
    )
    for page in PAGES:
        for name in set(re.findall(r"\bBACKBUS_[A-Z_]+\b", page.read_text(encoding="utf-8"))):
            assert name in known or name in elsewhere, f"{page.name}: {name}"


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index("make run") < readme.index("## ")
    for page in PAGES:
        for name in re.findall(r"`(?:\w+=\w+ )?make ([a-z-]+)`", page.read_text(encoding="utf-8")):
            assert name in targets, f"{page.name}: make {name}"
    for body in blocks(ROOT / "README.md", "sh"):
        for name in re.findall(r"^make ([a-z-]+)", body, re.MULTILINE):
            assert name in targets, f"make {name}"


def test_relative_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target or target.startswith("#"):
                continue
            name, _, anchor = target.partition("#")
            there = page.parent / name
            if not there.exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
            elif anchor and there.suffix == ".md":
                titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
                if anchor not in slugs:
                    broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_indicator_and_built_in_is_documented() -> None:
    from backbus.strategy import BUILTINS, parameters
    from backbus.strategy.bars import Bars
    from backbus.strategy.streams import Stream

    text = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
    for owner in (Stream, Bars):
        for name in dir(owner):
            if not name.startswith("_"):
                assert re.search(rf"`[^`]*\b{name}\b[^`]*`", text), f"{owner.__name__}.{name}"
    for strategy in set(BUILTINS.values()):
        assert f"`{strategy.__name__}`" in text
        for parameter in parameters(strategy):
            assert f"`{parameter.name}`" in text, f"{strategy.__name__}.{parameter.name}"
