"""Files to tables: which reader a file's name asks for, and what lies packed in it."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePath

from backbus.data.readers.asked import NOTHING_ASKED, Asked
from backbus.data.readers.columnar import ARROW, PARQUET, read_arrow, read_parquet
from backbus.data.readers.csv_file import read_csv
from backbus.data.readers.table import Table
from backbus.errors import DataError

TEXT = (".csv", ".txt", ".tsv")
GZIP, ZIP = ".gz", ".zip"
KNOWN = (*TEXT, GZIP, ZIP, *PARQUET, *ARROW)
"""What files of a folder are read; a file that is named may end in anything, and is CSV then."""
MEMBER_BYTES = 8 << 30
"""A packed file may not unpack to more."""


def read_file(
    name: str,
    path: Path,
    wanted: Collection[str] | None = None,
    asked: Asked = NOTHING_ASKED,
) -> list[Table]:
    """The bars of one file; none where it holds none of ``wanted``. Raises ``DataError`` with file and line."""
    suffix = PurePath(name).suffix.lower()
    if suffix in PARQUET:
        found = [read_parquet(name, path, wanted, asked)]
    elif suffix in ARROW:
        found = [read_arrow(name, path, wanted, asked)]
    elif suffix == ZIP:
        found = [read_csv(member, source, wanted, asked) for member, source in _members(name, path)]
    elif suffix == GZIP:
        found = [read_csv(name, lambda: _unpacked(name, path), wanted, asked)]
    else:
        found = [read_csv(name, lambda: _bytes(name, path), wanted, asked)]
    return [table for table in found if table is not None]


def text_bytes(name: str, path: Path) -> bytes:
    """The bytes of one text file, packed or not. Raises ``DataError``."""
    suffix = PurePath(name).suffix.lower()
    if suffix != ZIP:
        return _unpacked(name, path) if suffix == GZIP else _bytes(name, path)
    there = list(_members(name, path))
    if len(there) > 1:
        raise DataError(f"holds {len(there)} files; one was expected", file=name)
    return there[0][1]()


def _bytes(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except IsADirectoryError:
        raise DataError("is a folder; name its files, such as folder/*.csv", file=name) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=name) from None


def _unpacked(name: str, path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            data = file.read(MEMBER_BYTES + 1)
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot be unpacked: {error}", file=name) from None
    if len(data) > MEMBER_BYTES:
        raise DataError(f"unpacks to more than {MEMBER_BYTES >> 30} GiB; unpack it first", file=name)
    return data


def _members(name: str, path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The text files in a ZIP file, by the name of both. A file that has one member's name in its own is called by
    its own alone."""
    try:
        with zipfile.ZipFile(path) as packed:
            there = [
                info
                for info in packed.infolist()
                if not info.is_dir()
                and PurePath(info.filename).suffix.lower() in TEXT
                and "__MACOSX" not in info.filename
            ]
    except FileNotFoundError:
        raise DataError("no such file", file=name) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"cannot be unpacked: {error}", file=name) from None
    if not there:
        raise DataError(f"holds no file that ends in {', '.join(TEXT)}", file=name)
    for info in there:
        if info.file_size > MEMBER_BYTES:
            raise DataError(
                f"{info.filename} unpacks to more than {MEMBER_BYTES >> 30} GiB; unpack it first", file=name
            )

        def source(info: zipfile.ZipInfo = info) -> bytes:
            try:
                with zipfile.ZipFile(path) as packed:
                    return packed.read(info)
            # zipfile says RuntimeError of a password and NotImplementedError of a compression that it does not know.
            except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
                raise DataError(f"{info.filename} cannot be unpacked: {error}", file=name) from None

        yield f"{name}/{info.filename}", source
