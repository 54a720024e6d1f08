"""How far a price must stray before mean_reversion.py believes that it will come back."""

ENTER = -1.5
EXIT = 0.0
"""In standard deviations from the window's mean."""
