"""Structured logs on standard error: one line an event, JSON where a machine reads them."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Any, TextIO, cast

from backbus.settings import Settings


class Willing:
    """Standard error, without the errors of a disk that is full: who cannot say what happened goes on all the same."""

    def write(self, text: str) -> None:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        """Likewise."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def logger(service: str, settings: Settings) -> Any:
    """A logger whose every line names the service."""
    structlog = _structlog()
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    renderer: Any = (
        structlog.processors.JSONRenderer() if settings.log_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", Willing())),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger().bind(service=service)


def _structlog() -> Any:
    """structlog, without rich: it draws what is not drawn here, and takes a tenth of a second to load."""
    drawn = "rich" in sys.modules
    if not drawn:
        sys.modules["rich"] = None  # type: ignore[assignment]  # which is how an import is told that there is none
    try:
        import structlog
    finally:
        if not drawn:
            del sys.modules["rich"]
    return structlog
