"""``write_report``: a finished job as one page in a file, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backbus.errors import DataError, UsageError
from backbus.extras import install
from backbus.report.drawing import figures_of
from backbus.report.headline import Words
from backbus.report.packing import Packing, Told
from backbus.report.page import MadeOf, page_parts
from backbus.report.tables import tables_of
from backbus.runs.folder import JOB_FILE, RECEIPT_FILE, SOURCES, without_nothing
from backbus.runs.shown import RunShown, SweepShown
from backbus.together import encodable, write_together, writing

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE, MARKDOWN = ".html", ".md"


def check_page(path: Path) -> None:
    """Raise UsageError where no page can be written to ``path``."""
    try:
        import plotly  # noqa: F401
    except ImportError:
        raise UsageError(f"a report has figures, and these need plotly: {install('figures')}") from None
    check_file(path)
    if path.suffix != PAGE:
        raise UsageError(
            f"a report is written to a file that ends in {PAGE}, or, as a summary of one result in Markdown, in "
            f"{MARKDOWN}, not to {path.name}"
        )


def check_file(path: Path) -> None:
    """Raise UsageError where no file can be written to ``path``."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it to write a report to")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} to write a report to")


def write_report(
    result: RunShown | SweepShown, path: Path, *, job: str, folder: Path | None = None, with_source: bool = False
) -> dict[str, Any]:
    """Write a result's page. ``job`` is its id, ``folder`` where its files lie; with ``with_source`` the sources that
    lie there are in the page. Returns what is in it: names of figures and tables, and of those that were not drawn.

    Raises UsageError for a place where nothing can be written, and DataError for tables that cannot be read."""
    check_page(path)
    texts = MadeOf(*_files(result, folder), _sources(result, folder) if with_source else {})
    words = Words(result)
    with Packing() as packing:
        tables = tables_of(result, packing)
        figures, assets = figures_of(result, packing)
        more = _more(result, job, packing) | assets
        write_parts(path, page_parts(words, figures, tables, more, texts, packing.blobs()))
    return {
        "figures": [one["name"] for one in figures if "spec" in one],
        "not_drawn": {one["name"]: one["words"] for one in figures if "words" in one},
        "tables": {one["name"]: one["rows"] for one in tables},
    }


def write_markdown(result: RunShown | SweepShown, path: Path, *, job: str) -> str:
    """Write a result as a summary in Markdown, whole or not at all; returns its text. It needs no plotly.

    Raises UsageError for a place where nothing can be written, and DataError for tables that cannot be read."""
    from backbus.report.markdown import markdown
    from backbus.together import text_file

    check_file(path)
    text = markdown(result, job)
    with writing(path):
        write_together(path.parent, {path.name: text_file(text)})
    return text


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Write a page, whole or not at all. Raises BackbusError where the system refuses."""
    with writing(path):
        write_together(path.parent, {path.name: lambda place: _write(place, parts)})


def _write(place: Path, parts: Iterable[str]) -> None:
    with place.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(encodable, parts))


def _more(result: RunShown | SweepShown, job: str, packing: Packing) -> Told:
    """What the script needs to tell of orders: when rows were."""
    told: Told = {"job": job}
    if not isinstance(result, RunShown) or "equity" not in result.tables or not result.count("equity"):
        return told
    report = result.summary
    if report.rows <= report.sessions:  # sentences name sessions
        days = result.column("equity", "session").astype("M8[D]").astype(np.int64)
        told["sessions"] = packing.whole(days)
        told["first_row"] = int(result.column("equity", "row")[0])
    return told


def _files(result: RunShown | SweepShown, folder: Path | None) -> tuple[str, str]:
    """The job as TOML and the receipt as JSON, as they lie in the folder; empty where nobody knows them."""
    found = {}
    for name in (JOB_FILE, RECEIPT_FILE):
        if folder is not None and (folder / name).is_file():
            found[name] = _read(folder / name)
    if result.receipt is not None:
        found.setdefault(JOB_FILE, _toml(result.receipt.job))
        found.setdefault(RECEIPT_FILE, result.receipt.to_json())
    return found.get(JOB_FILE, ""), found.get(RECEIPT_FILE, "")


def _sources(result: RunShown | SweepShown, folder: Path | None) -> dict[str, str]:
    """The strategy's sources by their names in the receipt; none of a built-in."""
    if folder is None or (result.receipt is not None and result.receipt.strategy and not (folder / SOURCES).is_dir()):
        raise UsageError(
            "there are no sources beside this result to put into its report: run it with a folder, as `backbus run` "
            "does, or leave them out"
        )
    place = folder / SOURCES
    paths = sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    found = {path.relative_to(place).as_posix(): path for path in paths}
    named = found if result.receipt is None else result.receipt.strategy
    return {name: _read(path) for name, path in found.items() if name in named}


def _toml(fields: Mapping[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps(without_nothing(dict(fields)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {str(error).splitlines()[0]}; run the job again", file=str(path)) from None
