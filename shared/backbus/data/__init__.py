"""Prices from files to a panel. The Data Handler that plays one to a run is in ``handler``: it imports compiled code.

``resolve_files`` finds a job's files, ``open_source`` reads them, ``panel_from_frame`` takes frames,
``write_panel`` and ``read_panel`` keep a whole panel in one file,
and ``map_panel`` streams one that is larger than memory.
"""

from typing import TYPE_CHECKING, Any

from backbus.data.files import load_panel, open_source, resolve_files
from backbus.data.panels.frame import panel_from_frame
from backbus.data.panels.mapped import MappedPanel
from backbus.data.panels.panel_file import MappedSource, map_panel, read_panel, write_panel
from backbus.data.write import write_csv

if TYPE_CHECKING:
    from backbus.data.catalog.catalog import Catalog

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


def __getattr__(name: str) -> Any:
    """The catalog when it is first asked for: most runs read files, and need nothing of what imports and looks at
    datasets."""
    if name != "Catalog":
        raise AttributeError(f"module 'backbus.data' has no attribute {name!r}")
    from backbus.data.catalog.catalog import Catalog

    return Catalog
