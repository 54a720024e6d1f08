"""Draw the diagrams of ``docs/architecture.md``: ``python tools/diagrams.py`` (``make pages``).

Each is an SVG file on a ground of its own, light or dark as its reader's system is, so that it can be read on any page.
"""

from __future__ import annotations

import html
import itertools
from pathlib import Path

from backbus.market.ticks import PHASE_NAMES, PHASES
from backbus.streams.topology import EXECUTION, PERFORMANCE, PORTFOLIO, STRATEGY, STREAMS, Kind

PLACE = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 900

STYLE = """
svg { color-scheme: light dark; font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
.ground { fill: #ffffff; } .box { fill: #eef2f8; stroke: #56657d; } .text { fill: #1b2430; } .dim { fill: #5a6675; }
.line { stroke: #56657d; fill: none; } .tip { fill: #56657d; }
.mark { fill: #b4530a; } .marked { stroke: #b4530a; fill: none; }
.full { fill: #9db8dd; } .empty { fill: #eef2f8; stroke: #c3ccd9; } .grid { stroke: #d5dce6; fill: none; }
@media (prefers-color-scheme: dark) {
.ground { fill: #12171e; } .box { fill: #1f2833; stroke: #8fa1ba; } .text { fill: #e8edf4; } .dim { fill: #a3afbd; }
.line { stroke: #8fa1ba; } .tip { fill: #8fa1ba; } .mark { fill: #f0a35e; } .marked { stroke: #f0a35e; }
.full { fill: #3f628f; } .empty { fill: #1a212a; stroke: #3c4858; } .grid { stroke: #2c3644; }
}
"""


class Drawing:
    """Shapes on a ground, in pixels from the upper left corner."""

    def __init__(self, height: int, title: str, description: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img" aria-labelledby="title description">',
            f'<title id="title">{html.escape(title)}</title>',
            f'<desc id="description">{html.escape(description)}</desc>',
            f"<style>{STYLE}</style>",
            f"<defs>{_tip('tip', 'tip')}{_tip('marked', 'mark')}</defs>",
            f'<rect class="ground" width="{WIDTH}" height="{height}" rx="8"/>',
        ]

    def text(self, x: float, y: float, said: str, *, size: int = 14, kind: str = "text", at: str = "middle") -> None:
        """Words; ``at`` is which of their ends stands at x."""
        weight = ' font-weight="600"' if kind.endswith(" bold") else ""
        place = f'x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{at}"{weight}'
        self._parts.append(f'<text class="{kind.removesuffix(" bold")}" {place}>{html.escape(said)}</text>')

    def box(self, x: float, y: float, width: float, height: float, name: str, *lines: str) -> None:
        """A box with a name, and smaller lines below it."""
        self.rect(x, y, width, height, "box", 6)
        top = y + height / 2 + 5 - 8 * len(lines)
        self.text(x + width / 2, top, name, kind="text bold")
        for number, line in enumerate(lines, 1):
            self.text(x + width / 2, top + 16 * number, line, size=12, kind="dim")

    def rect(self, x: float, y: float, width: float, height: float, kind: str, round_: float = 0) -> None:
        """A rectangle."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_:g}"/>'
        )

    def line(self, *points: tuple[float, float], kind: str = "line", tip: bool = True, dashed: bool = False) -> None:
        """A line through points, with an arrow's tip at its end."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        ends = f' marker-end="url(#{"tip" if kind == "line" else kind})"' if tip else ""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(f'<path class="{kind}" stroke-width="1.6" d="{path}"{ends}{dashes}/>')

    def dot(self, x: float, y: float) -> None:
        """A record."""
        self._parts.append(f'<circle class="mark" cx="{x:g}" cy="{y:g}" r="5"/>')

    def __str__(self) -> str:
        return "\n".join([*self._parts, "</svg>"]) + "\n"


def _tip(name: str, kind: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path class="{kind}" d="M0 0 L10 5 L0 10 z"/></marker>'
    )


def between(writer: str, reader: str) -> list[Kind]:
    """What one handler says to another."""
    return [kind for kind, stream in STREAMS.items() if stream.writer == writer and reader in stream.readers]


