"""The market simulator: models, correlation and scenarios in; bars out, the same for a seed whatever the blocks."""

from backbus.simulator.market import Market

__all__ = ["Market"]
