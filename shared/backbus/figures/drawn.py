"""The figures of one result, by name: drawn when they are asked for."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from html import escape
from textwrap import wrap
from typing import Any

from backbus.errors import UsageError
from backbus.figures.lines import lightened
from backbus.figures.registry import NothingToShow, RegisteredFigure, figures, find_figure
from backbus.runs.shown import RunShown, Shown

_WIDTH = 52
"""Letters of a line of words: what a phone has room for."""


class Figures(Mapping[str, Any]):
    """``figures["equity"]`` draws one; a notebook lists them with what each shows."""

    def __init__(self, result: Shown) -> None:
        self._result = result
        self.of = "run" if isinstance(result, RunShown) else getattr(result, "kind", "sweep")
        """The kind of result."""

    def __getitem__(self, name: str) -> Any:
        """Plotly's figure; or one with the words that say why there is nothing to draw. Raises UsageError for a name
        that is not known."""
        return self.draw(name)

    def draw(self, name: str, **choices: Any) -> Any:
        """The same, with what the figure lets one choose: ``draw("price", asset="IBM")``."""
        one = find_figure(name, self.of)
        _check_choices(one, choices)
        try:
            return lightened(one.draw(self._result, **choices))
        except NothingToShow as said:
            return empty_figure(str(said), name.replace("_", " ").capitalize())

    @property
    def main(self) -> str:
        """The name of the one that stands for the result where none is named."""
        return next(iter(self))

    def __iter__(self) -> Iterator[str]:
        return iter(figures(self.of))

    def __len__(self) -> int:
        return len(figures(self.of))

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {one.meaning}" for name, one in figures(self.of).items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(one.meaning)}</td></tr>"
            for name, one in figures(self.of).items()
        )
        return f"<table>{rows}</table>"


def _check_choices(one: RegisteredFigure, choices: Mapping[str, Any]) -> None:
    """Raise UsageError for what a figure does not let one choose."""
    _, *parameters = inspect.signature(one.draw).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    known = [each.name for each in parameters]
    for name in choices:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {close[0]!r}?"
                if close
                else f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
            )
            raise UsageError(f"the figure {one.name!r} has no choice {name!r}; {hint if known else 'it has none'}")


def empty_figure(words: str, title: str | None = None) -> Any:
    """Words in place of a chart."""
    import plotly.graph_objects as go

    from backbus.figures.style import dress

    found = go.Figure()
    found.add_annotation(
        text="<br>".join(escape(part) for part in wrap(words, _WIDTH)),
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
    )
    dress(found, title, height=160)
    found.update_xaxes(visible=False)
    found.update_yaxes(visible=False)
    return found
