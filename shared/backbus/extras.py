"""What users install besides, and how: the packages themselves, since no index has backbus with its extras.

``pip install ".[dask]"`` in a checkout does the same; a message cannot know whether there is one.
"""

from __future__ import annotations

EXTRAS = {
    "dask": "distributed>=2024.8",
    "figures": "plotly>=6",
    "mcp": "mcp>=2",
    "optimize": "optuna>=4",
    "sql": "duckdb>=1",
}
"""The package of each extra, as pyproject.toml has it."""


def install(extra: str) -> str:
    """What to type for an extra."""
    return f'pip install "{EXTRAS[extra]}"'
