"""How all figures look."""

from __future__ import annotations

from typing import Any

BLUE, ORANGE, GREEN, RED, GREY = "#2563a8", "#d9822b", "#2f8f5b", "#b8383d", "#8a929c"
LINES = (BLUE, ORANGE, GREEN, RED, "#7a4fa3", "#8c6239", "#c2679d", "#3d3d3d")
"""Colours of lines, one after the other."""
_GRID, _TEXT = "#e3e6ea", "#2b3138"
_DARK_INK = "#10151a"
"""On colours that are light in every theme; ``white``, on all others, is dark on a dark ground."""
THEMES = {
    "light": {"text": _TEXT, "grid": _GRID, "paper": "#ffffff"},
    "dark": {
        "text": "#d3d8de",
        "grid": "#333a42",
        "paper": "#15191e",
        "swap": {
            _TEXT: "#d3d8de",
            "#3d3d3d": "#b4bac2",
            "#ffffff": "#15191e",
            "white": "#15191e",
            BLUE: "#5b9bdf",
            ORANGE: "#e89a4a",
            GREEN: "#4cb37c",
            RED: "#e0646a",
            "#7a4fa3": "#ab83d6",
            "#8c6239": "#bd9064",
        },
    },
}
"""Colours of text, lines of the grid and ground, as a page's script puts them into figures; ``swap`` has for a dark
ground what stands for a colour of the light one."""


def inked(colours: str | list[str]) -> dict[str, Any]:
    """How texts in bars of these colours are set, so that they can be read on them: a part of a trace."""
    one = isinstance(colours, str)
    inks = [_DARK_INK if colour in (ORANGE, GREY) else "white" for colour in ([colours] if one else colours)]
    return {"insidetextfont": {"color": inks[0] if one else inks}}


def see_through(colour: str, share: float) -> str:
    """The colour, so much of it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def dress(figure: Any, title: str | None = None, *, width: int = 900, height: int = 480) -> Any:
    """Give a figure its look and size in pixels; the same figure."""
    top = 56 if title else 32
    look = {
        "template": "none",
        "title": {"text": title, "x": 0.01, "xanchor": "left"} if title else None,
        "width": width,
        "height": height,
        "font": {"family": "DejaVu Sans, Verdana, sans-serif", "size": 11, "color": _TEXT},
        "margin": {"l": 60, "r": 16, "t": top, "b": 40},
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 1.0, "xanchor": "right"},
        "plot_bgcolor": "white",
        "paper_bgcolor": "white",
        "hovermode": "x",
    }
    for name, value in look.items():  # one by one: ``update_layout`` takes five times as long
        figure.layout[name] = value
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis["gridcolor"] = axis["linecolor"] = _GRID
        axis["zeroline"] = False
    return figure
