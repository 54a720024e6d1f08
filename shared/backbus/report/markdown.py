"""A result as a few lines of Markdown, fit for a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from backbus.report.headline import KINDS, Words
from backbus.runs.shown import RunShown, SweepShown


def markdown(result: RunShown | SweepShown, job: str) -> str:
    """Headline, key figures, what may be luck, notes, and the receipt's hashes."""
    words = Words(result)
    parts = [f"## {_safe(words.name)}", _safe(" ".join(words.sentences))]
    if words.key:
        parts.append(_table(["figure", "value"], ([title, value] for title, value, _ in words.key)))
    if words.luck:
        parts.append(_table(["how much of it may be luck", "", ""], (list(line) for line in words.luck)))
    told = [f"- {_safe(note)}" for note in words.notes] + [f"- **warning:** {_safe(one)}" for one in words.warnings]
    if told:
        parts.append("\n".join(told))
    receipt = result.receipt
    hashes = [("run" if words.kind == "run" else KINDS[words.kind], job)]
    if receipt is not None:
        hashes += [
            ("fingerprint", receipt.fingerprint),
            ("job", receipt.job_hash),
            *((f"strategy {name}", blob) for name, blob in receipt.strategy.items()),
            *((f"data {name}", blob) for name, blob in receipt.data.items()),
            (f"backbus {receipt.backbus}, sources", receipt.sources),
        ]
    parts.append(_table(["made of", ""], ([name, one] for name, one in hashes), code=True))
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], lines: Iterable[list[str]], *, code: bool = False) -> str:
    rows = [head, ["---"] * len(head)]
    for line in lines:
        *before, last = line
        rows.append([*map(_safe, before), f"`{last}`" if code else _safe(last)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _safe(text: str) -> str:
    """A text that no table or emphasis of Markdown is made of."""
    for sign in "\\|*_<[":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
