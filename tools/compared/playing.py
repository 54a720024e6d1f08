"""One case played: a job file of ``jobs/`` on a checkout's data, and what came of it in plain values.

Paths of data in a job file begin with ``peers/``: a link of that name beside it lets ``backbus run`` run it as it is.
Here that folder is the one that ``--from`` names.
"""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from backbus import run
from backbus.job.job import Job
from backbus.performance.report import Report

JOBS = Path(__file__).parent / "jobs"
LINK = "peers/"


class Fill(NamedTuple):
    """One fill; ``row`` is of the panel, ``moment`` the phase in which it happened."""

    row: int
    moment: str
    symbol: str
    quantity: float
    price: float
    fee: float
    rule: str


class Trade(NamedTuple):
    """A position from flat to flat, as the table of trades has it."""

    symbol: str
    side: str
    entry_row: int
    exit_row: int
    quantity: float
    entry_price: float
    exit_price: float
    pnl: float
    status: str


@dataclass(frozen=True)
class Played:
    """A run: its report and tables."""

    report: Report
    tables: Mapping[str, Any]
    rolling: Any = None

    @cached_property
    def fills(self) -> list[Fill]:
        """All fills in their order."""
        names = ("row", "phase", "symbol", "quantity", "price", "fee", "rule")
        columns = [self.tables["fills"][name].tolist() for name in names]
        return [Fill(*cells) for cells in zip(*columns, strict=True)]

    @cached_property
    def equity(self) -> list[float]:
        """At the end of each row."""
        return list(self.tables["equity"]["equity"].tolist())

    @cached_property
    def cash(self) -> list[float]:
        """At the end of each row."""
        return list(self.tables["equity"]["cash"].tolist())

    @cached_property
    def sessions(self) -> list[str]:
        """Each row's trading day, as an ISO date."""
        return [str(day)[:10] for day in self.tables["equity"]["session"].tolist()]

    @cached_property
    def trades(self) -> list[Trade]:
        """In the order of closing, open ones last; the exit row of an open one is -1."""
        table = self.tables["trades"].assign(exit_row=self.tables["trades"]["exit_row"].fillna(-1).astype(int))
        status = ["open" if row < 0 else "closed" for row in table["exit_row"]]
        names = ("symbol", "side", "entry_row", "exit_row", "quantity", "entry_price", "exit_price", "pnl")
        return [Trade(*cells) for cells in zip(*(table[name].tolist() for name in names), status, strict=True)]

    @property
    def fees(self) -> float:
        """Of all fills."""
        return sum(fill.fee for fill in self.fills)

    def position(self, symbol: str) -> float:
        """What is held at the end, as the fills add up."""
        return sum(fill.quantity for fill in self.fills if fill.symbol == symbol)


def job_of(name: str, peers: Path | None = None, **changes: Any) -> Job:
    """The job file ``name`` with its data below ``peers``; ``changes`` are by table, as ``portfolio={"cash": 1}``, and
    None takes a field out."""
    fields = tomllib.loads((JOBS / f"{name}.toml").read_text(encoding="utf-8"))
    for table, changed in changes.items():
        whole = {**fields.get(table, {}), **changed}
        fields[table] = {name: told for name, told in whole.items() if told is not None}
    use = fields["strategy"]["use"]
    if ".py" in use:
        fields["strategy"]["use"] = str(JOBS / use)
    files = fields.get("data", {}).get("files")
    if files is not None and peers is not None:
        listed = [files] if isinstance(files, str) else files
        fields["data"]["files"] = [str(peers / file.removeprefix(LINK)) for file in listed]
    return Job.parse(fields)


def play(name: str, peers: Path | None = None, bars: Any = None, window: int = 0, **changes: Any) -> Played:
    """Run the job file ``name``, on its data below ``peers`` or on ``bars``; with ``window`` rolling figures too."""
    job = job_of(name, peers, **changes)
    with tempfile.TemporaryDirectory() as into:
        result = run(job, bars, folder=Path(into) / "run")
        tables = {table: result.frame(table) for table in ("fills", "equity", "trades", "orders")}
        return Played(result.summary, tables, result.rolling(window) if window else None)
