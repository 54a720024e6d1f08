"""How a command that was called says how far it is: two numbers at the beginning of a file."""

from __future__ import annotations

import struct

PROGRESS = struct.Struct("=qq")
"""How much is done, and of how much."""
