"""The figures of one result, by name: drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from backbus.figures.registry import NothingToShow, figures, find_figure
from backbus.runs.shown import RunShown, Shown


class Figures(Mapping[str, Any]):
    """``figures["equity"]`` draws one; a notebook lists them with what each shows."""

    def __init__(self, result: Shown) -> None:
        self._result = result
        self._of = "run" if isinstance(result, RunShown) else getattr(result, "kind", "sweep")

    def __getitem__(self, name: str) -> Any:
        """Plotly's figure; or one with the words that say why there is nothing to draw. Raises UsageError for a name
        that is not known."""
        one = find_figure(name, self._of)
        try:
            return one.draw(self._result)
        except NothingToShow as said:
            return empty_figure(str(said))

    def __iter__(self) -> Iterator[str]:
        return iter(figures(self._of))

    def __len__(self) -> int:
        return len(figures(self._of))

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {one.meaning}" for name, one in figures(self._of).items())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(one.meaning)}</td></tr>"
            for name, one in figures(self._of).items()
        )
        return f"<table>{rows}</table>"


def empty_figure(words: str) -> Any:
    """Words in place of a chart."""
    import plotly.graph_objects as go

    from backbus.figures.style import dress

    found = go.Figure()
    found.add_annotation(text=escape(words), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    dress(found, height=160)
    found.update_xaxes(visible=False)
    found.update_yaxes(visible=False)
    return found
