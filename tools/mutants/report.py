"""What a draw came to: a table by folder, changes that survived without an answer, and answers that are not true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from tools.mutants.answers import Answer, questions
from tools.mutants.changes import Change
from tools.mutants.trial import HUNG, KILLED, SURVIVED, UNREACHED, Result, Trial

EQUIVALENT = "equivalent"
COLUMNS = (KILLED, HUNG, SURVIVED, UNREACHED, EQUIVALENT)


def shown(change: Change, result: Result) -> str:
    """A change and its result on one line."""
    return f"{result['result']}: {change.file} {change.function}: {change.original}  ->  {change.mutated}"


class Report:
    """The changes that were drawn, those that have an answer, and what came of each."""

    def __init__(self, every: Sequence[Change], sample: Sequence[Change], answered: Sequence[Answer]) -> None:
        known = {change.name: change for change in every}
        self._sample = sample
        self._answers = {answer.name: answer for answer in answered}
        self._stale = [answer for answer in answered if answer.name not in known]
        drawn = {change.name for change in sample}
        proved = [known[a.name] for a in answered if a.killed_by and a.name in known and a.name not in drawn]
        self._all = [*sample, *proved]
        self._results: dict[tuple[Any, ...], Result] = {}

    def _equivalent(self, change: Change) -> bool:
        answer = self._answers.get(change.name)
        return answer is not None and bool(answer.equivalent)

    def to_try(self, trial: Trial) -> Iterator[tuple[Change, list[str] | None]]:
        """What is not known yet, with the tests that are to see it where an answer names them."""
        for change in self._all:
            if change.name in self._results or self._equivalent(change):
                continue
            answer = self._answers.get(change.name)
            if answer is None:
                yield change, None
            else:
                yield change, [name for name in trial.tests_of(change) if _is_case(name, answer.killed_by)]

    def take(self, result: Result) -> None:
        """Take in what came of a change."""
        self._results[tuple(result["name"])] = result

    def _result(self, change: Change) -> str:
        if self._equivalent(change):
            return EQUIVALENT
        found = self._results.get(change.name)
        return "" if found is None else str(found["result"])

    @property
    def progress(self) -> tuple[int, int]:
        """How many are tried, of how many."""
        return sum(1 for change in self._all if self._result(change)), len(self._all)

    @property
    def complete(self) -> bool:
        """Whether all have been tried."""
        tried, all_of_them = self.progress
        return tried == all_of_them

    @property
    def survived(self) -> int:
        """Changes that no test has seen."""
        return sum(1 for change in self._all if self._result(change) in (SURVIVED, UNREACHED))

    @property
    def good(self) -> bool:
        """Whether all that survived is answered, and each answer names something and is true."""
        return not self._stale and self.survived == 0

    def text(self, trial: Trial) -> str:
        """The table, and below it what is left to do."""
        lines = [f"{'':14}{'drawn':>8}{''.join(f'{column:>12}' for column in COLUMNS)}{'share seen':>14}"]
        folders = sorted({_folder(change) for change in self._sample})
        for folder in (*folders, "all"):
            results = [self._result(change) for change in self._sample if folder in ("all", _folder(change))]
            count = Counter(results)
            matter = len(results) - count[EQUIVALENT]
            share = f"{100.0 * (count[KILLED] + count[HUNG]) / matter:.1f} %" if matter else "–"
            cells = "".join(f"{count[column]:>12}" for column in COLUMNS)
            lines.append(f"{folder:14}{len(results):>8}{cells}{share:>14}")
        if trial.left_out:
            lines.append(f"\n{len(trial.left_out)} tests were left out, since they do not pass by themselves:")
            lines += [f"  {name}: {why}" for name, why in sorted(trial.left_out.items())]
        for answer in self._stale:
            where = f"{answer.file} {answer.function}"
            lines.append(f"\nan answer names a change that is not there: {where}: {answer.original}")
        untrue = [c for c in self._all if c.name in self._answers and self._result(c) in (SURVIVED, UNREACHED)]
        for change in untrue:
            killed_by = self._answers[change.name].killed_by
            lines.append(f"\n{killed_by} does not see:\n  {change.original}  ->  {change.mutated}")
        open_ones = [c for c in self._all if c.name not in self._answers and self._result(c) in (SURVIVED, UNREACHED)]
        if open_ones:
            lines.append(f"\n{len(open_ones)} changes survived without an answer:\n\n{questions(open_ones)}")
        return "\n".join(lines)

    def as_json(self, seed: int) -> dict[str, Any]:
        """All of it."""
        count = Counter(self._result(change) for change in self._sample)
        matter = len(self._sample) - count[EQUIVALENT]
        return {
            "seed": seed,
            "drawn": len(self._sample),
            **{column: count[column] for column in COLUMNS},
            "share_seen": (count[KILLED] + count[HUNG]) / matter if matter else None,
            "stale_answers": len(self._stale),
            "mutants": [
                {
                    **dict(zip(("file", "function", "original", "mutated", "which"), change.name, strict=True)),
                    "kind": change.kind,
                    "result": self._result(change),
                    **{k: v for k, v in self._results.get(change.name, {}).items() if k in ("by", "tests", "s")},
                }
                for change in self._sample
            ],
        }


def _folder(change: Change) -> str:
    return PurePosixPath(change.file).parts[2]


def _is_case(nodeid: str, named: str) -> bool:
    return nodeid == named or nodeid.split("[", maxsplit=1)[0] == named
