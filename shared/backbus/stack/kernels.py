"""Compiling this installation's kernels, which is a matter of minutes the first time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from backbus.api.compiled import Work, are_compiled_for
from backbus.api.compiling import compiling_line
from backbus.jit.sources import cache_folder, cache_home

USUALLY = "a minute or two"
LITTLE_S = 20.0
"""No whole compilation takes less."""
_PARTS: dict[Work, tuple[str, ...]] = {
    "run": ("run", "run_lists"),
    "sweep": ("sweep", "sweep_lists"),
    "check": ("check",),
}
"""What compiles them, each in a process of its own."""
_TAKES: dict[Work, str] = {"run": USUALLY, "sweep": USUALLY, "check": "some seconds"}


def prepare(work: Work) -> None:
    """Compile what such work cannot do without, where that was not done yet, and say so before.

    In another process: the compiler hears of no Ctrl-C before it has done with a loop, which takes a minute.
    """
    if are_compiled_for(work):
        return
    sys.stderr.write(compiling_line(_TAKES[work]))
    sys.stderr.flush()
    apart([part_command(part) for part in _PARTS[work]])  # what fails there fails here, and is told


def part_command(part: str) -> list[str]:
    """What compiles a part of the kernels by itself."""
    return [sys.executable, "-P", "-m", "backbus.cli.compile", part]


def apart(
    commands: Sequence[Sequence[str]], *, environment: Mapping[str, str] | None = None, said: bool = False
) -> bool:
    """Run commands beside each other, out of reach of Ctrl-C, and end them with this process; whether all went well.

    What they say goes to standard error where it is to be ``said``.
    """
    words = None if said else subprocess.DEVNULL
    out = sys.stderr.fileno() if said else subprocess.DEVNULL
    running: list[subprocess.Popen[bytes]] = []
    try:
        with _undisturbed():  # else a process that has begun could be one that nobody knows of
            for command in commands:
                running.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=words,
                        env=None if environment is None else dict(environment),
                        start_new_session=True,
                    )
                )
        return [one.wait() for one in running] == [0] * len(running)
    finally:
        for one in running:
            if one.poll() is None:
                one.terminate()
        for one in running:
            one.wait()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C, and being told to end, are heard of at the end of this."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(one, lambda number, _: heard.append(number)) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)
        if heard:
            signal.raise_signal(heard[0])


def how_long() -> str:
    """How long compiling all of them takes here: as long as it took the last time, where that is known; a marker may
    tell of a time when nearly all was there already."""
    told: list[tuple[float, float]] = []
    for path in cache_home().glob("compiled-*/*.compiled"):
        seconds = path.read_text(encoding="utf-8").strip()
        if seconds and float(seconds) > LITTLE_S:
            told.append((path.stat().st_mtime, float(seconds)))
    return f"about {max(told)[1]:.0f} s, as it took before" if told else USUALLY


def of_other_states() -> tuple[int, int]:
    """How many folders of compiled code other states of the sources have left here, and their bytes."""
    others = [path for path in cache_home().glob("compiled-*") if path != cache_folder() and path.is_dir()]
    return len(others), sum(file.stat().st_size for path in others for file in path.rglob("*") if file.is_file())
