"""The kinds of cluster that there are: from the address of one to what opens it.

Each is an entry point of the group ``backbus.clusters``: its name is the kind, with which addresses begin, and it leads
to a ``Connect``. So a cluster can be anybody's package, and ours is found as theirs are.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from urllib.parse import urlsplit

from backbus.errors import UsageError
from backbus.sweep.clusters.cluster import Address, Connect, Opening

GROUP = "backbus.clusters"
_PROJECT = Path(__file__).parents[4] / "pyproject.toml"
"""That of a checkout; an installed package has none."""


def cluster_at(address: str) -> Opening:
    """How to open the cluster at ``dask://host:8786``, which is not connected yet; UsageError where there is none."""
    url = urlsplit(address)
    kind, _, protocol = url.scheme.partition("+")
    known = kinds()
    if kind not in known:
        there = ", ".join(f"{name}://HOST:PORT" for name in sorted(known))
        raise UsageError(f"a sweep cannot run on {address!r}; there is {there or 'no cluster'}")
    try:
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host or url.path.strip("/") or url.query or url.username:
        raise UsageError(f"{address!r} is no address of a cluster; write {kind}://HOST:PORT")
    return _connect(known[kind])(Address(kind, protocol, f"[{host}]" if ":" in host else host, port))


def kinds() -> dict[str, EntryPoint]:
    """What there is, by kind. A checkout has those that it declares: what is installed may be another commit's."""
    installed = {each.name: each for each in entry_points(group=GROUP)}
    return {**installed, **{each.name: each for each in _of_checkout()}}


def _of_checkout() -> list[EntryPoint]:
    if not _PROJECT.is_file():
        return []
    project = tomllib.loads(_PROJECT.read_text(encoding="utf-8")).get("project", {})
    if project.get("name") != "backbus":
        return []
    declared: dict[str, str] = project.get("entry-points", {}).get(GROUP, {})
    return [EntryPoint(name, value, GROUP) for name, value in declared.items()]


def _connect(found: EntryPoint) -> Connect:
    try:
        connect: Connect = found.load()
    except (ImportError, AttributeError) as error:
        package = f" of {found.dist.name}" if found.dist is not None else ""
        raise UsageError(f"the cluster {found.name!r}{package} ({found.value}) cannot be loaded: {error}") from None
    return connect
