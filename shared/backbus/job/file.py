"""A job file as it is read: its fields, and where each of them stands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backbus.errors import JobError
from backbus.job.parsing import override_field
from backbus.job.places import JobOrigin, Places


def read_job_file(
    path: str | Path, overrides: Iterable[str], text: str | None = None
) -> tuple[dict[str, Any], JobOrigin]:
    """What a TOML file says after ``section.field=value`` overrides; JobError where it is none. ``text`` is what stands
    in it, where that is known: the path is then a name."""
    path = Path(path)
    if text is None:
        text = _text_of(path)
    file = str(path)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"is not valid TOML: {error}", file=file) from None
    set_paths = tuple(override_field(fields, override) for override in overrides)
    return fields, JobOrigin(file, Places(text), set_paths)


def _text_of(path: Path) -> str:
    file = str(path)
    if path.is_dir():
        jobs = sorted(each.name for each in path.glob("*.toml"))
        hint = f"it has {', '.join(jobs[:8])}" if jobs else "and there is none in it"
        raise JobError(f"is a folder; give the path of a job file, {hint}", file=file)
    if path.suffix == ".py":
        raise JobError(
            f'that is a strategy; a job has it as [strategy] use = "{path.name}:ClassName"; '
            "`backbus init NAME` makes a job to begin with",
            file=file,
        )
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise JobError("no such job file; give the path of a TOML file", file=file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"cannot be read as UTF-8 text: {error}", file=file) from None
