"""The command line. Each file has one group of commands; nothing heavy is imported before a command needs it."""

from __future__ import annotations

from backbus.cli.app import main

__all__ = ["main"]
