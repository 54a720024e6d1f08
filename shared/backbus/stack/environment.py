"""The environment that every process of a stack is started in: the caller's, with all settings spelt out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from backbus.settings import Settings
from backbus.stack.folder import MARKER, Folder


def _absolute(value: object) -> str:
    if isinstance(value, Path):
        return str(value.resolve())
    text = str(value)
    scheme, separator, path = text.partition("://")
    if separator and scheme == "ipc" and not path.startswith(("/", "@")):
        return f"ipc://{Path(path).resolve()}"
    return text


def environment_of(settings: Settings, caller: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's variables, with paths made absolute, the services' key, and the mark of this stack."""
    variables = dict(os.environ if caller is None else caller)
    for name, value in settings:
        if value is not None:
            variables[f"BACKBUS_{name.upper()}"] = _absolute(value)
    variables["BACKBUS_BUS_HERE"] = str(settings.bus_here or Folder.of(settings).bus_here)
    variables["BACKBUS_KEY_NAME"] = "service"
    variables["PYTHONUNBUFFERED"] = "1"
    variables[MARKER] = str(Folder.of(settings).state)
    return variables
