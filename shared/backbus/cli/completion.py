"""What a shell completes: commands, options, runs by id and name, strategies, settings.

Somebody waits after a key, so nothing that takes time is imported, not even what reads a command line: commands,
options and settings stand in a list that is made of these, and runs are read from their folders. The scripts that call
this are typer's (``--show-completion``), and so is how each shell hands over its words.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import starmap
from pathlib import Path

from backbus.cli.words import COMMANDS, OPTIONS, PARAMETERS, SETTINGS
from backbus.folders import RUNS

Told = tuple[str, str]
"""What may be written, and what a shell says of it."""
MOST = 300
"""Runs that are looked at, the latest: reading one takes a tenth of a millisecond."""
_NAME = re.compile(r'^name = (".*")$', re.MULTILINE)


def answer(shell: str) -> int | None:
    """Print what may come next for a shell, and return the status to end with; None for one that is not known here."""
    if shell not in ("complete_bash", "complete_zsh", "complete_fish"):
        return None
    before, incomplete = _asked(shell)
    found = list(dict.fromkeys(completed(before, incomplete)))
    match shell:
        case "complete_bash":
            told = "\n".join(value for value, _ in found)
        case "complete_zsh":
            told = "_files"
            if found:
                told = "_arguments '*: :(({}))'".format("\n".join(starmap(_in_zsh, found)))
        case _:
            if os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
                return 0 if found else 1
            told = "\n".join(f"{value}\t{meaning}" if meaning else value for value, meaning in found)
    if told:
        sys.stdout.write(f"{told}\n")
    return 0


def _asked(shell: str) -> tuple[list[str], str]:
    """The words after the command's name, and the one that is being written."""
    if shell == "complete_bash":
        words = _split(os.environ.get("COMP_WORDS", ""))
        place = int(os.environ.get("COMP_CWORD", "0"))
        return words[1:place], words[place] if place < len(words) else ""
    written = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(written)[1:]
    if not words or written.endswith(" "):
        return words, ""
    return words[:-1], words[-1]


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote is still open
        return text.split()


def _in_zsh(value: str, meaning: str) -> str:
    def quoted(text: str) -> str:
        for letter, instead in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", "\\\\:")):
            text = text.replace(letter, instead)
        return f'"{text}"'

    return f"{quoted(value)}:{quoted(meaning)}" if meaning else quoted(value)


def completed(before: list[str], incomplete: str) -> Iterator[Told]:
    """What may come after these words and begins so."""
    command, after = "", list(before)
    while after and (inner := f"{command} {after[0]}".strip()) in COMMANDS:
        command = inner
        del after[0]
    if not after and not incomplete.startswith("-"):
        depth = command.count(" ") + 1 if command else 0
        for name, does in COMMANDS.items():
            *above, last = name.split(" ")
            if len(above) == depth and " ".join(above) == command and last.startswith(incomplete):
                yield last, does
    options = OPTIONS.get(command, (*OF_ALL, "--help"))
    values = {name: what for name, equals, what in (one.partition("=") for one in options) if equals and name}
    flags = [one.partition("=")[0] for one in options if not one.startswith("=")]
    if after and after[-1] in values:
        yield from _values(values[after[-1]], incomplete, before)
    elif incomplete.startswith("-"):
        yield from ((flag, "") for flag in flags if flag.startswith(incomplete))
    else:
        for what in (one[1:] for one in options if one.startswith("=")):
            yield from _values(what, incomplete, before)


def _values(what: str, incomplete: str, before: list[str]) -> Iterator[Told]:
    if what == "settings":
        yield from settings(incomplete, before)
    elif what:
        yield from {"runs": runs, "sweeps": sweeps, "strategies": strategies, "job_files": job_files}[what](incomplete)


OF_ALL = ("--version", "--install-completion", "--show-completion")
"""Options that stand before any command."""


def runs(incomplete: str) -> Iterator[Told]:
    """Runs of this folder, the latest first, and names that one of them alone has."""
    yield from _runs(incomplete, "report.json", "sweep.json")


def sweeps(incomplete: str) -> Iterator[Told]:
    """The same of sweeps."""
    yield from _runs(incomplete, "sweep.json")


def _runs(incomplete: str, *whole: str) -> Iterator[Told]:
    if not RUNS.is_dir():
        return
    folders = [path for path in RUNS.iterdir() if any((path / file).is_file() for file in whole)]
    folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    names = {path.name: _name_of(path) for path in folders[:MOST]}
    known = Counter(names.values())
    for run, name in names.items():
        if run.startswith(incomplete):
            yield run, name
    for run, name in names.items():
        if name.startswith(incomplete) and name and known[name] == 1:
            yield name, run


def _name_of(folder: Path) -> str:
    try:
        found = _NAME.search((folder / "job.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    try:
        return str(json.loads(found[1])) if found is not None else ""
    except ValueError:
        return ""


def strategies(incomplete: str) -> Iterator[Told]:
    """Those that come with backbus, and files of others and of jobs."""
    for name, parameters in PARAMETERS.items():
        if name.lower().startswith(incomplete.lower()):
            yield name, ", ".join(parameters)
    yield from ((path, "") for path in files(incomplete, ".py", ".toml"))


def job_files(incomplete: str) -> Iterator[Told]:
    """Files that end in .toml, and folders."""
    yield from ((path, "") for path in files(incomplete, ".toml"))


def files(incomplete: str, *endings: str) -> Iterator[str]:
    """Files with such endings that begin so, and folders."""
    written, _, beginning = incomplete.rpartition("/")
    folder = Path(f"{written}/" if written or incomplete.startswith("/") else ".").expanduser()
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(beginning) or (path.name.startswith(".") and not beginning):
            continue
        name = path.name if not written and "/" not in incomplete else f"{written}/{path.name}"
        if path.is_dir():
            yield f"{name}/"
        elif path.suffix in endings:
            yield name


def settings(incomplete: str, args: list[str]) -> Iterator[Told]:
    """Settings of a job, and the parameters of the strategy of the one that was named; once one is written, the words
    that it may have."""
    name, equals, written = incomplete.partition("=")
    if equals:
        yield from ((f"{name}={value}", "") for value in SETTINGS.get(name, ()) if value.startswith(written))
        return
    for setting, values in SETTINGS.items():
        if setting.startswith(incomplete):
            yield f"{setting}=", ", ".join(values)
    for parameter in _parameters(args):
        if f"strategy.{parameter}".startswith(incomplete):
            yield f"strategy.{parameter}=", "a parameter of its strategy"


def _parameters(before: Iterable[str]) -> Iterator[str]:
    """Of the strategy of the job file among the words; of none, where it cannot be read."""
    job = next((Path(word) for word in before if word.endswith(".toml")), None)
    if job is None:
        return
    try:
        with job.open("rb") as file:
            use = tomllib.load(file)["strategy"]["use"]
        if use in PARAMETERS:
            yield from PARAMETERS[use]
            return
        path, _, wanted = use.partition(":")
        tree = ast.parse((job.parent / path).read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        return
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and wanted in ("", node.name):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.target.id
