"""Sweeps on a cluster that is not ours, ``--on dask://host:8786``: what a cluster is to us, and what is sent to it.

Each kind of cluster is a module like ``dask``, here or in anybody's package, that ``registry`` finds. It connects,
sends a ``Parcel`` to where ``agent`` takes it, has ``agent.compute_points`` called somewhere in the cluster, and reads
its answers with ``read_answer``. Nothing that is sent is an object of ours: bytes, words and numbers only. No folder is
shared.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import msgpack

from backbus.errors import BackbusError, ProtocolError
from backbus.jit.sources import identity
from backbus.sweep.search.plan import resamples_of, search_of
from backbus.sweep.workers.chunk import Chunk
from backbus.sweep.workers.pool import PointsBetween
from backbus.sweep.workers.process import PointLimits, Setup, error_of
from backbus.sweep.workers.wire import unpack_chunk
from backbus.transport.blobs import hash_of_file

PART_BYTES = 4 << 20
"""Of files, sent in one message."""

Part = tuple[str, int, int, bytes]
"""Some bytes of a file: the file's hash, its size, where the bytes begin, the bytes."""


class Cluster(Protocol):
    """Whatever computes the points of a sweep; ``Pool`` is one."""

    def __enter__(self) -> Cluster:
        """Leaving it again ends all that it has started, however it is left."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def run(self, count: int, points: PointsBetween) -> Iterator[tuple[int, Chunk]]:
        """All of ``count`` points as chunks with the number of their first point, in any order.

        ``points(begin, stop)`` gives their values. May be called again when it is through.
        """
        ...


Opening = Callable[[Setup], Cluster]


class Address(NamedTuple):
    """Where a cluster is, as ``KIND+PROTOCOL://HOST:PORT`` says."""

    kind: str
    protocol: str
    """Empty where it is left out."""
    host: str
    """An IPv6 address in its brackets."""
    port: int | None
    """None where it is left out."""


Connect = Callable[[Address], Opening]
"""How a kind of cluster is opened: what its entry point leads to. Nothing is connected yet; UsageError where the
address, or what is installed here, will not do."""


class Parcel:
    """All that a sweep needs in a cluster, as blobs: files, and its specification, which names them by their hashes.

    The specification is one msgpack map: that of ``Setup.plain`` with hashes where that has paths, the ``identity`` of
    this installation, and ``sweep``, a random word, so that no two sweeps share one.
    """

    def __init__(self, setup: Setup) -> None:
        search = search_of(setup.job)
        plain: dict[str, Any] = setup.plain(PointLimits.of(search))
        del plain["folder"]
        self._files: dict[str, Path | bytes] = {}
        for kind, files in (("data", setup.data), ("strategy", setup.strategy)):
            plain[kind] = {name: self._file(path) for name, path in files.items()}
        spec: bytes = msgpack.packb({**plain, "identity": identity(), "sweep": uuid.uuid4().hex})
        self.spec = hashlib.blake2b(spec, digest_size=32).hexdigest()
        """The hash of the specification: what ``compute_points`` is told."""
        self._files[self.spec] = spec
        self.resamples = resamples_of(setup.job)

    def _file(self, path: Path) -> str:
        blob = hash_of_file(path)
        self._files[blob] = path
        return blob

    @property
    def blobs(self) -> list[str]:
        """The hashes of all that is in it."""
        return list(self._files)

    def parts(self, wanted: Collection[str]) -> Iterator[list[Part]]:
        """The bytes of some of its blobs, a few MiB at a time: small files together, large ones in pieces."""
        waiting: list[Part] = []
        room = PART_BYTES
        for blob in wanted:
            for part in self._pieces(blob):
                waiting.append(part)
                room -= len(part[3])
                if room <= 0:
                    yield waiting
                    waiting, room = [], PART_BYTES
        if waiting:
            yield waiting

    def _pieces(self, blob: str) -> Iterator[Part]:
        source = self._files[blob]
        if isinstance(source, bytes):
            yield blob, len(source), 0, source
            return
        size, offset = source.stat().st_size, 0
        with source.open("rb") as file:
            while offset < size or not size:
                data = file.read(min(PART_BYTES, size - offset))
                yield blob, size, offset, data
                offset += len(data)
                if not data:
                    return


def differing(theirs: str) -> str:
    """What tells another installation's identity from this one, in words; empty where nothing does."""
    here, there = _words(identity()), _words(theirs)
    told = [f"{name} {there.get(name, 'none')} (here {here.get(name, 'none')})" for name in here | there]
    return ", ".join(text for name, text in zip(here | there, told, strict=True) if here.get(name) != there.get(name))


def _words(identity: str) -> dict[str, str]:
    sources, _, libraries = identity.partition(" ")
    pairs = (word.partition("=") for word in libraries.replace(",", " ").split())
    return {"backbus sources": sources, **{name: version for name, _, version in pairs}}


def read_answer(answer: bytes, *, points: int, resamples: int) -> tuple[Chunk, float] | None:
    """What ``agent.compute_points`` found, and the seconds that it took; None where it has not all files.

    Raises the error that it tells of, and ProtocolError where it is no answer.
    """
    try:
        plain = msgpack.unpackb(answer)
        if "lacking" in plain:
            return None
        if "error" in plain:
            raise error_of(plain["error"])
        if "failed" in plain:
            raise BackbusError(str(plain["failed"]))
        if "identity" in plain:
            raise BackbusError(f"a worker has another installation of backbus: {differing(plain['identity'])}")
        return unpack_chunk(plain["chunk"], points=points, resamples=resamples), float(plain["took_s"])
    except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise ProtocolError(f"{len(answer)} bytes that are no answer: {error}") from None
