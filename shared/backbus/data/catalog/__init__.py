"""Datasets: imported once, inspected, and found by name."""
