"""``backbus up | scale | down | ps | logs``: the stack as processes of this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from backbus.cli.options import AsJson
from backbus.cli.output import print_json
from backbus.cli.printed.tables import Cell, Heading, TextTable, print_table


def up(
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Seconds to wait until every service is ready.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Start the stack on this machine. Returns when every service is ready."""
    from backbus.settings import Settings
    from backbus.stack.lifecycle import up as start

    done = start(Settings(), ready_s=timeout)
    if as_json:
        print_json(
            {
                "already": done.already,
                "services": done.services,
                "elapsed_s": round(done.elapsed_s, 3),
                "folder": done.folder,
            }
        )
    elif done.already:
        sys.stdout.write(f"the stack is up already: {len(done.services)} services, state in {done.folder}\n")
    else:
        sys.stdout.write(
            f"{len(done.services)} services ready after {done.elapsed_s:.1f} s, state in {done.folder}; "
            "look at them with `backbus ps` and `backbus logs`, stop them with `backbus down`\n"
        )


def scale(
    workers: Annotated[int, typer.Argument(metavar="N", min=0, max=1000, help="How many workers compute sweeps.")],
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Seconds to wait until every worker is ready.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Have so many workers of the fleet run on this machine. Returns when all are ready."""
    from backbus.settings import Settings
    from backbus.stack.lifecycle import scale as scale_to

    before = scale_to(Settings(), workers, ready_s=timeout)
    if as_json:
        print_json({"workers": workers, "before": before})
    else:
        sys.stdout.write(f"{workers} workers, {before} before\n")


def down(as_json: AsJson = False) -> None:
    """Stop the stack on this machine and leave nothing running. It does so whatever became of its supervisor."""
    from backbus.settings import Settings
    from backbus.stack.folder import Folder
    from backbus.stack.lifecycle import down as stop

    settings = Settings()
    stopped = stop(settings)
    if as_json:
        print_json({"stopped": stopped, "folder": str(Folder.of(settings).state)})
    elif stopped:
        sys.stdout.write(f"stopped {stopped} processes\n")
    else:
        sys.stdout.write(f"nothing is running with its state in {Folder.of(settings).state}\n")


def ps(as_json: AsJson = False) -> None:
    """Show the services of the stack on this machine. Exit status 1 where it is not up or not ready."""
    from backbus.settings import Settings
    from backbus.stack.folder import Folder
    from backbus.stack.lifecycle import orphans, states

    settings = Settings()
    rows = states(settings)
    left = 0 if rows else orphans(settings)
    ready = bool(rows) and all(row["ready"] for row in rows)
    if as_json:
        print_json({"services": rows, "ready": ready, "orphans": left, "folder": str(Folder.of(settings).state)})
    elif left:
        sys.stdout.write(f"the supervisor was killed and left {left} processes; `backbus down` ends them\n")
    elif not rows:
        sys.stdout.write(f"no stack is up with its state in {Folder.of(settings).state}; start it with `backbus up`\n")
    else:
        table = TextTable(
            Heading("Service", "whole"),
            Heading("State"),
            Heading("PID", "number"),
            Heading("Up for", "number"),
            Heading("Ready"),
        )
        for row in rows:
            uptime = row["uptime_s"]
            table.add(
                row["service"],
                row["state"],
                "" if row["pid"] is None else str(row["pid"]),
                "" if uptime is None else f"{uptime // 3600}:{uptime // 60 % 60:02}:{uptime % 60:02}",
                "yes" if row["ready"] else Cell("no", "red"),
            )
        print_table(table)
    if not ready:
        raise typer.Exit(1)


def logs(
    service: Annotated[str | None, typer.Argument(help="One service; all where left out.", show_default=False)] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the services wrote last, in the order of time."""
    from backbus.errors import UsageError
    from backbus.settings import Settings
    from backbus.stack import logs as written
    from backbus.stack.folder import Folder
    from backbus.stack.services import SERVICES, WORKER

    folder = Folder.of(Settings())
    workers = sorted(path.stem for path in folder.log(WORKER.name).parent.glob(f"{WORKER.name}-*.log"))
    known = ["supervisor", *(one.name for one in SERVICES), *workers]
    if service is not None and service not in known:
        raise UsageError(f"there is no service {service!r}; there are: {', '.join(known)}")
    if follow and as_json:
        raise UsageError("--follow never ends, --json prints one object: choose one of them")
    paths = {name: folder.log(name) for name in ([service] if service else known)}
    if not any(path.exists() for path in paths.values()):
        from backbus.errors import StackError

        raise StackError(f"there are no logs in {folder.state / 'logs'} yet; start the stack with `backbus up`")
    tails = {name: written.tail(path, lines) for name, path in paths.items()}
    if as_json:
        print_json({"logs": tails})
        return
    width = max(map(len, paths))

    def show(line: written.LogLine) -> None:
        sys.stdout.write(f"{line.service:{width}} | {line.text}\n" if service is None else f"{line.text}\n")

    for line in written.by_time(tails, lines):
        show(line)
    if follow:
        sys.stdout.flush()
        for name, text in written.follow(paths):
            show(written.told(name, text))
            sys.stdout.flush()


def register(app: typer.Typer) -> None:
    """Add the commands of the local stack."""
    for command in (up, scale, down, ps, logs):
        app.command()(command)