def chain() -> Drawing:
    """The handlers of a run, and the streams between them."""
    drawing = Drawing(
        440,
        "The chain of handlers",
        "Data sends prices to strategy, portfolio, execution and performance; strategy sends signals to portfolio, "
        "portfolio orders to execution, execution fills to portfolio; performance reads all of them and reports.",
    )
    top, height, width = 105, 66, 150
    left = {"data": 30, "strategy": 245, "portfolio": 460, "execution": 675}
    middle = {name: x + width / 2 for name, x in left.items()}
    told = {
        "data": ("prices, block by block,", "or a simulated market"),
        "strategy": ("what is wanted", "of each asset"),
        "portfolio": ("how much, if at all;", "it keeps the book"),
        "execution": ("at which price,", "and whether at all"),
    }
    for name, x in left.items():
        drawing.box(x, top, width, height, name, *told[name])
    drawing.line((middle["data"], top), (middle["data"], 45), (868, 45), (868, 325), (826, 325))
    for name in ("strategy", "portfolio", "execution"):
        drawing.line((middle[name], 45), (middle[name], top))
    drawing.text(middle["data"] + 10, 36, "NEW_DATA, to all others", at="start")
    gap = left["strategy"] - width - left["data"]
    for before, reader in itertools.pairwise((STRATEGY, PORTFOLIO, EXECUTION)):
        begin, end = left[reader] - gap, left[reader]
        said, back = between(before, reader), between(reader, before)
        drawing.line((begin, top + 22), (end, top + 22))
        drawing.text((begin + end) / 2, top + 14, ", ".join(said), size=13)
        drawing.line((end, top + 44), (begin, top + 44), dashed=all(STREAMS[kind].where_book_is_read for kind in back))
        drawing.text((begin + end) / 2, top + 60, ", ".join(back), size=13)
    below = top + height
    drawing.box(245, 295, 580, 60, "performance", "counts what passes by: figures, tables, the fingerprint")
    for writer in (STRATEGY, PORTFOLIO, EXECUTION):
        kinds = between(writer, PERFORMANCE)
        for number, kind in enumerate(kinds):
            x = middle[writer] + 80 * (number - (len(kinds) - 1) / 2)
            drawing.line((x, below), (x, 295))
            drawing.text(x + 7, 240, kind, size=13, at="start")
    drawing.line((245, 325), (middle["data"], 325), (middle["data"], below))
    drawing.text(middle["data"] + 10, 240, "PROGRESS", size=13, at="start")
    drawing.text(middle["data"] + 10, 256, "of all four readers", size=12, kind="dim", at="start")
    drawing.line((535, 355), (535, 392))
    drawing.text(545, 378, "REPORT", size=13, at="start")
    drawing.text(535, 412, "orchestrator", kind="text bold")
    drawing.text(30, 420, "dashed: where the strategy reads the book", size=12, kind="dim", at="start")
    return drawing


def phases() -> Drawing:
    """A row's phases, and when an order that it decides can fill."""
    drawing = Drawing(
        400,
        "The phases of a row",
        "Two rows. Each has six phases: two at the open, one within the bar, three at the close. An order that is "
        "decided at the close of one row can fill from the open of the next.",
    )
    who = ("portfolio", "execution", "execution", "strategy", "portfolio", "execution")
    what = (
        ("interest, splits;", "orders sized and cut"),
        ("market orders; limits", "and stops it has passed"),
        ("limits, stops and trailing", "stops, by high and low"),
        ("the book is marked;", "signals of this row"),
        ("margin; signals", "become orders"),
        ("orders for the close;", "equity of the row"),
    )
    left, step, top = 24, 142, 150
    drawing.text(left, 26, "row t", kind="text bold", at="start")
    shape = ((0.5, 86), (1.6, 86), (1.9, 110), (2.2, 58), (2.5, 46), (2.8, 84), (3.2, 70), (5.5, 70))
    drawing.line(*((left + step * x, y) for x, y in shape), tip=False, kind="line")
    for at, said, y in ((1.05, "the open", 76), (2.45, "high", 36), (1.9, "low", 126), (4.5, "the close", 60)):
        drawing.text(left + step * at, y, said, size=12, kind="dim")
    for phase, name in enumerate(PHASE_NAMES):
        x = left + step * phase
        drawing.rect(x + 3, top, step - 6, 106, "box", 6)
        drawing.text(x + step / 2, top + 20, f"6t + {phase}" if phase else "6t", size=12, kind="dim")
        drawing.text(x + step / 2, top + 39, name, size=12, kind="text bold")
        drawing.text(x + step / 2, top + 56, who[phase], size=12)
        for number, line in enumerate(what[phase]):
            drawing.text(x + step / 2, top + 76 + 15 * number, line, size=10, kind="dim")
    drawing.text(left, 306, "row t + 1", kind="text bold", at="start")
    for phase, name in enumerate(PHASE_NAMES):
        x = left + step * phase
        drawing.rect(x + 3, 316, step - 6, 46, "box", 6)
        drawing.text(x + step / 2, 335, f"6t + {PHASES + phase}", size=12, kind="dim")
        drawing.text(x + step / 2, 353, name, size=12, kind="text bold")
    decided, fills = left + step * 4.5, left + step * 1.5
    drawing.line((decided, top + 106), (decided, 284), (fills, 284), (fills, 316), kind="marked")
    drawing.text(left + step * 3, 278, "an order that is decided here can fill from here on", size=13)
    drawing.text(
        left,
        385,
        "Nothing that is decided or filled at the open reads any price of the row but the open.",
        size=12,
        kind="dim",
        at="start",
    )
    return drawing


