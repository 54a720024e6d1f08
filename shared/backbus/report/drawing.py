"""The registered figures of a result as a page holds them; or the words that stand in place of one."""

from __future__ import annotations

import re
from typing import Any

from backbus.errors import BackbusError
from backbus.figures.registry import NothingToShow, RegisteredFigure, figures
from backbus.report.assets import assets_of
from backbus.report.packing import Packing, Told
from backbus.report.series import Below, Lifted
from backbus.runs.shown import RunShown, SweepShown
from backbus.together import encodable

_HEIGHT = 420
_ABOVE, _TITLE = 56, 40
"""Pixels above a figure, and those of them that its title takes."""
_TAGS = re.compile(r"</?(?:sub|sup|b|i|br|em|span)\b[^>]*>")
"""What plotly's titles may be set in."""


def figures_of(result: RunShown | SweepShown, packing: Packing) -> tuple[list[Told], Told]:
    """All of a result's kind, in the order of the registry; and what else may be drawn in them."""
    kind = result.kind if isinstance(result, SweepShown) else "run"
    follows = None
    if isinstance(result, RunShown) and "equity" in result.tables and result.count("equity"):
        follows = Below(result.column("equity", "equity"), result.cash)
    lifted = Lifted(packing, follows)
    found = [_one(one, result, lifted) for one in figures(kind).values()]
    assets = assets_of(result, found, lifted) if isinstance(result, RunShown) else {}
    lifted.settle()
    return found, assets


def _one(one: RegisteredFigure, result: RunShown | SweepShown, lifted: Lifted) -> Told:
    told = {"name": one.name, "meaning": one.meaning, "title": _title(one.name)}
    name = result.summary["name"] if isinstance(result, SweepShown) else result.summary.name
    try:
        drawn = one.draw(result)
        spec, series = lifted.figure(drawn)
        return _laid_out(told, spec, series, (name, ""))
    except NothingToShow as why:
        words = f"Nothing to show: {why}."
    except BackbusError as error:
        words = f"Not drawn: {error}"
    except (Exception, SystemExit) as error:  # a user's own may do anything, and the rest of the page is worth reading
        words = f"Not drawn: the figure {one.name!r} raised {type(error).__name__}: {_said(error)}"
    return {**told, "words": encodable(words)}


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an exception of a user's own
        return "it has no words"


def drawn_figure(name: str, meaning: str, figure: Any, lifted: Lifted) -> Told:
    """A figure that is drawn already."""
    spec, series = lifted.figure(figure)
    return _laid_out({"name": name, "meaning": meaning, "title": _title(name)}, spec, series, ("",))


def _laid_out(told: Told, spec: dict[str, Any], series: list[Told], nothing: tuple[str, ...]) -> Told:
    """What a page needs of it; a title that says ``nothing`` more than the page's own does not stand there."""
    layout = spec["layout"]
    title, _, more = ((layout.pop("title", None) or {}).get("text") or "").partition("<br>")
    title, more = _TAGS.sub("", title), _TAGS.sub("", more)
    if more:
        told["meaning"] += f": {more}"
    height = layout.pop("height", None) or _HEIGHT
    layout.pop("width", None)
    layout.pop("template", None)
    if title in nothing:
        title = told["title"]  # the page has that name at its head
    else:
        margin = layout.setdefault("margin", {})
        above = margin.get("t", _ABOVE)
        margin["t"] = max(30, above - _TITLE)  # what stands there besides keeps its room
        height = max(180, height - above + margin["t"])
    axes = sorted({_axis(spec["data"][each["trace"]]) for each in series})
    return {**told, "title": title, "height": height, "spec": spec, "series": series, "time": axes}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _axis(trace: dict[str, Any]) -> str:
    """The layout's name of a trace's x axis."""
    return "xaxis" + str(trace.get("xaxis", "x"))[1:]
