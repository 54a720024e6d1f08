"""Jobs of a stack as people read them: all of them as a table, one with its progress, its attempts and its result."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from backbus.cli.output import print_report
from backbus.cli.printed.progress import left_in_words
from backbus.cli.printed.screen import Colour, say
from backbus.cli.printed.tables import Cell, Heading, TextTable, print_table, sign_colour

_TIMES = ("created_at", "started_at", "ended_at")
_OF_OTHERS = ("walk_forward", "cpcv", "monte_carlo")
"""Searches that number something else than the points of their axes."""
_COLOURS: Mapping[str, Colour] = {"done": "green", "failed": "red", "cancelled": "yellow"}


def print_jobs(found: Sequence[Mapping[str, Any]]) -> None:
    """The latest jobs, a line each."""
    from backbus.performance.summary import number, percent

    if not found:
        sys.stdout.write("no job has been submitted; `backbus submit JOB.toml` does\n")
        return
    table = TextTable(
        Heading("Job", "whole"),
        Heading("Name"),
        Heading("Kind", spare=3),
        Heading("State"),
        Heading("Total return", "number", spare=2),
        Heading("Sharpe", "number"),
        Heading("Attempts", "number", spare=6),
        Heading("Submitted, UTC", "whole", spare=4),
        Heading("Took", "number", spare=5),
    )
    for one in found:
        took = "" if one["ended_at"] is None else f"{one['ended_at'] - one['created_at']:,.1f} s"
        figures = [
            Cell("" if one[name] is None else form(one[name]), sign_colour(one[name]))
            for name, form in (("total_return", percent), ("sharpe", number))
        ]
        kind = one["kind"].replace("_", " ")
        state = Cell(_state(one), _COLOURS.get(one["state"], ""))
        table.add(
            one["job"], one["name"], kind, state, *figures, str(one["attempts"]), _moment(one["created_at"]), took
        )
    print_table(table)


def told_in_utc(one: Mapping[str, Any]) -> dict[str, Any]:
    """What a stack says of a job, as ``--json`` prints it: the wire counts seconds since 1970, and all JSON of commands
    has times in ISO 8601, UTC."""
    told = {name: _utc(value) if name in _TIMES else value for name, value in one.items()}
    if isinstance(one.get("attempts"), list):
        told["attempts"] = [told_in_utc(attempt) for attempt in one["attempts"]]
    return told


def _utc(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def _state(one: Mapping[str, Any]) -> str:
    if one["cached"]:
        return f"{one['state']} (cached)"
    if one["progress"] is not None and one["progress"]["of"]:
        share = int(100 * one["progress"]["done"] / one["progress"]["of"])
        return f"paused at {share} %" if one["paused"] else f"{one['state']} {share} %"
    return "paused" if one["paused"] and one["state"] in ("queued", "running") else str(one["state"])


def print_job(shown: Mapping[str, Any]) -> None:
    """One job, as ``SHOW`` tells of it."""
    kind = "run" if shown["points"] is None else "search"
    cached = " (cached)" if shown["cached"] else ""
    state = shown["state"]
    say(f"job {shown['job']} ({shown['name']}), a {kind}: {state}{cached}", _COLOURS.get(state, ""))
    for line in _times(shown):
        say(line, indent="  ")
    for line in _progress(shown):
        say(line, indent="  ")
    if "waits_for" in shown:
        say(f"waits for: {', '.join(shown['waits_for'])}", "yellow")
    for line in attempts_told(shown):
        say(line, indent="  ")
    if shown["error"] and shown["error"] != state:
        first, *others = shown["error"].splitlines()
        say(f"error: {first}", "red", "  ")
        for line in others:
            say(line.strip(), "red", "  ")
    if shown["traceback"]:
        sys.stdout.write("\n".join(_rest_of(shown["traceback"], shown["error"] or "")) + "\n")
    if shown["report"] is not None:
        sys.stdout.write("\n")
        _print_outcome(shown)


def _times(shown: Mapping[str, Any]) -> Iterator[str]:
    told = f"submitted {_moment(shown['created_at'])} UTC"
    if shown["ended_at"] is not None:
        took = shown["ended_at"] - shown["created_at"]
        told += f", ended {_moment(shown['ended_at'])} UTC, after {took:,.1f} s"
    yield told


def _progress(shown: Mapping[str, Any]) -> Iterator[str]:
    progress = shown.get("progress")
    if progress is None:
        return
    if shown["points"] is None:
        rows = ", ".join(f"{role} {count:,}" for role, count in progress["rows"].items())
        of = "as many as there are" if progress["of"] is None else f"{progress['of']:,}"
        yield f"attempt {progress['attempt']}, rows done of {of}: {rows}"
        return
    told = (
        f"{progress['done']:,} of {progress['of']:,} points, {progress['failed']:,} failed, {progress['rate']:.1f} "
        f"a second, {progress['workers']} workers at it"
    )
    left = left_in_words(progress["seconds_left"])
    told += f", about {left}" if left else ""
    yield told + (", paused: `backbus resume` goes on" if progress["paused"] else "")
    if progress["best"] is not None:
        yield f"best so far: {_best(progress['best'], shown['settings'].get('sweep') or {})}"


def _best(best: Mapping[str, Any], sweep: Mapping[str, Any]) -> str:
    """A point with its parameters, where they follow from its number, and what it is the best by."""
    from backbus.cli.printed.sweep_tables import in_words
    from backbus.job.sweep import SweepSettings
    from backbus.performance.summary import title_of, written
    from backbus.sweep.space.space import Space

    if not sweep or sweep["method"] == "adaptive" or any(sweep[kind] is not None for kind in _OF_OTHERS):
        return f"point {best['point']} with {best['score']:.4g}"
    settings = SweepSettings.model_validate(sweep)
    goal = settings.objectives[0]
    score = best["score"] if goal.direction == "maximize" else -best["score"]
    params = in_words(Space(settings).values(best["point"]))
    return f"point {best['point']} ({params}) with {title_of(goal.metric)} {written(goal.metric, score)}"


def attempts_told(shown: Mapping[str, Any]) -> Iterator[str]:
    """A line for each attempt at a job: when, how long, and why it ended without a result."""
    for one in shown["attempts"]:
        told = f"attempt {one['number']}: begun {_moment(one['started_at'])} UTC"
        if one["ended_at"] is not None:
            told += f", {one['ended_at'] - one['started_at']:,.1f} s"
        reason = one["reason"]
        if reason and reason not in (shown["error"] or ""):
            told += f": {reason}"
        yield told + ("" if one["ended_at"] is not None else ", still at it")


def _rest_of(traceback: str, error: str) -> list[str]:
    """A traceback, without the last line where the error has said it."""
    lines = traceback.rstrip().splitlines()
    said = lines[-1].partition(": ")[2] or lines[-1]
    return lines[:-1] if len(lines) > 1 and said in error else lines


def _print_outcome(shown: Mapping[str, Any]) -> None:
    job = shown["job"]
    if shown["points"] is None:
        from backbus.performance.report import Report

        report, settings = shown["report"], shown["settings"]
        strategy = {**settings["strategy"], **(report.get("parameters") or {})}
        print_report(Report.model_validate(report), {**settings, "strategy": strategy})
        sys.stdout.write(f"its tables: backbus fetch {job}\n")
        return
    from backbus.cli.printed import sweep_tables

    report = shown["report"]
    if "best" in report:
        sweep_tables.print_best(report)
    sweep_tables.print_search(report)
    say(sweep_tables.in_a_line(report, job))
    say(f"table {report['table_sha256']}")
    for note in report.get("notes", ()):
        say(f"note: {note}", "yellow", "  ")
    more = f", then any point whole: backbus rerun {job} --best" if "best" in report else ""
    sys.stdout.write(f"its files: backbus fetch {job}{more}\n")


def _moment(seconds: float) -> str:
    """In UTC, as `backbus runs` and all JSON have it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
