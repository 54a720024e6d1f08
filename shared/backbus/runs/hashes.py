"""Hashes of the files that a run reads: of a large one once, as long as it is not touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from backbus.jit.sources import cache_home
from backbus.transport.blobs import hash_of_file

LARGE = 1 << 24
"""Bytes from which on a hash is kept: of less it is made as fast as it is looked up."""


def hashes_of(files: Mapping[str, Path]) -> dict[str, str]:
    """The hash of each file, by name."""
    return {name: _hash(path) for name, path in files.items()}


def _hash(path: Path) -> str:
    about = path.stat()
    if about.st_size < LARGE:
        return hash_of_file(path)
    known = json.dumps([str(path.resolve()), about.st_size, about.st_mtime_ns, about.st_ino])
    note = cache_home() / "hashes" / hashlib.blake2b(known.encode(), digest_size=16).hexdigest()
    with contextlib.suppress(OSError, UnicodeDecodeError):
        told = note.read_text(encoding="ascii")
        if len(told) == 2 * hashlib.blake2b(digest_size=32).digest_size:
            return told
    found = hash_of_file(path)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time alone
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(found, encoding="ascii")
    return found
