"""A result as one file that opens offline: words, figures, tables, and all that its script needs, plotly's included.

The page asks nothing of any host: its own policy forbids it (``Content-Security-Policy``). Long parts are deflated and
written as base64; its script makes them what they were when they are first looked at.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import NamedTuple

from backbus.figures.style import THEMES
from backbus.report.headline import KINDS, Line, PageWords
from backbus.report.packing import Told
from backbus.runs.embedded import RECEIPT_ID, SOURCE_ID, element
from backbus.runs.words import PHASES_IN_WORDS

SCRIPTS = ("columns.js", "series.js", "figures.js", "assets.js", "table.js", "orders.js", "main.js")
"""In the order in which they are read; they share one scope."""
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:"
)
_OLD = (
    "This browser cannot unpack what is in this file (it lacks DecompressionStream): figures and tables are not shown. "
    "Firefox 113, Safari 16.4, Chrome 80, or a newer one of these can."
)


class MadeOf(NamedTuple):
    """What a result was made of, as texts; empty where nobody knows."""

    job: str
    receipt: str
    sources: dict[str, str]
    """By their names in the receipt."""


def page_parts(
    words: PageWords,
    figures: list[Told],
    tables: list[Told],
    more: Told,
    made: MadeOf | None,
    blobs: Iterable[tuple[str, str]],
) -> Iterator[str]:
    """The page, piece by piece. ``blobs`` are columns as base64; ``made`` is None of what no single run is."""
    title = escape(words.name)
    yield (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta name="generator" content="backbus {version("backbus")}">\n'
        f"<style>\n{_own('page.css')}</style>\n</head>\n<body>\n"
    )
    yield _head(words, figures, tables, made is not None)
    yield _key(words)
    yield from (_figure(one) for one in figures)
    yield from (_table(one) for one in tables)
    yield _figures_told(words)
    yield "" if made is None else _made_of(made)
    yield "</main>\n"
    told = {"figures": figures, "tables": tables, "themes": THEMES, "phases": PHASES_IN_WORDS, **more}
    yield element("told", told) + "\n"
    for name, packed in blobs:
        yield f'<script type="application/octet-stream" id="{name}">{packed}</script>\n'
    yield f'<script type="application/octet-stream" id="plotly">{_plotly()}</script>\n'
    script = "\n".join(_own(name) for name in SCRIPTS)
    yield f'<script>\n(() => {{\n"use strict";\n{script}\n}})();\n</script>\n</body>\n</html>\n'


def _own(name: str) -> str:
    return files("backbus.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 7, mtime=0)).decode()


def _head(words: PageWords, figures: list[Told], tables: list[Told], made: bool) -> str:
    parts = {
        "Figures": [(f"figure-{one['name']}", one["title"]) for one in figures if "spec" in one],
        "Tables": [(f"table-{one['name']}", one["title"]) for one in tables],
        "More": [("all-figures", "Formulas")] * bool(words.figures) + [("made-of", "What it was made of")] * made,
    }
    list_of = ""
    for name, links in parts.items():
        told = "".join(f'<a href="#{escape(place)}">{escape(title)}</a>' for place, title in links)
        list_of += f"<p><span>{name}</span>{told}</p>" if links else ""
    said = " ".join(escape(sentence) for sentence in words.sentences)
    return (
        f'<header><p class="kind">{escape(KINDS[words.kind])}</p><h1>{escape(words.name)}</h1>\n'
        f'<p class="headline">{said}</p></header>\n<nav aria-label="parts of the page">{list_of}</nav>\n'
        f'<noscript><p class="words">Figures and tables need scripts, which are off.</p></noscript>\n'
        f'<p class="words" id="old" hidden>{_OLD}</p>\n<main>\n'
    )


def _key(words: PageWords) -> str:
    tiles = "".join(
        f'<div class="tile" title="{escape(meaning)}"><dt>{escape(title)}</dt><dd>{escape(value)}</dd></div>'
        for title, value, meaning in words.key
    )
    found = f'<dl class="tiles">{tiles}</dl>\n' if tiles else ""
    if words.luck:
        found += f'<section id="luck"><h2>How much of it may be luck</h2>\n{_lines(words.luck)}</section>\n'
    if words.spread:
        head, *lines = words.spread
        found += f"<section><h2>Spread over all of them</h2>\n{_grid(head, lines, 'numbers')}</section>\n"
    for title, kind, texts in (
        ("Notes", "note", words.notes),
        ("Warnings", "warning", words.warnings),
        ("How the data were read", "note", words.read),
    ):
        if texts:
            items = "".join(f"<li>{escape(text)}</li>" for text in texts)
            found += f'<section class="{kind}s"><h2>{title}</h2><ul>{items}</ul></section>\n'
    return found


def _lines(lines: Iterable[Line]) -> str:
    return _grid([], [list(line) for line in lines])


def _grid(head: list[str], lines: Iterable[list[str]], kind: str = "") -> str:
    top = "<thead><tr>" + "".join(f"<th>{escape(one)}</th>" for one in head) + "</tr></thead>" if head else ""
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f'<div class="wide"><table class="told {kind}">{top}<tbody>{rows}</tbody></table></div>'


def _figure(one: Told) -> str:
    name, title = escape(one["name"]), escape(one["title"])
    head = f'<section class="figure" id="figure-{name}"><h2>{title}</h2><p class="meaning">{escape(one["meaning"])}</p>'
    if "words" in one:
        return f'{head}<p class="words">{escape(one["words"])}</p></section>\n'
    style = f"height:{int(one['height'])}px"
    return f'{head}<div class="plot" style="{style}"></div><p class="scale" aria-live="polite"></p></section>\n'


def _table(one: Told) -> str:
    name, title = escape(one["name"]), escape(one["title"])
    said = f'<p class="meaning">{escape(one["words"])}</p>' if one.get("words") else ""
    if one["left"]:
        said += f'<p class="words">{one["left"]:,} rows more are not in this page: {escape(one["where"])}.</p>'
    body = '<div class="rows"></div>' if one["rows"] else '<p class="words">No rows.</p>'
    head = f'<section class="table" id="table-{name}"><h2>{title} <span>{one["rows"]:,}</span></h2>'
    return f"{head}{said}{body}</section>\n"


def _figures_told(words: PageWords) -> str:
    if not words.figures:
        return ""
    lines = [
        [one["title"], one["value"], f"{one['formula']}{'; here ' + one['why'] if one['why'] else ''}"]
        for one in words.figures
    ]
    return f'<section id="all-figures"><h2>Figures and their formulas</h2>{_grid([], lines)}</section>\n'


def _made_of(made: MadeOf) -> str:
    """The job, the receipt and the sources, for people and, as elements, for ``backbus verify``."""
    found = '<section id="made-of"><h2>What it was made of</h2>\n'
    found += '<p class="paper">The job and the receipt are in the file that this was printed from.</p>\n'
    shown = {"job.toml": made.job, "receipt.json": made.receipt, **{f"source/{k}": v for k, v in made.sources.items()}}
    for name, text in shown.items():
        if text:
            found += f"<details><summary>{escape(name)}</summary><pre>{escape(text)}</pre></details>\n"
    if made.receipt:
        found += element(RECEIPT_ID, json.loads(made.receipt)) + "\n"
    else:
        found += '<p class="words">There is no receipt: no tables were asked for, or the result is of before.</p>'
    if made.sources:
        found += element(SOURCE_ID, made.sources) + "\n"
    return found + "</section>\n"
