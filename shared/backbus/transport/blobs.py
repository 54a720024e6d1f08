"""Blobs by hash on disk: what travels with a job and what comes back from it. A blob is whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from backbus.errors import StackError

FORGOTTEN_S = 86_400.0
"""An unfinished part that nobody has added to for a day is nobody's."""


def hash_of_file(path: Path) -> str:
    """BLAKE2b-256 of a file as hex, read in parts: the name of a blob."""
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while part := file.read(1 << 22):
            digest.update(part)
    return digest.hexdigest()


class HashOfWritten:
    """The same of a file while it is written, by a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path, self._digest = path, hashlib.blake2b(digest_size=32)
        self._heard: list[Future[None]] = []
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> HashOfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def hear(self, data: Any) -> None:
        """What is written next: bytes, which nobody changes any more."""
        self._heard.append(self._thread.submit(self._digest.update, data))

    def result(self) -> Future[str]:
        """The hash of all that was heard; of the file as it is, where nothing was."""
        return self._thread.submit(self._hash)

    def _hash(self) -> str:
        for part in self._heard:
            part.result()  # raises what went wrong
        return self._digest.hexdigest() if self._heard else hash_of_file(self._path)


class BlobFolder:
    """A folder of blobs; names are hashes, so that a path can never be asked for.

    Several processes may share a folder if each names itself as ``writer``: their unfinished parts stay apart.
    """

    def __init__(self, folder: Path, *, writer: str = "") -> None:
        self.folder = folder
        self._suffix = f".{writer}.part" if writer else ".part"
        self._arriving: dict[str, hashlib.blake2b] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):
            if time.time() - part.stat().st_mtime > FORGOTTEN_S:
                part.unlink(missing_ok=True)

    def path(self, blob: str) -> Path:
        """Where a blob lies or would lie."""
        return self.folder / blob[:2] / blob

    def has(self, blob: str) -> bool:
        """Whether a blob is there, whole."""
        return self.path(blob).is_file()

    def take(self, blob: str, path: Path) -> None:
        """Have a file of this machine as a blob: by a link where both are on one disk, else by a copy."""
        place = self.path(blob)
        if place.is_file():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            place.hardlink_to(path)
        except FileExistsError:
            return
        except OSError:
            part = self._part(blob)
            shutil.copyfile(path, part)
            part.replace(place)

    def receive(self, blob: str, size: int, offset: int, data: bytes) -> int:
        """Take a part at ``offset``; returns how many bytes are there now. The last part makes the blob appear.

        An interrupted blob is carried on where it stopped. Raises ``StackError`` for what its hash does not fit.
        """
        if self.has(blob):
            return size
        part = self._part(blob)
        there = part.stat().st_size if part.exists() else 0
        if there > size:
            part.unlink()
            there = 0
        if offset != there:
            return there
        if there + len(data) > size or (size and not data):
            self._drop(blob)
            raise StackError(f"blob {blob[:12]}… is not as long as it was said to be")
        digest = self._digest(blob, part, there)
        digest.update(data)
        with part.open("ab") as file:
            file.write(data)
            if there + len(data) == size:
                file.flush()
                os.fsync(file.fileno())
        if there + len(data) == size:
            self._complete(blob, part, digest.hexdigest())
        return there + len(data)

    def _digest(self, blob: str, part: Path, there: int) -> hashlib.blake2b:
        """The running hash of a blob's first ``there`` bytes; read from the file where another process began it."""
        digest = self._arriving.get(blob)
        if digest is None or there == 0:
            digest = self._arriving[blob] = hashlib.blake2b(digest_size=32)
            if there:
                with part.open("rb") as file:
                    while piece := file.read(1 << 22):
                        digest.update(piece)
        return digest

    def _complete(self, blob: str, part: Path, found: str) -> None:
        if found != blob:
            self._drop(blob)
            raise StackError(f"blob {blob[:12]}… arrived damaged: its hash differs; send it again")
        self._arriving.pop(blob, None)
        path = self.path(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(path)

    def _drop(self, blob: str) -> None:
        self._arriving.pop(blob, None)
        self._part(blob).unlink(missing_ok=True)

    def _part(self, blob: str) -> Path:
        return self.folder / f"{blob}{self._suffix}"

    def read(self, blob: str, offset: int, count: int) -> tuple[int, bytes]:
        """Size of a blob and up to ``count`` of its bytes from ``offset``."""
        try:
            with self.path(blob).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(offset)
                return size, file.read(count)
        except FileNotFoundError:
            raise StackError(f"there is no blob {blob[:12]}…") from None
