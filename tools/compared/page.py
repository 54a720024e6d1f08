"""The page: a section for each engine, with its rows. What could not be looked at keeps the section that it had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tools.compared.figures import UNEXPLAINED, Row

HEAD = """# Held against others

What other engines publish, and what the same job gives here. Made by

```bash
python -m tools.compared --from FOLDER
```

from checkouts of theirs in `FOLDER`, of which the names are in the table. Figures of theirs are facts and stay theirs;
their prices are read where they lie and are not part of this repository. A number is *the same* where it is within half
a unit of the last digit that is published, and where it is published as a float written out, within 10⁻¹² of itself.
Otherwise the last column says why. Each job is a file in [tools/compared/jobs](../tools/compared/jobs): with a link
`peers` beside it that leads to `FOLDER`, `backbus run` runs those that read files as they are.

`tests/peers` has files of the same forms with invented values and results by hand.
"""
RULER = ("| engine | checkout | figures | the same | otherwise, and why |", "|---|---|---|---|---|")
COLUMNS = ("| case | figure | theirs | ours | |", "|---|---|---|---|---|")


@dataclass(frozen=True)
class Section:
    """One engine's part of the page: its title, the line that says of which commit, and its rows."""

    title: str
    text: str

    @property
    def rows(self) -> dict[tuple[str, str], tuple[str, str, str]]:
        """By case and figure: theirs, ours, verdict."""
        found = {}
        for line in self.text.splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if len(cells) == 5 and cells[0] not in ("case", "---"):
                found[cells[0], cells[1]] = (cells[2], cells[3], cells[4])
        return found

    @property
    def counts(self) -> tuple[int, int]:
        """How many figures, and how many of them are the same."""
        verdicts = [verdict for _, _, verdict in self.rows.values()]
        return len(verdicts), verdicts.count("the same")

    @property
    def commit(self) -> str:
        """What its line says of the checkout."""
        found = re.search(r"^Of (.+?)\.$", self.text, re.MULTILINE)
        return found[1] if found else ""


def section(title: str, commit: str, about: str, rows: list[Row]) -> Section:
    """A section as the page has it."""
    lines = [f"## {title}", "", f"Of {commit}.", "", about.strip(), "", *COLUMNS]
    for row in rows:
        cells = (row.case, row.figure, row.theirs, row.shown, row.verdict)
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return Section(title, "\n".join(lines) + "\n")


def sections(page: str) -> dict[str, Section]:
    """The sections of a page by title."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {title: Section(title, part.rstrip("\n") + "\n") for part in parts for title in [part[3:].split("\n", 1)[0]]}


def page(engines: Mapping[str, Section]) -> str:
    """The whole page, engines in their order."""
    table = list(RULER)
    for title, one in engines.items():
        figures, same = one.counts
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        table.append(f"| [{title}](#{anchor}) | {one.commit} | {figures} | {same} | {figures - same} |")
    return "\n".join([HEAD, *table, "", *(one.text for one in engines.values())])


def worse(before: Section | None, now: Section) -> list[str]:
    """Figures that stood and are not met any more, or that are told apart by nothing."""
    found = []
    old = before.rows if before else {}
    for (case, figure), (theirs, ours, verdict) in now.rows.items():
        stood = old.get((case, figure), ("", "", ""))[2] == "the same"
        if verdict != "the same" and (stood or verdict == UNEXPLAINED):
            found.append(
                f"{now.title}: {case}: {figure}: theirs {theirs}, ours {ours}" + (": it stood" if stood else "")
            )
    return found
