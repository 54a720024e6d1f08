"""Which run may take the place of the one that lies in a folder: the same, again.

In flows what a run is made of, before it is computed, and its receipt once it is; out an error that says in what the
one that is there differs, so that no run is lost without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from backbus.errors import UsageError
from backbus.jit.sources import sources_hash
from backbus.performance.artifacts import REPORT_FILE
from backbus.runs.differences import files_apart, settings_apart
from backbus.runs.folder import RECEIPT_FILE
from backbus.runs.receipt import Kind, Receipt, job_hash
from backbus.sweep.files import SUMMARY_FILE

_TOLD = 3
"""Settings or files that a message names."""


def refuse_another(
    folder: Path, kind: Kind, job: Mapping[str, Any], strategy: Mapping[str, str], data: Callable[[], Mapping[str, str]]
) -> None:
    """Raise UsageError where a folder holds another run than this one will be: of another ``job`` (plain values), other
    files of the strategy or of prices (hashes by name; those of prices are asked for if need be), or, of a search,
    whose files are written as it ends, of another backbus. Of searches any ``kind`` will do: the job says which."""
    before = _receipt_in(folder)
    if before is None:
        return
    if (before.kind == "run") != (kind == "run"):
        raise _refused(folder, before, "which is no search" if before.kind == "run" else "which is no single run")
    if before.job_hash != job_hash(job):
        raise _refused(folder, before, _some("with other settings", settings_apart(before.job, job)))
    if before.strategy != strategy:
        raise _refused(folder, before, _some("of another strategy's files", files_apart("", before.strategy, strategy)))
    found = data()
    if before.data != found:
        raise _refused(folder, before, _some("of other files of prices", files_apart("", before.data, found)))
    if kind != "run" and before.sources != sources_hash():
        raise _refused(folder, before, f"of another backbus ({before.backbus}, {before.sources})")


def refuse_unlike(folder: Path, receipt: Receipt) -> None:
    """The same of a run that is computed: what came out is the same too."""
    refuse_another(folder, receipt.kind, receipt.job, receipt.strategy, lambda: receipt.data)
    before = _receipt_in(folder)
    if before is not None and before.market != receipt.market:
        raise _refused(folder, before, "of other prices")
    if before is not None and before.fingerprint != receipt.fingerprint:
        raise _refused(folder, before, f"which came out otherwise ({before.fingerprint}, now {receipt.fingerprint})")


def _receipt_in(folder: Path) -> Receipt | None:
    """What the run in a folder was made of; None where none is there. Raises UsageError where it does not say."""
    if not any((folder / name).exists() for name in (REPORT_FILE, SUMMARY_FILE)):
        return None
    try:
        return Receipt.model_validate_json((folder / RECEIPT_FILE).read_bytes())
    except (OSError, ValueError):
        raise UsageError(
            f"{folder} holds a run that does not say what it was made of, and that would be lost: name another folder, "
            "or remove this one first"
        ) from None


def _some(what: str, differences: Any) -> str:
    names = [one.where for one in differences]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return f"{what} ({', '.join(names[:_TOLD])}{more})" if names else what


def _refused(folder: Path, before: Receipt, how: str) -> UsageError:
    return UsageError(
        f"{folder} holds another {before.kind.replace('_', ' ')}, {before.name!r} {how}, and that would be lost: name "
        "another folder, or remove this one first"
    )
