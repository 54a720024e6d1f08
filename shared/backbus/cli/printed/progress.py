"""A progress bar on standard error, where somebody looks at it: how far, how fast, how long it takes yet.

In a pipe or a file there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backbus.cli import listening


def speed_in_words(per_s: float | None, unit: str) -> str:
    """So many a second, in three figures."""
    if per_s is None or per_s <= 0.0:
        return ""
    for least, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if per_s >= least:
            return f"{per_s / least:.3g} {letter}{unit if unit == 'B' else ' ' + unit}/s"
    return f"{per_s:.3g} {unit}/s"


def left_in_words(seconds: float | None) -> str:
    """How long it takes yet."""
    if seconds is None:
        return ""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s left"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s left" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min left"


@contextmanager
def bar_of(name: str, *, quiet: bool, unit: str = "rows") -> Iterator[Callable[[int, int], None] | None]:
    """The bar of one piece of work; what it yields hears how much is done, and of how much, in ``unit``."""
    if listening.caller is not None:
        yield listening.caller
        return
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn
    from rich.table import Column
    from rich.text import Text

    class Pace(ProgressColumn):
        """How fast, and how long yet."""

        def render(self, task: Task) -> Text:
            """Both, as far as they are known."""
            told = (speed_in_words(task.speed, unit), left_in_words(task.time_remaining) if task.completed else "")
            return Text(", ".join(filter(None, told)))

    class Name(ProgressColumn):
        """What is being done; a name is no markup."""

        def render(self, task: Task) -> Text:
            """Its name."""
            return Text(task.description, overflow="ellipsis", no_wrap=True)

    columns = (Name(Column(ratio=1)), BarColumn(bar_width=20), TaskProgressColumn(), Pace(Column(no_wrap=True)))
    with Progress(*columns, console=Console(stderr=True), transient=True, expand=False) as bar:
        task = bar.add_task(name, total=None)

        def move(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield move
