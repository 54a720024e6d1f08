"""The tools of the server: each is a command, with the arguments that an agent may give it, and what comes out.

A tool is there where its command is, and those that ask a stack only where the server was started with one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from backbus.mcp.arguments import Given, Takes
from backbus.mcp.limits import Bounds


@dataclass(frozen=True)
class Offer:
    """One tool."""

    name: str
    does: str
    given: tuple[Given, ...]
    gives: Mapping[str, str]
    """What its answer has, by name: a type of JSON Schema and what it means."""
    rest: str
    """How to get what an answer had no room for."""
    command: str = ""
    """Its name as that of the command, where left out."""
    always: tuple[str, ...] = ()
    """Options of every call."""
    one_of: tuple[str, ...] = ()
    """Arguments of which one must be there."""
    or_else: str = ""
    """The option that stands for all of these where none is."""
    computes: bool = False
    writes: bool = False
    then: Mapping[str, str] = field(default_factory=dict)
    """What to do next after an error, by code, where it is another thing than usual."""

    @property
    def of_job(self) -> bool:
        """Whether it is given a job."""
        return any(one.takes is Takes.JOB for one in self.given)

    def output_schema(self) -> dict[str, Any]:
        """The answer's JSON Schema."""
        told = {name: _schema(*words.split(": ", 1)) for name, words in self.gives.items()}
        return {"type": "object", "properties": {**told, **_CUTS}, "additionalProperties": True}


def _schema(types: str, means: str) -> dict[str, Any]:
    several = types.split("|")
    return {"type": several if len(several) > 1 else several[0], "description": means}


_CUTS: dict[str, Any] = {
    "left_out": {
        "type": "array",
        "description": "what had no room here: where, how much of it is there, and how to get the rest",
        "items": {"type": "object"},
    },
    "printed": {"type": "string", "description": "the end of what the strategy printed"},
}
KINDS = ("run", "sweep", "walk_forward", "cpcv", "monte_carlo", "damaged")
_ORDERS = ("when", "return", "sharpe", "drawdown", "name", "strategy", "kind")
ORDERS = (*_ORDERS, *(f"-{name}" for name in _ORDERS))
JOB = Given("job", Takes.JOB, "path of a job file in the server's folder, such as job.toml")
JOB_TEXT = Given(
    "job_toml",
    Takes.JOB_TEXT,
    "a job as TOML instead of a file; its paths start from the server's folder and stay in it",
)
SETTINGS = Given(
    "settings", Takes.SETTINGS, 'settings of the job to change, such as ["strategy.fast=10", "data.start=2015-01-01"]',
    "--set",
)  # fmt: skip
LATEST = Given("run", Takes.RUN, "a run's id, its first letters, its job's name, or its folder; the latest if left out")
TOP = Given("top", Takes.NUMBER, "how many of the best points", "--top", least=0)

_RESULT = {
    "job": "string: the run's id, as other tools take it",
    "fingerprint": "string: hash of all fills and all equity",
    "rows": "integer: bars traded",
    "orders": "integer: how many",
    "fills": "integer: how many",
    "final_equity": "number|null: in the account's currency",
    "metrics": "object: figures by name, such as sharpe, total_return, max_drawdown",
    "notes": "array: what is to be known of the run",
    "warnings": "array: what makes its figures doubtful",
    "settings": "object: the job with all defaults",
    "artifacts": "object: its files",
}
_SWEEP = {
    "job": "string: the sweep's id, as other tools take it",
    "points": "integer: how many",
    "failed": "integer: how many of them failed",
    "best": "object|null: parameters and figures of the best point",
    "statistics": "object: how much of the best may be luck",
    "folds": "array: of a walk-forward",
    "notes": "array: what is to be known of it",
    "artifacts": "object: its files",
}
_SHOWN = {**_RESULT, **_SWEEP}
_IN_FILES = "the files under artifacts are whole; `explain` tells of single orders, assets and dates"
_OF_THE_STACK = "call `show` with the job's id"