def watermarks() -> Drawing:
    """The streams of the example in the page, and how far each is complete."""
    drawing = Drawing(
        380,
        "The watermark rule",
        "Four streams over a run's logical time, each complete up to its watermark: NEW_DATA and SIGNAL up to the end, "
        "ORDER up to the decision of row 900, FILL one further.",
    )
    times = (0, 21, 22, 24, 25, 5403, 5404, 5405, 6000)
    places = dict(zip(times, (150, 255, 295, 335, 375, 620, 665, 710, 830), strict=True))
    drawing.text(24, 38, "logical time", size=12, kind="dim", at="start")
    for time, x in places.items():
        drawing.text(x, 38, f"{time:,}".replace(",", " "), size=12, kind="dim")
        drawing.line((x, 46), (x, 296), kind="grid", tip=False)
    for x, said in ((315, "row 3, and the open of row 4"), (665, "row 900"), (830, "the end"), (497, "…")):
        drawing.text(x, 20, said, size=12, kind="dim")
    lanes = (
        ("NEW_DATA", "data", (), 6000, "complete up to the end"),
        ("SIGNAL", "strategy", (21, 5403), 6000, "complete up to the end"),
        ("ORDER", "portfolio", (22, 24), 5404, "nothing more is decided before row 900"),
        ("FILL", "execution", (25,), 5405, "so all rows up to there are swept in one go"),
    )
    for number, (kind, source, records, watermark, said) in enumerate(lanes):
        y = 62 + 60 * number
        drawing.text(24, y + 14, kind, kind="text bold", at="start")
        drawing.text(24, y + 30, f"said by {source}", size=12, kind="dim", at="start")
        drawing.rect(places[0], y, places[6000] - places[0], 22, "empty", 3)
        drawing.rect(places[0], y, places[watermark] - places[0], 22, "full", 3)
        for time in records:
            drawing.dot(places[time], y + 11)
        drawing.line((places[watermark], y - 5), (places[watermark], y + 29), kind="marked", tip=False)
        drawing.text(places[watermark] - 8, y + 39, said, size=12, at="end")
    for number, (x, said) in enumerate(
        ((40, "a record"), (160, "complete: whatever is not there does not exist"), (540, "watermark"))
    ):
        if number == 0:
            drawing.dot(x - 8, 336)
        elif number == 1:
            drawing.rect(x - 22, 327, 18, 18, "full", 3)
        else:
            drawing.line((x - 10, 324), (x - 10, 348), kind="marked", tip=False)
        drawing.text(x + 4, 341, said, size=13, at="start")
    drawing.text(
        24,
        366,
        "A handler works as far as all streams that it reads are complete: in which order they arrive does not matter.",
        size=12,
        kind="dim",
        at="start",
    )
    return drawing


def made() -> dict[Path, str]:
    """Each diagram's file and text."""
    return {PLACE / f"{draw.__name__}.svg": str(draw()) for draw in (chain, phases, watermarks)}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
