"""What an error or a note of the data advises leads on: the setting is set, and the job runs or says something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backbus.data import Catalog, load_panel, open_source, resolve_files
from backbus.data.catalog.importing import import_files
from backbus.data.catalog.query import answer
from backbus.data.files import universe_file
from backbus.data.panels.universe import with_universe
from backbus.data.rates import read_rates
from backbus.data.readers.members import FOR_EVER, Members, Spell
from backbus.engine.inputs import inputs_of, simulated
from backbus.errors import BackbusError
from backbus.job.data import DataSettings
from backbus.job.job import Job
from backbus.job.parsing import override_field, parse
from backbus.job.performance import RiskFree
from backbus.market.panel import whole
from backbus.trading.numbers import instruments_of
from tests.unit import advice_of_files as files
from tests.unit import advice_of_markets as markets
from tests.unit import advice_of_quotes as quotes
from tests.unit import advice_of_settings as of_settings
from tests.unit import advice_of_sources as sources
from tests.unit import test_advice_of_runs as of_runs
from tests.unit.advice_of_files import Told, Way
from tests.unit.advice_of_settings import STRATEGY
from tests.unit.advice_templates import templates
from tests.unit.panels import panel_of
from tests.unit.test_advice_of_settings import changed, message_of

ALL = (*files.REPAIRS, *files.DATES, *files.COLUMNS, *files.ADJUST, *quotes.ALL, *sources.ALL, *markets.ALL)

GUARDS = {
    "no row that is traded is in a session of any of the calendars",
    "it is broken",
    "it was made by other clocks",
    "no rules are known for {}",
    "nobody has loaded the function {}",
    "the bundle has no file {}; it has {}",
}
"""What nothing leads to that is known: each calendar's own rows are refused before; whoever makes a job's rules has
loaded its functions; and whoever bundles a job's files has those that it names, or refuses it."""


def read(case: Told, folder: Path, way: Way) -> tuple[str, ...]:
    """The notes of what the case reads with other settings or files; raises what it is refused by."""
    given = {"A.csv": case.files} if isinstance(case.files, str) else dict(case.files)
    fields: dict[str, Any] = {"dataset": "d"} if case.via == "dataset" else {}
    for name, value in {**case.settings, **way}.items():
        if name.startswith("="):
            given[name[1:]] = value
        else:
            fields = changed(fields, name, value)
    for name, text in given.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if case.via == "set":
        override_field({"name": "backtest"}, str(given["A.csv"]))
        return ()
    if case.via == "parquet":
        (folder / "A.csv").unlink()
        days = pa.array([float(day) for day in str(given.pop("A.csv")).split(",")])
        prices = {name: pa.array([1.0] * len(days)) for name in ("open", "high", "low", "close")}
        pq.write_table(pa.table({"date": days, **prices}), folder / "A.parquet")
        given["A.parquet"] = ""
    here = {name: folder / name for name, text in given.items() if text is not None}
    if case.via == "job":
        job = Job.parse({**STRATEGY, **fields})
        if job.data.files:
            here = resolve_files(job.data, folder) | universe_file(job.data, folder)
        return inputs_of(job, here).source.notes
    if case.via == "rates":
        read_rates(parse(RiskFree, fields, within=("performance", "risk_free")), folder)
        return ()
    if case.via == "member":
        cells = [np.ones((3, 1)) for _ in range(5)]
        panel = panel_of(*cells, extra={fields.get("name", "member"): np.ones((3, 1))})
        return with_universe(panel, Members("u.csv", {"A": (Spell(0, FOR_EVER, 1),)}, 0), "close").notes
    if case.via == "rules":
        instruments_of(Job.parse({**STRATEGY, **fields}), ("A", "B"))
        return ()
    if case.via == "simulated":
        job = Job.parse({**STRATEGY, **fields})
        return simulated(job, load_panel(job.data, here) if job.data.files else None).source.notes
    settings = parse(DataSettings, fields, within=("data",))
    found = resolve_files(settings, folder) | universe_file(settings, folder) if "files" in fields else here
    if case.via == "dataset":
        catalog = Catalog(folder / "catalog")
        catalog.add("d", here, DataSettings(repair={"missing": "hole"}), replace=True)
        return whole(open_source(settings, catalog.file(settings.dataset or "d"))).notes
    if case.via == "query" and settings.query is not None:
        return load_panel(settings, answer(settings, folder, folder / "queries")).notes
    if case.via in ("import", "parts"):
        small = {"at_once_bytes": 1, "part_bytes": 64} if case.via == "parts" else {}
        import_files(found, settings, folder / "out.arrow", **small)
        return ()
    return load_panel(settings, found).notes


def advised(message: str) -> list[Way]:
    """Settings and values that a message names: each of ``data.x = "one" or "other"``."""
    found: list[tuple[str, str]] = []
    for name, values in re.findall(r'data\.([a-z_.]+[a-z_]) = ("[^"]*"(?: or "[^"]*")*)', message):
        found += [(name, value) for value in re.findall(r'"([^"]*)"', values)]
    for name, values in re.findall(r'data\.([a-z_.]+[a-z_]), one of ((?:"[^"]*"(?:, )?)+)', message):
        found += [(name, value) for value in re.findall(r'"([^"]*)"', values)]
    return [{name: value} for name, value in found]


def told(case: Told, folder: Path, way: Way | None = None) -> tuple[str, bool]:
    """What a case says, and whether it is refused."""
    try:
        notes = read(case, folder, way or {})
    except BackbusError as error:
        return str(error), True
    return "\n".join(notes), False


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.says[:50])
def test_what_is_advised_leads_on(tmp_path, case):
    message, refused = told(case, tmp_path)
    assert re.search(case.says, message), message
    ways = [*case.ways, *(advised(message) if refused or not case.ways else [])]
    assert ways, message
    went_on = 0
    for way in ways:
        after, still = told(case, tmp_path, way)
        if still:
            assert refused, (way, after)
            assert after != message, way
        else:
            went_on += 1
            assert refused or not re.search(case.says, after), (way, after)
    assert went_on, (message, ways)


def test_each_message_that_names_a_setting_is_tried(tmp_path):
    said = [told(case, tmp_path / str(number))[0] for number, case in enumerate(ALL)]
    said += [message_of(case) for case in of_settings.ALL]
    said += [of_runs.message_of(number) for number in range(len(of_runs.ALL))]
    untried = [
        f"{template.place}: {template.text}"
        for template in templates()
        if template.text not in GUARDS and not any(template.pattern.search(message) for message in said)
    ]
    assert not untried, "no case makes these; add one beside those like it:\n" + "\n".join(untried)


def test_a_message_that_nobody_tries_is_found():
    known = {template.text for template in templates()}
    assert len(known) > 220
    assert any("data.repair." in text for text in known)