OFFERS: tuple[Offer, ...] = (
    Offer(
        "strategies",
        "List the built-in strategies with their parameters. A strategy of your own is a Python file in the folder.",
        (),
        {"strategies": "array: name, what it does, parameters with type, default and bounds"},
        "the docs have the whole list",
    ),
    Offer(
        "check",
        "Look for look-ahead in a strategy: whether a signal depends on the future, on how rows are cut, or on chance. "
        "Give a strategy (made-up prices), a job (its own prices), or both.",
        (
            Given("strategy", Takes.STRATEGY, "a built-in's name, or path/to/file.py:ClassName in the folder"),
            JOB,
            JOB_TEXT,
            SETTINGS,
            Given("rows", Takes.NUMBER, "try at most so many traded rows", "--rows", least=2),
            Given("thorough", Takes.FLAG, "all rows, and many more cuts", "--thorough"),
        ),
        {
            "clean": "boolean: whether nothing was found",
            "finding": "object|null: the first signal that differs, with row, time and symbol",
            "signals": "integer: how many signals there were",
        },
        "try fewer rows",
        one_of=("strategy", "job", "job_toml"),
        computes=True,
    ),
    Offer(
        "run",
        "Backtest a job. The answer has its figures; the run is kept in the folder under its id.",
        (JOB, JOB_TEXT, SETTINGS),
        _RESULT,
        _IN_FILES,
        one_of=("job", "job_toml"),
        computes=True,
        writes=True,
    ),
    Offer(
        "sweep",
        "Run all points of a job's [sweep]: parameters varied, walk-forward, cross-validation or Monte Carlo. More "
        "points than the server lets pass are refused. `results` lists the best points afterwards.",
        (JOB, JOB_TEXT, SETTINGS),
        _SWEEP,
        "call `results` with this id and a smaller `top`; the files under artifacts are whole",
        one_of=("job", "job_toml"),
        computes=True,
        writes=True,
    ),
    Offer(
        "results",
        "Show a finished sweep again, with its best points, by another figure where asked for.",
        (
            Given("sweep", Takes.RUN, "a sweep's id, its first letters, its job's name, or its folder", required=True),
            TOP,
            Given("by", Takes.TEXT, "order by this figure; -FIGURE for the smallest first", "--by"),
        ),
        {**_SWEEP, "top": "array: the best points, with parameters and figures"},
        "ask for a smaller `top`; the files under artifacts are whole",
    ),
    Offer(
        "runs",
        "List what was run in the folder, the latest first.",
        (
            Given("name", Takes.TEXT, "those with this in the job's name", "--name"),
            Given("strategy", Takes.TEXT, "those with this in the strategy's name", "--strategy"),
            Given("kind", Takes.TEXT, "those of a kind", "--kind", words=KINDS),
            Given("sort", Takes.TEXT, "by what, the greatest first; -NAME the other way", "--sort", words=ORDERS),
            Given("limit", Takes.NUMBER, "how many; 20 if left out", "--limit", least=1),
        ),
        {"runs": "array: id, kind, name, strategy, parameters, figures", "of": "integer: how many there are in all"},
        "narrow it by name, strategy, kind or limit",
    ),
    Offer(
        "show",
        "Show a run or a sweep again.",
        (LATEST,),
        _SHOWN,
        _IN_FILES,
        always=("--here",),
        or_else="--last",
    ),
    Offer(
        "explain",
        "Tell why orders of a run filled as they did, or did not: of the whole run, of one order, or of all that "
        "happened to an asset, on a date, or both.",
        (
            LATEST,
            Given("order", Takes.NUMBER, "one order, by its number or id", "--order"),
            Given("asset", Takes.TEXT, "what happened to one asset", "--asset"),
            Given("date", Takes.TEXT, "what happened in a session, like 2008-10-06", "--date"),
        ),
        {
            "orders": "integer: how many there were",
            "fills": "array: of an order or a day",
            "refused_because": "object: by reason",
            "happened": "array: to an asset, or on a date",
        },
        "ask for one order, or for an asset on a date",
        or_else="--last",
    ),
    Offer(
        "compare",
        "Compare runs side by side.",
        (
            Given("runs", Takes.RUNS, "ids, names or folders of two runs or more", required=True, least=2),
            Given("out", Takes.NEW_FILE, "a page with their curves: a new file that ends in .html", "--out"),
        ),
        {
            "runs": "array: job, name and fingerprint of each, in the order of the figures",
            "figures": "object: by name, one of each run",
            "settings": "object: those that differ",
            "correlation": "array: of their sessions' returns, row by row",
        },
        "compare fewer runs",
        writes=True,
    ),
    Offer(
        "verify",
        "Run a run again, and say whether the same comes out, or what differs first.",
        (
            LATEST,
            Given("data", Takes.PLACE, "a folder or file to look for its prices in", "--data"),
            Given("strategy", Takes.PLACE, "a folder or file to look for its strategy in", "--strategy"),
            Given("trust", Takes.FLAG, "run the sources that were kept with the run", "--trust"),
        ),
        {
            "same": "boolean: whether all is the same",
            "came_again": "boolean: whether the same came out",
            "fingerprint": "string|null: of now",
            "differences": "array: what differs, the first first",
        },
        "the receipt.json of the run's folder is whole",
        or_else="--last",
        computes=True,
    ),
    Offer(
        "diff",
        "Say why two runs are not the same: settings, code, data, the first order and fill that part them.",
        (
            Given("first", Takes.RUN, "a run's id, name or folder", required=True),
            Given("second", Takes.RUN, "another one's", required=True),
        ),
        {"same": "boolean: whether the same came out", "differences": "array: what differs"},
        "`show` tells of each run; the receipt.json of their folders are whole",
    ),
    Offer(
        "report",
        "Write a run or a sweep as one page with figures and tables: report.html in its folder, or a new file.",
        (LATEST, Given("out", Takes.NEW_FILE, "a new file in the server's folder that ends in .html", "--out")),
        {"job": "string: the run's id", "file": "string: where the page is"},
        "the page is whole",
        or_else="--last",
        computes=True,
        writes=True,
    ),
)
STACK_OFFERS: tuple[Offer, ...] = (
    Offer(
        "submit",
        "Submit a job, or a sweep, to the stack; it goes on by itself. `show` tells how far it is and what came of it.",
        (JOB, JOB_TEXT, SETTINGS, Given("fresh", Takes.FLAG, "compute it even if the answer is known", "--fresh")),
        {
            "job": "string: its id, for `show`",
            "state": "string: queued, running, done, failed or cancelled",
            "cached": "boolean: whether the answer was known",
        },
        _OF_THE_STACK,
        one_of=("job", "job_toml"),
        writes=True,
    ),
    Offer(
        "jobs",
        "List the latest jobs of the stack.",
        (Given("limit", Takes.NUMBER, "how many; 20 if left out", "--limit", least=1),),
        {"jobs": "array: id, name, state, attempts, when"},
        "ask for fewer by `limit`, or call `show` with a job's id",
    ),
    Offer(
        "show",
        "Show a run or a sweep of the folder again, or a job of the stack: its progress, attempts, and result.",
        (LATEST,),
        {**_SHOWN, "state": "string: of a job of the stack", "progress": "object|null: how far it is"},
        _IN_FILES,
        or_else="--last",
        then={"not_found": "call `runs` for the runs of the folder, or `jobs` for those of the stack"},
    ),
)
LIMITED = ("sweep", "submit")
"""Those that are told how many points are let pass."""


def offers(bounds: Bounds, commands: Collection[str]) -> dict[str, Offer]:
    """The tools of a server by name, where their commands are among those of the command line."""
    wanted = {one.name: one for one in (*OFFERS, *(STACK_OFFERS if bounds.stack else ()))}
    return {name: one for name, one in wanted.items() if (one.command or name) in commands}
