"""Datasets by name: each is a panel file that lies under the hash of its bytes, and a note of what it is.

In the folder: ``objects/<hash>.arrow``, and ``names/<name>.json``, which appears last. Equal data has one object, under
as many names as one likes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backbus.data.catalog.findings import findings_of
from backbus.data.catalog.importing import import_files
from backbus.data.panels.panel_file import SUFFIX, map_panel
from backbus.data.readers.many import Progress
from backbus.errors import DataError, JobError, UsageError
from backbus.kinds import HEARS, MAPPING, PATH, an, takes
from backbus.market.panel import Panel, session_date
from backbus.together import passing_folder, text_file, write_together
from backbus.transport.blobs import HashOfWritten, hash_of_file

if TYPE_CHECKING:
    from backbus.job.data import DataSettings

VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{64}")


class Catalog:
    """The datasets in a folder."""

    @takes(folder=PATH)
    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def __repr__(self) -> str:
        names = self.names()
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        return f"<Catalog in {self._folder}: {', '.join(names[:10]) or 'no datasets'}{more}>"

    @takes(files=MAPPING, settings=an("DataSettings", "a job's data: Job.parse(…).data"), progress=HEARS)
    def add(
        self,
        name: str,
        files: Mapping[str, Path],
        settings: DataSettings,
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Import ``files`` ({name for messages: path}) as ``name``, and return what is known of it.

        Raises ``UsageError`` where the name is taken (unless it is to be replaced), ``DataError`` or ``JobError``.
        Either all is there in the end or nothing has changed.
        """
        note = self._note(name)
        if note.exists() and not replace:
            raise UsageError(f"there is a dataset {name!r} already; choose another name, or --replace it")
        objects = self._folder / "objects"
        note.parent.mkdir(parents=True, exist_ok=True)
        with passing_folder(objects, ".new-") as folder:
            made = folder / f"new{SUFFIX}"
            with HashOfWritten(made) as written, ThreadPoolExecutor(1) as disk:  # none is in the way of another
                import_files(files, settings, made, progress=progress, hear=written.hear)
                synced, hashed = disk.submit(_sync, made), written.result()
                mapped = map_panel(made, name=name)
                mapped.put_in_place()
                panel = mapped.panel
                findings = findings_of(panel, settings.calendar)
            synced.result()
            blob = hashed.result()
            about = {
                "version": VERSION,
                "name": name,
                "hash": blob,
                "bytes": made.stat().st_size,
                **describe(panel),
                "sources": {source: path.stat().st_size for source, path in sorted(files.items())},
                "settings": settings.model_dump(mode="json", exclude_defaults=True, exclude={"files"}),
                "notes": list(panel.notes),
                "findings": findings,
            }
            made.replace(self.object(blob))
        before = self._hash(name) if note.exists() else None
        write_together(note.parent, {note.name: text_file(json.dumps(about, indent=1))})
        self._forget(before)
        return about

    def names(self) -> list[str]:
        """All names, in order."""
        return sorted(path.stem for path in (self._folder / "names").glob("*.json"))

    def about(self, name: str) -> dict[str, Any]:
        """What is known of a dataset; ``JobError`` with near names where there is none."""
        note = self._note(name)
        try:
            found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        except FileNotFoundError:
            there = ", ".join(self.names()[:10]) or "none yet"
            raise JobError(f"there is no dataset {name!r} in {self._folder}; there are: {there}") from None
        except (OSError, ValueError) as error:
            raise DataError(f"cannot be read: {error}; import it again with --replace", file=str(note)) from None
        if found.get("version") != VERSION or not _HASH.fullmatch(str(found.get("hash"))):
            says = "is no note of a dataset that this backbus reads; import it again with --replace"
            raise DataError(says, file=str(note))
        return found

    def calendar(self, name: str) -> str | None:
        """The calendar that a dataset was imported by; None where its assets have calendars of their own, too."""
        settings = self.about(name)["settings"]
        found = None if settings.get("calendars") else settings.get("calendar")
        return None if found is None else str(found)

    def file(self, name: str) -> dict[str, Path]:
        """The panel file of a dataset, by the name that messages use."""
        return {f"{name}{SUFFIX}": self.path(name)}

    def path(self, name: str) -> Path:
        """The panel file of a dataset."""
        path = self.object(self.about(name)["hash"])
        if not path.is_file():
            raise DataError(f"the data of {name!r} is gone; import it again", file=str(path))
        return path

    def check(self, name: str) -> list[dict[str, Any]]:
        """Look at all bars again, and at the bytes: what was found. Raises ``DataError`` where these have changed."""
        about, path = self.about(name), self.path(name)
        if hash_of_file(path) != about["hash"]:
            raise DataError(f"is not what was imported as {name!r}: its bytes have changed", file=str(path))
        return findings_of(map_panel(path, name=name).panel, self.calendar(name))

    def remove(self, name: str) -> None:
        """Forget a name, and its data where no other name has it."""
        if not self._note(name).exists():
            self.about(name)  # which says what there is instead
        blob = self._hash(name)
        self._note(name).unlink()
        self._forget(blob)

    def _hash(self, name: str) -> str | None:
        """Which data a name stands for; None where its note cannot be read, which must not keep it from being
        replaced or removed."""
        try:
            return str(self.about(name)["hash"])
        except DataError:
            return None

    def _forget(self, blob: str | None) -> None:
        named = {self._hash(name) for name in self.names()}
        if blob is not None and blob not in named and None not in named:
            self.object(blob).unlink(missing_ok=True)

    def _note(self, name: str) -> Path:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise JobError(
                f"{name!r} is no name of a dataset: letters, digits, _ . and -, the first a letter or a digit",
                field="data.dataset",
            )
        return self._folder / "names" / f"{name}.json"

    def object(self, blob: str) -> Path:
        """Where the data of this hash lies, or would."""
        return self._folder / "objects" / f"{blob}{SUFFIX}"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def describe(panel: Panel) -> dict[str, Any]:
    """What a market is, as plain values."""
    layout, block = panel.layout, panel.block
    return {
        "rows": layout.rows,
        "assets": layout.assets,
        "symbols": list(layout.symbols),
        "columns": list(layout.columns),
        "interval_ns": layout.interval_ns,
        "first": session_date(int(block.session[0])),
        "last": session_date(int(block.session[-1])),
    }
