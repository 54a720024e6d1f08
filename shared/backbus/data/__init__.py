"""Prices from files to a panel, and the Data Handler that plays a panel to a run.

``resolve_files`` finds a job's files, ``load_panel`` reads them, ``panel_from_frame`` takes pandas frames,
``write_panel`` and ``read_panel`` keep a whole panel in one file,
and ``map_panel`` streams one that is larger than memory.
"""

from backbus.data.files import OpenPanel, load_panel, open_panel, resolve_files
from backbus.data.frame import panel_from_frame
from backbus.data.handler import DataHandler, block_and_window
from backbus.data.panel_file import MappedPanel, map_panel, read_panel, write_panel

__all__ = [
    "DataHandler",
    "MappedPanel",
    "OpenPanel",
    "block_and_window",
    "load_panel",
    "map_panel",
    "open_panel",
    "panel_from_frame",
    "read_panel",
    "resolve_files",
    "write_panel",
]
