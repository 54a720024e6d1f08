"""A figure as a file: a page that needs no other file and no network, or a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backbus.errors import UsageError
from backbus.extras import install
from backbus.kinds import PATH, an, takes
from backbus.together import text_file, write_together, writing

PAGE, PICTURES = ".html", (".svg", ".png", ".pdf")
CONFIG = {"displaylogo": False, "showSendToCloud": False, "responsive": True}
"""For plotly's scripts: no button that sends what is shown to a server of theirs, which is on unless it is told."""
_OF_ITS_OWN = re.compile(r"\b(?:clip|topdefs-|defs-|legend|trace|g)([0-9a-f]{6})")


def check_place(path: Path) -> None:
    """Raise UsageError where no figure can be written to ``path``: before what it shows is computed."""
    try:
        import plotly  # noqa: F401
    except ImportError:
        raise UsageError(f"figures need plotly: {install('figures')}") from None
    if path.suffix not in (PAGE, *PICTURES):
        raise UsageError(f"a figure is written to a file that ends in {PAGE}, .svg, .png or .pdf, not to {path.name}")
    if path.suffix != PAGE:
        try:
            import kaleido  # noqa: F401
        except ImportError:
            raise UsageError(f"a figure as {path.suffix} needs kaleido and a Chromium; take {PAGE}") from None
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} to write a figure to")


@takes(figure=an("BaseFigure", "a figure of plotly, as result.plot() gives it"), path=PATH)
def write_figure(figure: Any, path: Path | str) -> None:
    """Write a figure, whole or not at all: by the file's suffix a page with all that it needs, or a picture. Raises
    UsageError, and BackbusError where the system refuses."""
    path = Path(path)
    check_place(path)
    if path.suffix == PAGE:
        page = type(figure)(figure).update_layout(width=None, autosize=True)
        text = page.to_html(include_plotlyjs=True, full_html=True, div_id="figure", config=CONFIG)
        _write(path, text_file(text))
        return
    try:
        picture: bytes = figure.to_image(format=path.suffix[1:])
    except RuntimeError as error:
        raise UsageError(f"a figure as {path.suffix} needs a Chromium ({error}); take {PAGE}") from None
    if path.suffix == ".svg":
        picture = _steady(picture.decode()).encode()
    _write(path, lambda part: part.write_bytes(picture))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    with writing(path):
        write_together(path.parent, {path.name: write})


def _steady(svg: str) -> str:
    """The same picture whenever it is made: ids that were drawn are counted instead."""
    drawn = list(dict.fromkeys(_OF_ITS_OWN.findall(svg)))
    counted = {one: f"{number:06}" for number, one in enumerate(drawn)}
    return _OF_ITS_OWN.sub(lambda found: found[0].removesuffix(found[1]) + counted[found[1]], svg)
