"""Whether a job's assets were chosen by what is known today, which a report has to say: what was there then and has
gone since is not among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from backbus.job.job import Job
from backbus.market.panel import Layout, Panel, Source
from backbus.trading.numbers import INVERSE

_MADE = ("future", "fx")
"""Kinds of which nobody chooses the ones that have survived."""


def of_today(job: Job, layout: Layout) -> str | None:
    """The note of a job that trades several assets and has no universe; None for any other."""
    if layout.universe is not None:
        return None
    count = len(set(_traded(job, layout.symbols)))
    if count < 2:
        return None
    return (
        f"its {count} assets were chosen with today's knowledge: those that have gone since are not among them;"
        " data.universe says who could be traded when"
    )


def _traded(job: Job, symbols: tuple[str, ...]) -> Iterator[str]:
    """Assets that may be traded, and that could have gone."""
    rates = {named.removeprefix(INVERSE) for named in job.portfolio.rates.values()}
    left_out = {*rates}
    for line in job.instruments:
        names = {symbols[at] for at in line.chosen(symbols)}
        left_out = left_out | names if line.kind in _MADE or not line.traded else left_out - names
    return (symbol for symbol in symbols if symbol not in left_out)


def with_note(source: Source, note: str | None) -> Source:
    """The market with one more note."""
    if note is None:
        return source
    if isinstance(source, Panel):
        return replace(source, notes=(*source.notes, note))
    other: Any = source
    other.notes = (*source.notes, note)
    return source
