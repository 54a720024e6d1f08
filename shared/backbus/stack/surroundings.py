"""What surrounds an installation: settings, folders, disks, keys, addresses, the clock, and the stack that is asked."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backbus.api.compiled import PACKAGE
from backbus.errors import StackError, UsageError
from backbus.folders import RUNS
from backbus.jit.sources import cache_home, identity
from backbus.settings import Settings
from backbus.stack import ports, processes, readiness, supervisor
from backbus.stack.folder import Folder
from backbus.stack.installation import HealthCheck
from backbus.stack.services import SERVICES

OTHERS = ("BACKBUS_CACHE", "BACKBUS_STACK", "BACKBUS_EXAMPLES", "BACKBUS_HOST_KEYS", "BACKBUS_PUBLISH", "BACKBUS_IMAGE")
"""Variables that are read elsewhere, beside those that begin with BACKBUS_PORT_."""
LEAST_BYTES, FEW_BYTES = 100 << 20, 1 << 30
APART_S = 2.0
"""Clocks that differ by more make times of jobs hard to read."""
KEY_FOLDER = Path("var/keys")


def surroundings(*, ask: readiness.Ask = readiness.ask_orchestrator) -> Iterator[HealthCheck]:
    """All of it; what depends on settings that cannot be read is left out."""
    try:
        settings = Settings()
    except UsageError as error:
        yield HealthCheck("settings", "wrong", str(error), "change or unset the variable")
        return
    yield from _settings()
    yield from _folders(settings)
    yield from _keys(settings)
    status = None if _keys_are_missing(settings) else _asked(settings, ask)
    told = supervisor.ask(Folder.of(settings))
    yield from _ports(settings, served=status is not None or told is not None)
    yield from _stack(settings, status, told)
    yield _clock(status)


def _settings() -> Iterator[HealthCheck]:
    known = [f"BACKBUS_{name.upper()}" for name in Settings.model_fields] + list(OTHERS)
    named = [name for name in sorted(os.environ) if name.startswith("BACKBUS_")]
    unknown = [name for name in named if name not in known and not name.startswith("BACKBUS_PORT_")]
    for name in unknown:
        close = difflib.get_close_matches(name, known, n=1)
        told = f"{name} is set, and nothing reads it" + (f"; did you mean {close[0]}?" if close else "")
        yield HealthCheck("settings", "wrong" if close else "note", told, f"unset {name}")
    if not unknown:
        yield HealthCheck("settings", "ok", f"set: {', '.join(named)}" if named else "all as they are by themselves")


# --- folders ---------------------------------------------------------------------------------------------------------


def _nearest(place: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    place = place.resolve()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place


def _folders(settings: Settings) -> Iterator[HealthCheck]:
    places = (
        ("cache", cache_home(), "set BACKBUS_CACHE to a folder that can be written"),
        ("runs", RUNS, "give commands in a folder that can be written"),
        ("state", settings.state, "set BACKBUS_STATE to a folder that can be written"),
        ("datasets", settings.datasets, "set BACKBUS_DATASETS to a folder that can be written"),
    )
    for what, place, mend in places:
        there = _nearest(place)
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            yield HealthCheck(what, "wrong", f"{place} cannot be written: {error.strerror or error}", mend)
            continue
        free = shutil.disk_usage(there).free
        told = f"{place} can be written, {free / (1 << 30):.1f} GiB free"
        if free < FEW_BYTES:
            yield HealthCheck(what, "wrong" if free < LEAST_BYTES else "note", told, f"make room, or {mend}")
        else:
            yield HealthCheck(what, "ok", told)


# --- keys ------------------------------------------------------------------------------------------------------------


def _keys_are_missing(settings: Settings) -> bool:
    folder = settings.keys
    return folder is not None and not (folder / f"{settings.key_name}.key_secret").is_file()


def _keys(settings: Settings) -> Iterator[HealthCheck]:
    from backbus.transport.curve import is_local

    folder = settings.keys
    if folder is None:
        addresses = (settings.orchestrator, settings.bus_in, settings.bus_out)
        beyond = [address for address in addresses if not is_local(address)]
        make = "`backbus keys init` makes them, and BACKBUS_KEYS names their folder"
        if beyond:
            yield HealthCheck("keys", "wrong", f"none are named, and {beyond[0]} is beyond this machine", make)
        elif (KEY_FOLDER / "server.key").exists():
            told = f"there are some in {KEY_FOLDER}, and BACKBUS_KEYS does not name it: they are not used"
            yield HealthCheck("keys", "note", told, f"export BACKBUS_KEYS={KEY_FOLDER.resolve()}")
        else:
            yield HealthCheck("keys", "ok", "none, and none are needed on this machine alone")
        return
    if not folder.is_dir():
        told, make = f"there is no folder {folder}", f"`backbus keys init --folder {folder}` makes it"
        yield HealthCheck("keys", "wrong", told, make)
        return
    missing = [name for name in ("server.key", f"{settings.key_name}.key_secret") if not (folder / name).is_file()]
    if missing:
        told = f"{folder} has no {' and no '.join(missing)}"
        yield HealthCheck("keys", "wrong", told, "fetch them from who runs the stack, or set BACKBUS_KEY_NAME")
    seen = [path for path in sorted(folder.glob("*.key_secret")) if path.stat().st_mode & 0o077]
    if seen:
        names = " ".join(map(str, seen))
        yield HealthCheck("keys", "wrong", f"others can read {names}", f"chmod 600 {names}")
    if (folder / "server.key_secret").exists() and not any((folder / "authorized").glob("*.key")):
        told = f"{folder / 'authorized'} has no key, so nobody is let in"
        yield HealthCheck("keys", "wrong", told, f"`backbus keys add NAME --folder {folder}` lets one in")
    elif not missing and not seen:
        yield HealthCheck("keys", "ok", f"{folder} has those of {settings.key_name}; only their owner reads them")


# --- the stack -------------------------------------------------------------------------------------------------------


def _asked(settings: Settings, ask: readiness.Ask) -> dict[str, Any] | None:
    try:
        return ask(settings)
    except (StackError, UsageError):
        return None


def _ports(settings: Settings, *, served: bool) -> Iterator[HealthCheck]:
    if served:
        yield HealthCheck("ports", "ok", "served by the stack")
        return
    from backbus.transport.curve import is_local

    ours = [name for name in ports.NAMES if getattr(settings, f"{name}_bind") or is_local(getattr(settings, name))]
    if not ours:
        yield HealthCheck("ports", "ok", f"none of this machine: the stack is to be at {settings.orchestrator}")
        return
    refused = [refusal for name in ours if (refusal := ports.refusal(settings, name)) is not None]
    for refusal in refused:
        yield HealthCheck("ports", "wrong", refusal.told, refusal.mend)
    if not refused:
        yield HealthCheck("ports", "ok", "free: a stack can start")


def _stack(
    settings: Settings, status: dict[str, Any] | None, told: list[dict[str, Any]] | None
) -> Iterator[HealthCheck]:
    folder = Folder.of(settings)
    if status is None:
        left = len(processes.processes_of(folder))
        if told is not None:
            said = f"processes of {folder.state} run, and no orchestrator answers at {settings.orchestrator}"
            yield HealthCheck(
                "stack", "wrong", said, "`backbus logs` says why; `backbus down` and `backbus up` start anew"
            )
        elif left:
            said = f"the supervisor was killed and left {left} processes"
            yield HealthCheck("stack", "wrong", said, "`backbus down` ends them")
        else:
            said = f"none answers at {settings.orchestrator}"
            yield HealthCheck("stack", "note", said, "`backbus up` starts one, where you want one")
        return
    counts = Counter(member["role"] for member in status["members"])
    listed = ", ".join(f"{count} {role}" for role, count in sorted(counts.items()))
    absent = [one.name for one in readiness.missing(SERVICES, status)]
    if absent:
        said = f"one answers at {settings.orchestrator}, and has no {', '.join(absent)}"
        yield HealthCheck("stack", "wrong", said, "`backbus logs` says why; `backbus up` starts a stack whole")
    else:
        yield HealthCheck("stack", "ok", f"one answers at {settings.orchestrator}: {listed}")
    if status.get("version") != identity():
        said = "its sources or libraries are others than here, so its answers can be others, too"
        yield HealthCheck(
            "stack", "note", said, "install the same backbus on both sides; restart a stack after a change"
        )
    if status.get("held_up"):
        said = f"{status['held_up']} results wait for room on its disk"
        yield HealthCheck("stack", "wrong", said, "make room where BACKBUS_STATE lies")


def _clock(status: dict[str, Any] | None) -> HealthCheck:
    now = time.time()
    newest = max(path.stat().st_mtime for path in PACKAGE.glob("*.py"))
    if now < newest - 86_400.0:
        return HealthCheck("clock", "wrong", "it is behind the day on which backbus was written here", "set the clock")
    theirs = None if status is None else status.get("now")
    if theirs is None:
        return HealthCheck("clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))
    apart = theirs - now
    if abs(apart) > APART_S:
        side = "ahead of" if apart > 0 else "behind"
        told = f"the stack's is {abs(apart):.0f} s {side} ours: times of jobs are its own"
        return HealthCheck("clock", "wrong", told, "have both machines follow a time server")
    return HealthCheck("clock", "ok", "the stack's and ours agree")
