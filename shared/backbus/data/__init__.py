"""Prices from files to a panel. The Data Handler that plays one to a run is in ``handler``: it imports compiled code.

``resolve_files`` finds a job's files, ``open_source`` reads them, ``panel_from_frame`` takes frames,
``write_panel`` and ``read_panel`` keep a whole panel in one file,
and ``map_panel`` streams one that is larger than memory.
Each is loaded when it is first asked for: who plays a panel reads no files, and who reads files needs no catalog.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backbus.data.catalog.catalog import Catalog
    from backbus.data.files import load_panel, open_source, resolve_files
    from backbus.data.panels.frame import panel_from_frame
    from backbus.data.panels.mapped import MappedPanel
    from backbus.data.panels.panel_file import MappedSource, map_panel, read_panel, write_panel
    from backbus.data.write import write_csv

__all__ = [
    "Catalog",
    "MappedPanel",
    "MappedSource",
    "load_panel",
    "map_panel",
    "open_source",
    "panel_from_frame",
    "read_panel",
    "resolve_files",
    "write_csv",
    "write_panel",
]
_HOMES = {
    "catalog.catalog": "Catalog",
    "files": "load_panel open_source resolve_files",
    "panels.frame": "panel_from_frame",
    "panels.mapped": "MappedPanel",
    "panels.panel_file": "MappedSource map_panel read_panel write_panel",
    "write": "write_csv",
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value
