"""Figures by name: what report, notebook and page look up, and where a user's own function is put beside them.

::

    from backbus import figure

    @figure("cash", "how much of the account is not invested")
    def cash(run):
        return px.line(x=run.column("equity", "time"), y=run.column("equity", "cash"))

A figure is a function of a result, here ``RunShown``; it returns plotly's figure, or raises ``NothingToShow`` with the
words that stand in its place. What else it takes has defaults: ``result.figures.draw("price", asset="IBM")``. The first
figure of a kind is its main one, which is drawn where none is named. Packages register theirs as entry points in the
group ``backbus.figures``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from backbus.errors import UsageError
from backbus.kinds import ArgumentKind, takes

GROUP = "backbus.figures"
OURS = (
    "price",
    "chart",
    "account",
    "drawdowns",
    "returns",
    "costs",
    "trades",
    "trade_exits",
    "excursions",
    "points",
    "selection",
    "folds",
    "paths",
    "markets",
)
"""Modules that have figures, in the order in which a report shows them."""
Draw = Callable[..., Any]
"""Of a result, and of choices that have defaults."""


class NothingToShow(Exception):
    """A figure would be empty; the message says why."""


@dataclass(frozen=True)
class RegisteredFigure:
    """A figure that can be looked up."""

    name: str
    meaning: str
    """One line."""
    of: str
    """The kind of result that it is of: ``run``, or that of a search."""
    draw: Draw


_KNOWN: dict[tuple[str, str], RegisteredFigure] = {}
"""By the kind of result and the name."""


def figure(name: str, meaning: str, *, of: str = "run") -> Callable[[Draw], Draw]:
    """Register a function as the figure of this name; one of that name is replaced, so that a cell can run twice.

    ``of`` is ``run``, or a kind of search: ``sweep``, ``walk_forward``, ``cpcv``, ``monte_carlo``."""
    if not isinstance(name, str) or not isinstance(meaning, str) or not name or not meaning:
        raise UsageError("a figure has a name and a line that says what it shows")

    @takes(draw=ArgumentKind("a function of a result", callable))
    def put(draw: Draw) -> Draw:
        if not _is_ours(draw):
            _load_ours()  # else one of ours, loaded later, would take the place of a user's of the same name
        _KNOWN[of, name] = RegisteredFigure(name, meaning, of, draw)
        return draw

    return put


@cache
def _load_ours() -> None:
    for room in OURS:
        import_module(f"backbus.figures.{room}")


@cache
def _load() -> None:
    """Ours, and those of packages that are installed; one that cannot be loaded says so where it would stand."""
    _load_ours()
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except (Exception, SystemExit) as error:  # a package may do anything, and the other figures are worth seeing
            told = f"the package of the figure {point.name!r} ({point.value}) cannot be loaded: "
            _KNOWN["run", point.name] = RegisteredFigure(
                point.name, "not loaded", "run", _refusing(f"{told}{type(error).__name__}: {error}; mend or remove it")
            )


def _refusing(message: str) -> Draw:
    def draw(_: Any) -> Any:
        raise UsageError(message)

    return draw


def _is_ours(draw: Draw) -> bool:
    package, _, room = draw.__module__.rpartition(".")
    return package == GROUP and room in OURS


def figures(of: str = "run") -> dict[str, RegisteredFigure]:
    """All figures of a kind of result, by name: ours in a report's order, then others as they were registered."""
    _load()
    found = sorted(_KNOWN.values(), key=_place)
    return {one.name: one for one in found if one.of == of}


def _place(one: RegisteredFigure) -> int:
    return OURS.index(one.draw.__module__.rpartition(".")[2]) if _is_ours(one.draw) else len(OURS)


def find_figure(name: str, of: str = "run") -> RegisteredFigure:
    """One by its name. Raises UsageError."""
    known = figures(of)
    if not isinstance(name, str) or name not in known:
        raise UsageError(f"there is no figure {name!r} of a {of}; choose one of {', '.join(known)}")
    return known[name]
