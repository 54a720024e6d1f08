"""Blobs by hash on disk: what travels with a job and what comes back from it. A blob is whole or not there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from backbus.errors import StackError


def hash_of(data: bytes | bytearray | memoryview) -> str:
    """BLAKE2b-256 as hex: the name of a blob."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def hash_of_file(path: Path) -> str:
    """The same of a file, read in parts."""
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while part := file.read(1 << 22):
            digest.update(part)
    return digest.hexdigest()


class BlobFolder:
    """A folder of blobs; names are hashes, so that a path can never be asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, blob: str) -> Path:
        """Where a blob lies or would lie."""
        return self.folder / blob[:2] / blob

    def has(self, blob: str) -> bool:
        """Whether a blob is there, whole."""
        return self.path(blob).is_file()

    def add(self, blob: str, data: bytes | bytearray | memoryview) -> Path:
        """Keep bytes under their hash; what does not match its hash is refused."""
        if hash_of(data) != blob:
            raise StackError(f"blob {blob[:12]}… arrived damaged: its hash differs")
        path = self.path(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return path

    def receive(self, blob: str, size: int, offset: int, data: bytes) -> int:
        """Take a part at ``offset``; returns how many bytes are there now. The last part makes the blob appear."""
        if self.has(blob):
            return size
        part = self.folder / f"{blob}.part"
        there = part.stat().st_size if part.exists() else 0
        if offset == 0 and there:
            part.unlink()
            there = 0
        if offset != there:
            return there
        if there + len(data) > size:
            part.unlink(missing_ok=True)
            raise StackError(f"blob {blob[:12]}… is longer than it was said to be")
        with part.open("ab") as file:
            file.write(data)
            if there + len(data) == size:
                file.flush()
                os.fsync(file.fileno())
        if there + len(data) == size:
            if hash_of_file(part) != blob:
                part.unlink()
                raise StackError(f"blob {blob[:12]}… arrived damaged: its hash differs; send it again")
            path = self.path(blob)
            path.parent.mkdir(parents=True, exist_ok=True)
            part.replace(path)
        return there + len(data)

    def read(self, blob: str, offset: int, count: int) -> tuple[int, bytes]:
        """Size of a blob and up to ``count`` of its bytes from ``offset``."""
        try:
            with self.path(blob).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(offset)
                return size, file.read(count)
        except FileNotFoundError:
            raise StackError(f"there is no blob {blob[:12]}…") from None
